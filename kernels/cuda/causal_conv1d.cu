// SPDX-License-Identifier: GPL-3.0-or-later
// The causal convolution: a thread owns V neighbouring channels and walks a stretch of tokens with the last inputs in
// registers, so that every input is read once but for the stretch's edge. The backward makes everything in one walk:
// dv, dx from the last dv, and the weight gradients of the stretch, which are then added up in their order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kForwardTokens = 32, kBackwardTokens = 64;  // of a stretch

/// Where a thread works: its sequence, stretch and first channel.
template <int V>
struct Stretch {
  std::int64_t b, t0, end, c, number;
  bool inside;

  SERP_FN Stretch(const ConvShape& s, std::int64_t tokens) {
    const std::int64_t packs = s.channels / V, tiles = (packs + kThreads - 1) / kThreads,
                       stretches = (s.length + tokens - 1) / tokens;
    const std::int64_t pack = blockX() % tiles * kThreads + threadX();
    number = blockX() / tiles;
    b = number / stretches;
    t0 = number % stretches * tokens;
    end = t0 + tokens < s.length ? t0 + tokens : s.length;
    c = pack * V;
    inside = pack < packs;
  }
};

/// The last W inputs of V channels, the newest first; W is at least the width. A reset clears it.
template <class T, int W, int V>
struct Window {
  float at[W][V] = {};

  SERP_FN void push(bool cut, const Values<V>& x) {
    SERP_UNROLL
    for (int j = W - 1; j > 0; --j) {
      SERP_UNROLL
      for (int v = 0; v < V; ++v) at[j][v] = cut ? 0.0f : at[j - 1][v];
    }
    SERP_UNROLL
    for (int v = 0; v < V; ++v) at[0][v] = x[v];
  }
  /// Token t >= 0; says whether it is a reset.
  SERP_FN bool take(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t c) {
    const std::int64_t row = b * s.length + t;
    const bool cut = in.reset && in.reset[row];
    push(cut, loadPack<T, V>(in.x, row * in.xStride + c));
    return cut;
  }
  /// Ready for token t0.
  SERP_FN void fill(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t0, std::int64_t c) {
    for (std::int64_t t = t0 - s.width + 1; t < t0; ++t) {
      if (t >= 0) {
        take(s, in, b, t, c);
        continue;
      }
      Values<V> x = {};
      for (int v = 0; in.previous && v < V; ++v)
        x[v] = in.previous[(b * (s.width - 1) + s.width - 1 + t) * s.channels + c + v];
      push(false, x);
    }
  }
};

/// Tap j meets the token j before the present one; zeros behind the last.
template <int W, int V>
struct Taps {
  float at[W][V], bias[V];

  SERP_FN Taps(const ConvShape& s, const ConvInput& in, std::int64_t c) {
    SERP_UNROLL
    for (int v = 0; v < V; ++v) {
      bias[v] = in.bias ? in.bias[c + v] : 0.0f;
      SERP_UNROLL
      for (int j = 0; j < W; ++j) at[j][v] = j < s.width ? in.weight[(c + v) * s.width + s.width - 1 - j] : 0.0f;
    }
  }
  template <class T>
  SERP_FN float apply(const ConvShape& s, const Window<T, W, V>& x, int v) const {
    float sum = bias[v];
    SERP_UNROLL
    for (int j = W - 1; j >= 0; --j)
      if (j < s.width) sum += at[j][v] * x.at[j][v];
    return sum;
  }
};

template <class T, int W, int V>
SERP_KERNEL forwardKernel(ConvShape s, ConvInput in, float* out, std::int64_t outStride) {
  const Stretch<V> me(s, kForwardTokens);
  if (!me.inside) return;
  const Taps<W, V> taps(s, in, me.c);
  Window<T, W, V> x;
  x.fill(s, in, me.b, me.t0, me.c);
  for (std::int64_t t = me.t0; t < me.end; ++t) {
    x.take(s, in, me.b, t, me.c);
    Values<V> y;
    SERP_UNROLL
    for (int v = 0; v < V; ++v) y[v] = taps.apply(s, x, v);
    if (in.silu) {  // one branch around all, so that the store stays one
      SERP_UNROLL
      for (int v = 0; v < V; ++v) y[v] *= sigmoid(y[v]);
    }
    storePack<T, V>(out, (me.b * s.length + t) * outStride + me.c, y);
  }
}

