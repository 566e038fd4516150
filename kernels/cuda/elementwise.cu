// SPDX-License-Identifier: GPL-3.0-or-later
// Activations with and without a gate, the rotation that splits attention heads, and sums over columns.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kPartRows = 64;

constexpr float kHalfRoot = 0.707106781186547524f, kGaussPeak = 0.398942280401432678f;

template <Activation kKind>
SERP_FN float act(float x) {
  if constexpr (kKind == Activation::Relu) return x <= 0 ? 0.0f : x;  // NaN stays
  if constexpr (kKind == Activation::Gelu) return 0.5f * x * (1.0f + erff(x * kHalfRoot));
  if constexpr (kKind == Activation::Silu) return x * sigmoid(x);
  if constexpr (kKind == Activation::Relu2) return x <= 0 ? 0.0f : x * x;
}
template <Activation kKind>
SERP_FN float slope(float x) {
  if constexpr (kKind == Activation::Relu) return x <= 0 ? 0.0f : 1.0f;
  if constexpr (kKind == Activation::Gelu)
    return 0.5f * (1.0f + erff(x * kHalfRoot)) + x * kGaussPeak * expf(-0.5f * x * x);
  if constexpr (kKind == Activation::Silu) {
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
  }
  if constexpr (kKind == Activation::Relu2) return x <= 0 ? 0.0f : 2.0f * x;
}

template <class T, int V, Activation kKind>
SERP_KERNEL activateKernel(ActivationRows r, float* out, std::int64_t outStride) {
  const std::int64_t i = globalX(kThreads) * V, row = i / r.width, c = i % r.width;
  if (row >= r.rows) return;
  auto h = loadPack<T, V>(r.h, row * r.hStride + c);
  Values<V> gate;
  if (r.up) gate = loadPack<T, V>(r.up, row * r.upStride + c);
  for (int v = 0; v < V; ++v) h[v] = act<kKind>(h[v]) * (r.up ? gate[v] : 1.0f);
  storePack<T, V>(out, row * outStride + c, h);
}

template <class T, int V, Activation kKind>
SERP_KERNEL activateBackwardKernel(ActivationRows r, const float* dOut, std::int64_t dOutStride, float* dh,
                                   std::int64_t dhStride, float* dUp, std::int64_t dUpStride) {
  const std::int64_t i = globalX(kThreads) * V, row = i / r.width, c = i % r.width;
  if (row >= r.rows) return;
  const auto h = loadPack<T, V>(r.h, row * r.hStride + c);
  auto d = loadPack<T, V>(dOut, row * dOutStride + c);
  if (r.up) {
    const auto up = loadPack<T, V>(r.up, row * r.upStride + c);
    Values<V> toUp;
    for (int v = 0; v < V; ++v) {
      toUp[v] = d[v] * act<kKind>(h[v]);
      d[v] *= up[v];
    }
    if (dUp) storePack<T, V>(dUp, row * dUpStride + c, toUp);
  }
  for (int v = 0; v < V; ++v) d[v] *= slope<kKind>(h[v]);
  if (dh) storePack<T, V>(dh, row * dhStride + c, d);
}

template <class F>
Status withActivation(Activation kind, F f) {
  switch (kind) {
    case Activation::Relu:
      return f(std::integral_constant<Activation, Activation::Relu>());
    case Activation::Gelu:
      return f(std::integral_constant<Activation, Activation::Gelu>());
    case Activation::Silu:
      return f(std::integral_constant<Activation, Activation::Silu>());
    case Activation::Relu2:
      return f(std::integral_constant<Activation, Activation::Relu2>());
  }
  return Status::BadArgument;
}

bool good(const ActivationRows& r) {
  return r.h && r.hStride >= r.width && (!r.up || r.upStride >= r.width);
}

// --- attention heads -----------------------------------------------------------------------------------------------

SERP_KERNEL anglesKernel(std::int64_t length, std::int64_t width, double base, std::int64_t first,
                         const std::int64_t* firstOnDevice, float* cosines, float* sines) {
  const std::int64_t half = width / 2, at = globalX(kThreads), t = at / half, i = at % half;
  if (t >= length) return;
  const double rate = pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(width));
  const double angle = static_cast<double>(first + (firstOnDevice ? *firstOnDevice : 0) + t) * rate;
  cosines[at] = static_cast<float>(cos(angle));
  sines[at] = static_cast<float>(sin(angle));
}

struct ThreeHeads {
  HeadsView part[3];  // q, k, v
};

