// SPDX-License-Identifier: GPL-3.0-or-later
// Depthwise causal convolution, lanes on channels; a unit of work is one sequence and up to four vectors of channels.
#include <algorithm>

#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr int kGroup = 4;  // vectors per unit: whole cache lines of several rows are in flight

struct Group {
  std::int64_t first = 0;
  int vectors = 0;
  int lanes[kGroup] = {};
};

Group groupOf(std::int64_t index, std::int64_t channels) {
  Group g;
  g.first = index * kGroup * kWidth;
  for (std::int64_t c = g.first; c < channels && g.vectors < kGroup; c += kWidth)
    g.lanes[g.vectors++] = static_cast<int>(std::min<std::int64_t>(kWidth, channels - c));
  return g;
}

std::int64_t groupsOf(std::int64_t channels) { return (channels + kGroup * kWidth - 1) / (kGroup * kWidth); }

/// Token t's input at vector j; before the sequence `previous`, else zero.
Vec tap(const ConvShape& s, const ConvInput& in, const Group& g, std::int64_t b, std::int64_t t, int j) {
  const std::int64_t c = g.first + static_cast<std::int64_t>(j) * kWidth;
  if (t >= 0) return load(in.x + (b * s.length + t) * in.xStride + c, g.lanes[j]);
  if (!in.previous) return Vec{};
  return load(in.previous + (b * (s.width - 1) + s.width - 1 + t) * s.channels + c, g.lanes[j]);
}

void loadWeights(const ConvShape& s, const ConvInput& in, const Group& g, int j, Vec* w) {
  for (std::int64_t k = 0; k < s.width; ++k) {
    Vec v{};
    for (int i = 0; i < g.lanes[j]; ++i) v[i] = in.weight[(g.first + j * kWidth + i) * s.width + k];
    w[k] = v;
  }
}

void forward(const ConvShape& s, const ConvInput& in, float* out, std::int64_t outStride, const ParallelFor& parallel) {
  const std::int64_t groups = groupsOf(s.channels), W = s.width;
  parallel(s.batch * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t b = unit / groups;
      const Group g = groupOf(unit % groups, s.channels);
      Vec w[kGroup][kMaxTaps], window[kGroup][kMaxTaps], bias[kGroup];
      for (int j = 0; j < g.vectors; ++j) {
        loadWeights(s, in, g, j, w[j]);
        bias[j] = in.bias ? load(in.bias + g.first + j * kWidth, g.lanes[j]) : Vec{};
        for (std::int64_t k = 0; k + 1 < W; ++k) window[j][k] = tap(s, in, g, b, k - W + 1, j);
      }
      for (std::int64_t t = 0; t < s.length; ++t)
        for (int j = 0; j < g.vectors; ++j) {
          window[j][W - 1] = tap(s, in, g, b, t, j);
          Vec v = bias[j];
          for (std::int64_t k = 0; k < W; ++k) v += w[j][k] * window[j][k];
          if (in.silu) v *= sigmoid(v);
          store(out + (b * s.length + t) * outStride + g.first + j * kWidth, v, g.lanes[j]);
          for (std::int64_t k = 0; k + 1 < W; ++k) window[j][k] = window[j][k + 1];
        }
    }
  });
}

void backward(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* workspace, const ParallelFor& parallel) {
  const std::int64_t groups = groupsOf(s.channels), W = s.width, part = s.channels * (W + 1);
  parallel(s.batch * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t b = unit / groups;
      const Group group = groupOf(unit % groups, s.channels);
      for (int j = 0; j < group.vectors; ++j) {
        const int n = group.lanes[j];
        const std::int64_t c = group.first + static_cast<std::int64_t>(j) * kWidth;
        Vec w[kMaxTaps], dw[kMaxTaps] = {}, window[kMaxTaps], ahead[kMaxTaps] = {}, dBias{};
        loadWeights(s, in, group, j, w);
        const Vec bias = in.bias ? load(in.bias + c, n) : Vec{};
        // Backwards in time: window holds x[t-W+1..t], ahead[k] the dv of token t+k.
        for (std::int64_t k = 0; k < W; ++k) window[k] = tap(s, in, group, b, s.length - W + k, j);
        for (std::int64_t t = s.length - 1; t >= 0; --t) {
          Vec dv = load(g.dOut + (b * s.length + t) * g.dOutStride + c, n);
          if (in.silu) {
            Vec v = bias;
            for (std::int64_t k = 0; k < W; ++k) v += w[k] * window[k];
            const Vec sig = sigmoid(v);
            dv *= sig * (splat(1.0f) + v * (splat(1.0f) - sig));
          }
          for (std::int64_t k = 0; k < W; ++k) dw[k] += dv * window[k];
          dBias += dv;
          for (std::int64_t k = W - 1; k > 0; --k) ahead[k] = ahead[k - 1];
          ahead[0] = dv;
          if (g.dx) {
            Vec dx{};
            for (std::int64_t k = 0; k < W; ++k) dx += w[W - 1 - k] * ahead[k];
            store(g.dx + (b * s.length + t) * g.dxStride + c, dx, n);
          }
          for (std::int64_t k = W - 1; k > 0; --k) window[k] = window[k - 1];
          window[0] = tap(s, in, group, b, t - W, j);
        }
        if (g.dPrevious)  // tokens -1, -2, …: the same sum over the taps that reach them
          for (std::int64_t back = 1; back < W; ++back) {
            for (std::int64_t k = W - 1; k > 0; --k) ahead[k] = ahead[k - 1];
            ahead[0] = Vec{};
            Vec dx{};
            for (std::int64_t k = 0; k < W; ++k) dx += w[W - 1 - k] * ahead[k];
            store(g.dPrevious + (b * (W - 1) + W - 1 - back) * s.channels + c, dx, n);
          }
        float* mine = workspace + b * part;
        for (int i = 0; i < n; ++i) {
          for (std::int64_t k = 0; k < W; ++k) mine[(c + i) * (W + 1) + k] = dw[k][i];
          mine[(c + i) * (W + 1) + W] = dBias[i];
        }
      }
    }
  });
  for (std::int64_t c = 0; c < s.channels; ++c)
    for (std::int64_t k = 0; k <= W; ++k) {
      double total = 0;
      for (std::int64_t b = 0; b < s.batch; ++b) total += workspace[b * part + c * (W + 1) + k];
      if (k < W && g.dWeight) g.dWeight[c * W + k] = static_cast<float>(total);
      if (k == W && g.dBias) g.dBias[c] = static_cast<float>(total);
    }
}

}  // namespace

void convForwardImpl(const ConvShape& s, const ConvInput& in, float* out, std::int64_t stride, const ParallelFor& p) {
  forward(s, in, out, stride, p);
}
void convBackwardImpl(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* w, const ParallelFor& p) {
  backward(s, in, g, w, p);
}

}  // namespace serp::kernels::SERP_ISA
