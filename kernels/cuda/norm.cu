// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm, with the residual's addition if wanted: a warp per row; weight gradients in parts of 64 rows
// that are then added up in their order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kRowsPerBlock = kThreads / kWarp, kPartRows = 64;

SERP_FN std::int64_t rowOfWarp() {
  return blockX() * kRowsPerBlock + threadX() / kWarp;
}

/// `sum`, where wanted, is x + residual and what is normalised; a lane reads what it has written itself.
template <class T, int V>
SERP_KERNEL forwardKernel(NormShape s, const float* x, std::int64_t xStride, const float* residual,
                          std::int64_t residualStride, float* sum, std::int64_t sumStride, const float* weight,
                          const float* bias, float* y, std::int64_t yStride, float* stats) {
  const std::int64_t r = rowOfWarp();
  if (r >= s.rows) return;  // whole warps
  if (sum) {
    for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
      auto a = loadPack<T, V>(x, r * xStride + c);
      const auto b = loadPack<T, V>(residual, r * residualStride + c);
      for (int v = 0; v < V; ++v) a[v] += b[v];
      storePack<T, V>(sum, r * sumStride + c, a);
    }
    x = sum, xStride = sumStride;
  }
  float mean = 0, square = 0;
  if (s.kind == NormKind::Layer) {
    for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
      const auto a = loadPack<T, V>(x, r * xStride + c);
      for (int v = 0; v < V; ++v) mean += a[v];
    }
    mean = warpSum(mean) / static_cast<float>(s.width);
  }
  for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
    const auto a = loadPack<T, V>(x, r * xStride + c);
    for (int v = 0; v < V; ++v) square += (a[v] - mean) * (a[v] - mean);
  }
  const float inverse = 1.0f / sqrtf(warpSum(square) / static_cast<float>(s.width) + s.eps);
  for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
    auto a = loadPack<T, V>(x, r * xStride + c);
    const auto w = loadParameters<V>(weight, c, 1.0f), b = loadParameters<V>(bias, c, 0.0f);
    for (int v = 0; v < V; ++v) a[v] = (a[v] - mean) * inverse * w[v] + b[v];
    storePack<T, V>(y, r * yStride + c, a);
  }
  if (stats && laneX() == 0) {
    stats[2 * r] = mean;
    stats[2 * r + 1] = inverse;
  }
}

template <class T, int V>
SERP_KERNEL inputGradientKernel(NormShape s, const float* x, std::int64_t xStride, const float* weight,
                                const float* stats, const float* dy, std::int64_t dyStride, const float* dxAdd,
                                float* dx, std::int64_t dxStride) {
  const std::int64_t r = rowOfWarp();
  if (r >= s.rows) return;
  const float mean = stats[2 * r], inverse = stats[2 * r + 1], width = static_cast<float>(s.width);
  float dot = 0, total = 0;
  for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
    const auto a = loadPack<T, V>(x, r * xStride + c), d = loadPack<T, V>(dy, r * dyStride + c);
    const auto w = loadParameters<V>(weight, c, 1.0f);
    for (int v = 0; v < V; ++v) {
      const float g = d[v] * w[v];
      dot += g * (a[v] - mean) * inverse;
      total += g;
    }
  }
  dot = warpSum(dot) / width;
  total = s.kind == NormKind::Layer ? warpSum(total) / width : 0.0f;
  for (std::int64_t c = laneX() * V; c < s.width; c += kWarp * V) {
    const auto a = loadPack<T, V>(x, r * xStride + c), d = loadPack<T, V>(dy, r * dyStride + c);
    const auto w = loadParameters<V>(weight, c, 1.0f);
    Values<V> to = {};
    if (dxAdd) to = loadPack<T, V>(dxAdd, r * dxStride + c);
    for (int v = 0; v < V; ++v) {
      const float g = d[v] * w[v], normal = (a[v] - mean) * inverse;
      to[v] += (g - total - normal * dot) * inverse;
    }
    storePack<T, V>(dx, r * dxStride + c, to);
  }
}