/// A thread per V elements of a head's row, in all three parts; q and k are turned by sign times the angle.
template <class T, int V>
SERP_KERNEL rotateKernel(HeadsShape s, ThreeHeads from, ThreeHeads to, const float* cosines, const float* sines,
                         std::int64_t half, float sign) {
  const std::int64_t index = globalX(kThreads) * V, i = index % s.width, row = index / s.width, t = row % s.length,
                     h = row / s.length % s.heads, b = row / s.length / s.heads;
  if (b >= s.batch) return;
  SERP_UNROLL
  for (int p = 0; p < 3; ++p) {
    const HeadsView& f = from.part[p];
    const std::int64_t at = b * f.batch + h * f.head + t * f.time;
    auto x = loadPack<T, V>(f.at, at + i);
    if (p < 2 && i < 2 * half) {
      const bool upper = i >= half;
      const std::int64_t j = upper ? i - half : i;
      const auto other = loadPack<T, V>(f.at, at + (upper ? j : i + half));
      const auto c = loadParameters<V>(cosines, t * half + j, 1.0f), n = loadParameters<V>(sines, t * half + j, 0.0f);
      for (int v = 0; v < V; ++v) {
        const float sine = sign * n[v];
        x[v] = upper ? x[v] * c[v] + other[v] * sine : x[v] * c[v] - other[v] * sine;
      }
    }
    storePack<T, V>(to.part[p].at, b * to.part[p].batch + h * to.part[p].head + t * to.part[p].time + i, x);
  }
}

Status rotate(const HeadsShape& s, const ThreeHeads& from, const ThreeHeads& to, const float* cosines,
              const float* sines, float sign, Stream stream, DType type) {
  const std::int64_t half = cosines ? s.width / 2 : 0;
  return withType(type, [&](auto zero) {
    constexpr int kWide = kPack<decltype(zero)>;
    Packing packing(type, kWide);
    packing.width(s.width).width(half).parameters(cosines).parameters(sines);
    for (const ThreeHeads* heads : {&from, &to})
      for (const HeadsView& v : heads->part) packing.rows(v.at, v.batch).rows(v.at, v.head).rows(v.at, v.time);
    return withPack<kWide>(bool(packing), [&](auto pack) {
      const std::int64_t threads = s.batch * s.heads * s.length * s.width / pack;
      return launch(rotateKernel<decltype(zero), pack>, {ceilDiv(threads, kThreads), kThreads, 0, stream}, s, from, to,
                    cosines, sines, half, sign);
    });
  });
}

/// q, k and v inside qkv [B, T, heads, 3, width].
ThreeHeads inside(const HeadsShape& s, float* qkv, DType type) {
  const std::int64_t all = 3 * s.heads * s.width, each = type == DType::BFloat16 ? 2 : 4;
  ThreeHeads t;
  for (int p = 0; p < 3; ++p)
    t.part[p] = {reinterpret_cast<float*>(reinterpret_cast<char*>(qkv) + p * s.width * each), s.length * all,
                 3 * s.width, all};
  return t;
}

Status check(const HeadsShape& s) {
  return s.batch < 0 || s.length < 0 || s.heads < 1 || s.width < 1 ? Status::BadShape : Status::Ok;
}

// --- columns -------------------------------------------------------------------------------------------------------

template <class T, int V>
SERP_KERNEL columnsKernel(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* parts) {
  const std::int64_t i = globalX(kThreads), part = i / (width / V), c = i % (width / V) * V;
  if (part * kPartRows >= rows) return;
  Values<V> sum = {};
  for (std::int64_t r = part * kPartRows; r < rows && r < (part + 1) * kPartRows; ++r) {
    const auto v = loadPack<T, V>(x, r * stride + c);
    for (int k = 0; k < V; ++k) sum[k] += v[k];
  }
  for (int k = 0; k < V; ++k) parts[part * width + c + k] = sum[k];
}

SERP_KERNEL zeroKernel(std::int64_t count, float* out) {
  const std::int64_t i = globalX(kThreads);
  if (i < count) out[i] = 0;
}

}  // namespace

Status activate(const ActivationRows& r, Activation kind, float* out, std::int64_t outStride, Stream stream,
                DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (r.rows < 0 || r.width < 0) return Status::BadShape;
  if (r.rows == 0 || r.width == 0) return Status::Ok;
  if (!good(r) || !out || outStride < r.width) return Status::BadArgument;
  return withType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto packing =
        Packing(type, kPack<T>).width(r.width).rows(r.h, r.hStride).rows(r.up, r.upStride).rows(out, outStride);
    return withPack<kPack<T>>(bool(packing), [&](auto pack) {
      return withActivation(kind, [&](auto k) {
        return launch(activateKernel<T, pack, k>, {ceilDiv(r.rows * r.width / pack, kThreads), kThreads, 0, stream}, r,
                      out, outStride);
      });
    });
  });
}

