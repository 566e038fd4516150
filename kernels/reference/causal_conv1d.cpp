// SPDX-License-Identifier: GPL-3.0-or-later
// The causal convolution as its definition reads, with resets.
#include "kernels/causal_conv1d.h"

#include <cmath>

namespace serp::kernels::reference {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// Whether token t sees token t - back: no reset lies in between or at t itself.
bool sees(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t back) {
  if (!in.reset) return true;
  for (std::int64_t i = 0; i < back; ++i)
    if (t - i >= 0 && in.reset[b * s.length + t - i]) return false;
  return true;
}

double input(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t c) {
  if (t >= 0) return in.x[(b * s.length + t) * in.xStride + c];
  return in.previous ? in.previous[(b * (s.width - 1) + s.width - 1 + t) * s.channels + c] : 0.0;
}

double before(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t c) {
  double v = in.bias ? in.bias[c] : 0.0;
  for (std::int64_t back = 0; back < s.width; ++back)
    if (sees(s, in, b, t, back))
      v += static_cast<double>(in.weight[c * s.width + s.width - 1 - back]) * input(s, in, b, t - back, c);
  return v;
}

}  // namespace

Status convForward(const ConvShape& s, const ConvInput& in, float* out, std::int64_t outStride) noexcept {
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t t = 0; t < s.length; ++t)
      for (std::int64_t c = 0; c < s.channels; ++c) {
        const double v = before(s, in, b, t, c);
        out[(b * s.length + t) * outStride + c] = static_cast<float>(in.silu ? v * sigmoid(v) : v);
      }
  return Status::Ok;
}

Status convBackward(const ConvShape& s, const ConvInput& in, const ConvGradients& g) noexcept {
  const std::int64_t W = s.width;
  for (std::int64_t c = 0; c < s.channels; ++c) {
    double dWeight[16] = {}, dBias = 0;
    for (std::int64_t b = 0; b < s.batch; ++b) {
      // dx of token i gathers from the tokens i .. i+W-1 that see it; i < 0 are the previous inputs.
      for (std::int64_t i = -(W - 1); i < s.length; ++i) {
        double dx = 0;
        for (std::int64_t back = 0; back < W; ++back) {
          const std::int64_t t = i + back;
          if (t < 0 || t >= s.length || !sees(s, in, b, t, back)) continue;
          const double v = before(s, in, b, t, c), sig = sigmoid(v);
          const double dv = g.dOut[(b * s.length + t) * g.dOutStride + c] * (in.silu ? sig * (1 + v * (1 - sig)) : 1.0);
          dx += in.weight[c * W + W - 1 - back] * dv;
          dWeight[W - 1 - back] += dv * input(s, in, b, i, c);
          if (back == 0) dBias += dv;
        }
        if (i >= 0 && g.dx) g.dx[(b * s.length + i) * g.dxStride + c] = static_cast<float>(dx);
        if (i < 0 && g.dPrevious) g.dPrevious[(b * (W - 1) + W - 1 + i) * s.channels + c] = static_cast<float>(dx);
      }
    }
    for (std::int64_t k = 0; k < W && g.dWeight; ++k) g.dWeight[c * W + k] = static_cast<float>(dWeight[k]);
    if (g.dBias) g.dBias[c] = static_cast<float>(dBias);
  }
  return Status::Ok;
}

}  // namespace serp::kernels::reference