/// [part][width] of dWeight, then of dBias.
template <class T, int V>
SERP_KERNEL weightGradientKernel(NormShape s, const float* x, std::int64_t xStride, const float* stats, const float* dy,
                                 std::int64_t dyStride, float* weightParts, float* biasParts) {
  const std::int64_t i = globalX(kThreads), part = i / (s.width / V), c = i % (s.width / V) * V;
  if (part * kPartRows >= s.rows) return;
  Values<V> w = {}, b = {};
  for (std::int64_t r = part * kPartRows; r < s.rows && r < (part + 1) * kPartRows; ++r) {
    const float mean = stats[2 * r], inverse = stats[2 * r + 1];
    const auto a = loadPack<T, V>(x, r * xStride + c), g = loadPack<T, V>(dy, r * dyStride + c);
    for (int v = 0; v < V; ++v) {
      w[v] += g[v] * (a[v] - mean) * inverse;
      b[v] += g[v];
    }
  }
  for (int v = 0; v < V; ++v) {
    weightParts[part * s.width + c + v] = w[v];
    biasParts[part * s.width + c + v] = b[v];
  }
}

Status forward(const NormShape& s, const float* x, std::int64_t xStride, const float* residual,
               std::int64_t residualStride, float* sum, std::int64_t sumStride, const float* weight, const float* bias,
               float* y, std::int64_t yStride, float* stats, Stream stream, DType type) {
  return withType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto packing = Packing(type, kPack<T>)
                             .width(s.width)
                             .rows(x, xStride)
                             .rows(residual, residualStride)
                             .rows(sum, sumStride)
                             .rows(y, yStride)
                             .parameters(weight)
                             .parameters(bias);
    return withPack<kPack<T>>(bool(packing), [&](auto pack) {
      return launch(forwardKernel<T, pack>, {ceilDiv(s.rows, kRowsPerBlock), kThreads, 0, stream}, s, x, xStride,
                    residual, residualStride, sum, sumStride, weight, bias, y, yStride, stats);
    });
  });
}

}  // namespace

std::int64_t normBackwardWorkspace(const NormShape& s) noexcept {
  return 2 * ceilDiv(s.rows, kPartRows) * s.width;
}

Status normForward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, x, xStride); status != Status::Ok || nothing(s)) return status;
  if (!y || yStride < s.width) return Status::BadArgument;
  return forward(s, x, xStride, nullptr, 0, nullptr, 0, weight, bias, y, yStride, stats, stream, type);
}

Status normResidualForward(const NormShape& s, const float* x, std::int64_t xStride, const float* residual,
                           std::int64_t residualStride, float* sum, std::int64_t sumStride, const float* weight,
                           const float* bias, float* y, std::int64_t yStride, float* stats, Stream stream,
                           DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, x, xStride); status != Status::Ok || nothing(s)) return status;
  if (!y || yStride < s.width || !residual || residualStride < s.width || !sum || sumStride < s.width)
    return Status::BadArgument;
  return forward(s, x, xStride, residual, residualStride, sum, sumStride, weight, bias, y, yStride, stats, stream,
                 type);
}

Status normBackward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                    float* dWeight, float* dBias, float* workspace, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, x, xStride); status != Status::Ok || nothing(s)) return status;
  if (!stats || !dy || !dx || !workspace || dyStride < s.width || dxStride < s.width) return Status::BadArgument;
  const std::int64_t parts = ceilDiv(s.rows, kPartRows);
  float *weightParts = workspace, *biasParts = workspace + parts * s.width;
  Status status = withType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto packing = Packing(type, kPack<T>)
                             .width(s.width)
                             .rows(x, xStride)
                             .rows(dy, dyStride)
                             .rows(dxAdd, dxStride)
                             .rows(dx, dxStride)
                             .parameters(weight);
    return withPack<kPack<T>>(bool(packing), [&](auto pack) {
      Status done = Status::Ok;
      // First the weights: dx may replace what they are computed from.
      if (dWeight || dBias)
        done = launch(weightGradientKernel<T, pack>, {ceilDiv(parts * (s.width / pack), kThreads), kThreads, 0, stream},
                      s, x, xStride, stats, dy, dyStride, weightParts, biasParts);
      if (done != Status::Ok) return done;
      return launch(inputGradientKernel<T, pack>, {ceilDiv(s.rows, kRowsPerBlock), kThreads, 0, stream}, s, x, xStride,
                    weight, stats, dy, dyStride, dxAdd, dx, dxStride);
    });
  });
  if (status == Status::Ok && dWeight)
    status = sumParts(weightParts, parts, s.width, s.width, s.width, 1.0f, dWeight, stream);
  if (status == Status::Ok && dBias)
    status = sumParts(biasParts, parts, s.width, s.width, s.width, 1.0f, dBias, stream);
  return status;
}

}  // namespace serp::kernels::SERP_GPU