Status activateBackward(const ActivationRows& r, Activation kind, const float* dOut, std::int64_t dOutStride, float* dh,
                        std::int64_t dhStride, float* dUp, std::int64_t dUpStride, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (r.rows < 0 || r.width < 0) return Status::BadShape;
  if (r.rows == 0 || r.width == 0) return Status::Ok;
  if (!good(r) || !dOut || dOutStride < r.width || (dh && dhStride < r.width) ||
      (dUp && (!r.up || dUpStride < r.width)))
    return Status::BadArgument;
  return withType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto packing = Packing(type, kPack<T>)
                             .width(r.width)
                             .rows(r.h, r.hStride)
                             .rows(r.up, r.upStride)
                             .rows(dOut, dOutStride)
                             .rows(dh, dhStride)
                             .rows(dUp, dUpStride);
    return withPack<kPack<T>>(bool(packing), [&](auto pack) {
      return withActivation(kind, [&](auto k) {
        return launch(activateBackwardKernel<T, pack, k>,
                      {ceilDiv(r.rows * r.width / pack, kThreads), kThreads, 0, stream}, r, dOut, dOutStride, dh,
                      dhStride, dUp, dUpStride);
      });
    });
  });
}

Status ropeAngles(std::int64_t length, std::int64_t width, double base, std::int64_t first,
                  const std::int64_t* firstOnDevice, float* cosines, float* sines, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (length < 0 || width < 0 || !(base > 0)) return Status::BadShape;
  if (length == 0 || width < 2) return Status::Ok;
  if (!cosines || !sines) return Status::BadArgument;
  return launch(anglesKernel, {ceilDiv(length * (width / 2), kThreads), kThreads, 0, stream}, length, width, base,
                first, firstOnDevice, cosines, sines);
}

Status splitHeads(const HeadsShape& s, const float* qkv, const float* cosines, const float* sines, float* q, float* k,
                  float* v, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s); status != Status::Ok) return status;
  if (s.batch == 0 || s.length == 0) return Status::Ok;
  if (!qkv || !q || !k || !v || !cosines != !sines) return Status::BadArgument;
  const std::int64_t head = s.length * s.width, batch = s.heads * head;
  const ThreeHeads to{{{q, batch, head, s.width}, {k, batch, head, s.width}, {v, batch, head, s.width}}};
  return rotate(s, inside(s, const_cast<float*>(qkv), type), to, cosines, sines, 1.0f, stream, type);
}

Status splitHeadsBackward(const HeadsShape& s, const HeadsView& dq, const HeadsView& dk, const HeadsView& dv,
                          const float* cosines, const float* sines, float* dqkv, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s); status != Status::Ok) return status;
  if (s.batch == 0 || s.length == 0) return Status::Ok;
  if (!dq.at || !dk.at || !dv.at || !dqkv || !cosines != !sines) return Status::BadArgument;
  return rotate(s, {{dq, dk, dv}}, inside(s, dqkv, type), cosines, sines, -1.0f, stream, type);
}

std::int64_t columnSumWorkspace(std::int64_t rows, std::int64_t width) noexcept {
  return ceilDiv(rows < 0 ? 0 : rows, kPartRows) * width;
}

Status columnSum(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* sums,
                 float* workspace, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (rows < 0 || width < 0) return Status::BadShape;
  if (width == 0) return Status::Ok;
  if (!sums) return Status::BadArgument;
  if (rows == 0) return launch(zeroKernel, {ceilDiv(width, kThreads), kThreads, 0, stream}, width, sums);
  if (!x || !workspace || stride < width) return Status::BadArgument;
  const std::int64_t parts = ceilDiv(rows, kPartRows);
  const Status status = withType(type, [&](auto zero) {
    constexpr int kWide = kPack<decltype(zero)>;
    return withPack<kWide>(bool(Packing(type, kWide).width(width).rows(x, stride)), [&](auto pack) {
      return launch(columnsKernel<decltype(zero), pack>,
                    {ceilDiv(parts * (width / pack), kThreads), kThreads, 0, stream}, rows, width, x, stride,
                    workspace);
    });
  });
  return status == Status::Ok ? sumParts(workspace, parts, width, width, width, 1.0f, sums, stream) : status;
}

}  // namespace serp::kernels::SERP_GPU