/// Parts [stretch][channel][width] of dWeight, and [stretch][channel] of dBias behind them.
template <class T, int W, int V>
SERP_KERNEL backwardKernel(ConvShape s, ConvInput in, ConvGradients g, float* weightParts, float* biasParts) {
  const Stretch<V> me(s, kBackwardTokens);
  if (!me.inside) return;
  const Taps<W, V> taps(s, in, me.c);
  const std::int64_t past = s.width - 1;
  Window<T, W, V> x;
  x.fill(s, in, me.b, me.t0, me.c);
  float dx[W][V] = {}, dWeight[W][V] = {}, dBias[V] = {};  // dx[j] belongs to the token j before the present one
  // Beyond the stretch's end its last tokens still get gradients; what lies before its start is not its own, but for
  // the inputs before the sequence.
  const std::int64_t first = me.t0 == 0 ? -past : me.t0;
  int seen = W;  // tokens since the last reset
  for (std::int64_t t = me.t0; t < me.end + past; ++t) {
    Values<V> dv = {};
    if (t < s.length) {
      seen = x.take(s, in, me.b, t, me.c) ? 0 : seen + 1;
      dv = loadPack<T, V>(g.dOut, (me.b * s.length + t) * g.dOutStride + me.c);
      SERP_UNROLL
      for (int v = 0; in.silu && v < V; ++v) {
        const float y = taps.apply(s, x, v), sig = sigmoid(y);
        dv[v] *= sig * (1.0f + y * (1.0f - sig));
      }
      if (t < me.end) {
        SERP_UNROLL
        for (int v = 0; v < V; ++v) {
          dBias[v] += dv[v];
          SERP_UNROLL
          for (int j = 0; j < W; ++j) dWeight[j][v] += dv[v] * x.at[j][v];
        }
      }
    }
    Values<V> done = {};
    SERP_UNROLL
    for (int v = 0; v < V; ++v) {
      SERP_UNROLL
      for (int j = W - 1; j >= 0; --j) {
        if (j > past) continue;
        const float before = j > 0 ? dx[j - 1][v] : 0.0f;
        dx[j][v] = t < s.length && j <= seen ? before + taps.at[j][v] * dv[v] : before;
        if (j == past) done[v] = dx[j][v];
      }
    }
    const std::int64_t i = t - past;
    if (i < first) continue;
    if (i >= 0 && g.dx) storePack<T, V>(g.dx, (me.b * s.length + i) * g.dxStride + me.c, done);
    for (int v = 0; i < 0 && g.dPrevious && v < V; ++v)
      g.dPrevious[(me.b * past + past + i) * s.channels + me.c + v] = done[v];
  }
  SERP_UNROLL
  for (int v = 0; v < V; ++v) {
    const std::int64_t at = me.number * s.channels + me.c + v;
    biasParts[at] = dBias[v];
    SERP_UNROLL
    for (int j = 0; j < W; ++j)
      if (j < s.width) weightParts[at * s.width + s.width - 1 - j] = dWeight[j][v];
  }
}

