// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm: a warp per row; weight gradients in parts of 64 rows that are then added up in their order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kRowsPerBlock = kThreads / kWarp, kPartRows = 64;

SERP_FN std::int64_t rowOfWarp() {
  return blockX() * kRowsPerBlock + threadX() / kWarp;
}

SERP_KERNEL forwardKernel(NormShape s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                          float* y, std::int64_t yStride, float* stats) {
  const std::int64_t r = rowOfWarp();
  if (r >= s.rows) return;  // whole warps
  const float* row = x + r * xStride;
  float mean = 0, square = 0;
  if (s.kind == NormKind::Layer) {
    for (std::int64_t c = laneX(); c < s.width; c += kWarp) mean += row[c];
    mean = warpSum(mean) / static_cast<float>(s.width);
  }
  for (std::int64_t c = laneX(); c < s.width; c += kWarp) square += (row[c] - mean) * (row[c] - mean);
  const float inverse = 1.0f / sqrtf(warpSum(square) / static_cast<float>(s.width) + s.eps);
  for (std::int64_t c = laneX(); c < s.width; c += kWarp)
    y[r * yStride + c] = (row[c] - mean) * inverse * (weight ? weight[c] : 1.0f) + (bias ? bias[c] : 0.0f);
  if (stats && laneX() == 0) {
    stats[2 * r] = mean;
    stats[2 * r + 1] = inverse;
  }
}

SERP_KERNEL inputGradientKernel(NormShape s, const float* x, std::int64_t xStride, const float* weight,
                                const float* stats, const float* dy, std::int64_t dyStride, const float* dxAdd,
                                float* dx, std::int64_t dxStride) {
  const std::int64_t r = rowOfWarp();
  if (r >= s.rows) return;
  const float mean = stats[2 * r], inverse = stats[2 * r + 1], width = static_cast<float>(s.width);
  float dot = 0, total = 0;
  for (std::int64_t c = laneX(); c < s.width; c += kWarp) {
    const float g = dy[r * dyStride + c] * (weight ? weight[c] : 1.0f);
    dot += g * (x[r * xStride + c] - mean) * inverse;
    total += g;
  }
  dot = warpSum(dot) / width;
  total = s.kind == NormKind::Layer ? warpSum(total) / width : 0.0f;
  for (std::int64_t c = laneX(); c < s.width; c += kWarp) {
    const float g = dy[r * dyStride + c] * (weight ? weight[c] : 1.0f), normal = (x[r * xStride + c] - mean) * inverse;
    dx[r * dxStride + c] = (g - total - normal * dot) * inverse + (dxAdd ? dxAdd[r * dxStride + c] : 0.0f);
  }
}

/// [part][width] of dWeight, then of dBias.
SERP_KERNEL weightGradientKernel(NormShape s, const float* x, std::int64_t xStride, const float* stats, const float* dy,
                                 std::int64_t dyStride, float* weightParts, float* biasParts) {
  const std::int64_t i = globalX(kThreads), part = i / s.width, c = i % s.width;
  if (part * kPartRows >= s.rows) return;
  float w = 0, b = 0;
  for (std::int64_t r = part * kPartRows; r < s.rows && r < (part + 1) * kPartRows; ++r) {
    const float g = dy[r * dyStride + c];
    w += g * (x[r * xStride + c] - stats[2 * r]) * stats[2 * r + 1];
    b += g;
  }
  weightParts[i] = w;
  biasParts[i] = b;
}

}  // namespace

std::int64_t normBackwardWorkspace(const NormShape& s) noexcept {
  return 2 * ceilDiv(s.rows, kPartRows) * s.width;
}

Status normForward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, x, xStride); status != Status::Ok || nothing(s)) return status;
  if (!y || yStride < s.width) return Status::BadArgument;
  return launch(forwardKernel, {ceilDiv(s.rows, kRowsPerBlock), kThreads, 0, stream}, s, x, xStride, weight, bias, y,
                yStride, stats);
}

Status normBackward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                    float* dWeight, float* dBias, float* workspace, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, x, xStride); status != Status::Ok || nothing(s)) return status;
  if (!stats || !dy || !dx || !workspace || dyStride < s.width || dxStride < s.width) return Status::BadArgument;
  const std::int64_t parts = ceilDiv(s.rows, kPartRows);
  float *weightParts = workspace, *biasParts = workspace + parts * s.width;
  Status status = Status::Ok;
  // First the weights: dx may replace what they are computed from.
  if (dWeight || dBias)
    status = launch(weightGradientKernel, {ceilDiv(parts * s.width, kThreads), kThreads, 0, stream}, s, x, xStride,
                    stats, dy, dyStride, weightParts, biasParts);
  if (status == Status::Ok)
    status = launch(inputGradientKernel, {ceilDiv(s.rows, kRowsPerBlock), kThreads, 0, stream}, s, x, xStride, weight,
                    stats, dy, dyStride, dxAdd, dx, dxStride);
  if (status == Status::Ok && dWeight)
    status = sumParts(weightParts, parts, s.width, s.width, s.width, 1.0f, dWeight, stream);
  if (status == Status::Ok && dBias)
    status = sumParts(biasParts, parts, s.width, s.width, s.width, 1.0f, dBias, stream);
  return status;
}

}  // namespace serp::kernels::SERP_GPU