template <class T>
SERP_KERNEL stepKernel(ConvShape s, ConvInput in, float* window, float* out, std::int64_t outStride) {
  const std::int64_t i = globalX(kThreads), b = i / s.channels, c = i % s.channels, keep = s.width - 1;
  if (b >= s.batch) return;
  // What lies before a reset must stay unseen by the tokens after this one as well.
  const bool cut = in.reset && in.reset[b];
  const float* weight = in.weight + c * s.width;
  const float now = load<T>(in.x, b * in.xStride + c);
  float sum = in.bias ? in.bias[c] : 0.0f;
  for (std::int64_t k = 0; k < keep; ++k) {
    float* w = window + (b * keep + k) * s.channels + c;
    if (!cut) sum += weight[k] * *w;
    *w = k + 1 == keep ? now : cut ? 0.0f : w[s.channels];
  }
  sum += weight[keep] * now;
  store<T>(out, b * outStride + c, in.silu ? sum * sigmoid(sum) : sum);
}

std::int64_t partsOf(const ConvShape& s) {
  return s.batch * ceilDiv(s.length, kBackwardTokens);
}

/// f(T, W, V): few taps in packs where rows allow it, many taps one channel at a time.
template <int kWide, class F>
Status withConvPlan(const ConvShape& s, DType type, const Packing& packing, F f) {
  return withType(type, [&](auto zero) {
    if (s.width > 4) return f(zero, std::integral_constant<int, kMaxTaps>(), std::integral_constant<int, 1>());
    return withPack<kWide>(bool(packing), [&](auto pack) { return f(zero, std::integral_constant<int, 4>(), pack); });
  });
}

}  // namespace

std::int64_t convBackwardWorkspace(const ConvShape& s) noexcept {
  return partsOf(s) * s.channels * (s.width + 1);
}

Status convForward(const ConvShape& s, const ConvInput& in, float* out, std::int64_t outStride, Stream stream,
                   DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out || outStride < s.channels) return Status::BadArgument;
  constexpr int kWide = 4;
  const auto packing = Packing(type, kWide).width(s.channels).rows(in.x, in.xStride).rows(out, outStride);
  return withConvPlan<kWide>(s, type, packing, [&](auto zero, auto taps, auto pack) {
    const std::int64_t tiles = ceilDiv(s.channels / pack, kThreads);
    return launch(forwardKernel<decltype(zero), taps, pack>,
                  {s.batch * ceilDiv(s.length, kForwardTokens) * tiles, kThreads, 0, stream}, s, in, out, outStride);
  });
}

Status convBackward(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* workspace, Stream stream,
                    DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!g.dOut || g.dOutStride < s.channels || (g.dx && g.dxStride < s.channels) || !workspace)
    return Status::BadArgument;
  const std::int64_t parts = partsOf(s), weights = s.channels * s.width;
  float *weightParts = workspace, *biasParts = weightParts + parts * weights;
  constexpr int kWide = 2;
  const auto packing =
      Packing(type, kWide).width(s.channels).rows(in.x, in.xStride).rows(g.dOut, g.dOutStride).rows(g.dx, g.dxStride);
  Status status = withConvPlan<kWide>(s, type, packing, [&](auto zero, auto taps, auto pack) {
    const std::int64_t tiles = ceilDiv(s.channels / pack, kThreads);
    return launch(backwardKernel<decltype(zero), taps, pack>, {parts * tiles, kThreads, 0, stream}, s, in, g,
                  weightParts, biasParts);
  });
  if (status == Status::Ok && g.dWeight)
    status = sumParts(weightParts, parts, weights, weights, weights, 1.0f, g.dWeight, stream);
  if (status == Status::Ok && g.dBias)
    status = sumParts(biasParts, parts, s.channels, s.channels, s.channels, 1.0f, g.dBias, stream);
  return status;
}

Status convStep(const ConvShape& s, const ConvInput& in, float* window, float* out, std::int64_t outStride,
                Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (s.length != 1) return Status::BadShape;
  if (s.width > 1 && !window) return Status::BadArgument;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out || outStride < s.channels) return Status::BadArgument;
  return withType(type, [&](auto zero) {
    return launch(stepKernel<decltype(zero)>, {ceilDiv(s.batch * s.channels, kThreads), kThreads, 0, stream}, s, in,
                  window, out, outStride);
  });
}

}  // namespace serp::kernels::SERP_GPU
