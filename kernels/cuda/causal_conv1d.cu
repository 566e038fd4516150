// SPDX-License-Identifier: GPL-3.0-or-later
// The causal convolution: one thread per token and channel, neighbouring threads on neighbouring channels. The backward
// goes in three steps: dv of every token, dx gathered from dv, weight gradients in parts of 64 rows that are then added
// up in their order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kTaps = static_cast<int>(kMaxTaps);
constexpr std::int64_t kPartRows = 64;

/// x of token t of sequence b, which may lie before its start.
SERP_FN float inputAt(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t c) {
  if (t >= 0) return in.x[(b * s.length + t) * in.xStride + c];
  return in.previous ? in.previous[(b * (s.width - 1) + s.width - 1 + t) * s.channels + c] : 0.0f;
}

/// How many past tokens the one at t sees: no reset between, nor at t itself.
SERP_FN int visibleAt(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t) {
  int back = 0;
  while (back + 1 < s.width && !(in.reset && t - back >= 0 && in.reset[b * s.length + t - back])) ++back;
  return back;
}

SERP_FN float convolve(const ConvShape& s, const ConvInput& in, std::int64_t b, std::int64_t t, std::int64_t c) {
  float v = in.bias ? in.bias[c] : 0.0f;
  for (int back = visibleAt(s, in, b, t); back >= 0; --back)
    v += in.weight[c * s.width + s.width - 1 - back] * inputAt(s, in, b, t - back, c);
  return v;
}

SERP_KERNEL forwardKernel(ConvShape s, ConvInput in, float* out, std::int64_t outStride) {
  const std::int64_t i = globalX(kThreads), row = i / s.channels, c = i % s.channels;
  if (row >= s.batch * s.length) return;
  const float v = convolve(s, in, row / s.length, row % s.length, c);
  out[row * outStride + c] = in.silu ? v * sigmoid(v) : v;
}

SERP_KERNEL innerGradientKernel(ConvShape s, ConvInput in, ConvGradients g, float* dv) {
  const std::int64_t i = globalX(kThreads), row = i / s.channels, c = i % s.channels;
  if (row >= s.batch * s.length) return;
  float d = g.dOut[row * g.dOutStride + c];
  if (in.silu) {
    const float v = convolve(s, in, row / s.length, row % s.length, c), sig = sigmoid(v);
    d *= sig * (1.0f + v * (1.0f - sig));
  }
  dv[i] = d;
}

/// Token i gathers from the tokens i .. i + width - 1 that see it; i < 0 are the inputs before the sequence.
SERP_KERNEL inputGradientKernel(ConvShape s, ConvInput in, ConvGradients g, const float* dv) {
  const std::int64_t past = s.width - 1, index = globalX(kThreads), c = index % s.channels,
                     b = index / s.channels / (s.length + past), i = index / s.channels % (s.length + past) - past;
  if (b >= s.batch || (i < 0 ? !g.dPrevious : !g.dx)) return;
  float total = 0;
  for (std::int64_t back = 0; back < s.width; ++back) {
    const std::int64_t t = i + back;
    if (t < 0 || t >= s.length || visibleAt(s, in, b, t) < back) continue;
    total += in.weight[c * s.width + past - back] * dv[(b * s.length + t) * s.channels + c];
  }
  if (i < 0)
    g.dPrevious[(b * past + past + i) * s.channels + c] = total;
  else
    g.dx[(b * s.length + i) * g.dxStride + c] = total;
}

/// Parts [part][channel][width] of dWeight, and [part][channel] of dBias behind them.
SERP_KERNEL weightGradientKernel(ConvShape s, ConvInput in, const float* dv, float* weightParts, float* biasParts) {
  const std::int64_t i = globalX(kThreads), part = i / s.channels, c = i % s.channels, rows = s.batch * s.length;
  if (part * kPartRows >= rows) return;
  float sum[kTaps] = {}, bias = 0;
  for (std::int64_t row = part * kPartRows; row < rows && row < (part + 1) * kPartRows; ++row) {
    const std::int64_t b = row / s.length, t = row % s.length;
    const float d = dv[row * s.channels + c];
    const int visible = visibleAt(s, in, b, t);
    for (int back = 0; back < kTaps; ++back)  // a constant bound keeps the sums in registers
      if (back <= visible) sum[back] += d * inputAt(s, in, b, t - back, c);
    bias += d;
  }
  for (int back = 0; back < kTaps; ++back)
    if (back < s.width) weightParts[i * s.width + s.width - 1 - back] = sum[back];
  biasParts[i] = bias;
}

SERP_KERNEL stepKernel(ConvShape s, ConvInput in, float* window, float* out, std::int64_t outStride) {
  const std::int64_t i = globalX(kThreads), b = i / s.channels, c = i % s.channels, keep = s.width - 1;
  if (b >= s.batch) return;
  const float v = convolve(s, in, b, 0, c);
  out[b * outStride + c] = in.silu ? v * sigmoid(v) : v;
  // What lies before a reset must stay unseen by the tokens after this one as well.
  const bool cut = in.reset && in.reset[b];
  for (std::int64_t k = 0; k < keep; ++k) {
    float* w = window + (b * keep + k) * s.channels + c;
    *w = k + 1 == keep ? in.x[b * in.xStride + c] : cut ? 0.0f : w[s.channels];
  }
}

std::int64_t partsOf(const ConvShape& s) {
  return ceilDiv(s.batch * s.length, kPartRows);
}

}  // namespace

std::int64_t convBackwardWorkspace(const ConvShape& s) noexcept {
  return s.batch * s.length * s.channels + partsOf(s) * s.channels * (s.width + 1);
}

Status convForward(const ConvShape& s, const ConvInput& in, float* out, std::int64_t outStride,
                   Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out || outStride < s.channels) return Status::BadArgument;
  return launch(forwardKernel, {ceilDiv(s.batch * s.length * s.channels, kThreads), kThreads, 0, stream}, s, in, out,
                outStride);
}

Status convBackward(const ConvShape& s, const ConvInput& in, const ConvGradients& g, float* workspace,
                    Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!g.dOut || g.dOutStride < s.channels || (g.dx && g.dxStride < s.channels) || !workspace)
    return Status::BadArgument;
  const std::int64_t elements = s.batch * s.length * s.channels, parts = partsOf(s), weights = s.channels * s.width;
  float *dv = workspace, *weightParts = dv + elements, *biasParts = weightParts + parts * weights;
  Status status = launch(innerGradientKernel, {ceilDiv(elements, kThreads), kThreads, 0, stream}, s, in, g, dv);
  const std::int64_t inputs = s.batch * (s.length + s.width - 1) * s.channels;
  if (status == Status::Ok && (g.dx || g.dPrevious))
    status = launch(inputGradientKernel, {ceilDiv(inputs, kThreads), kThreads, 0, stream}, s, in, g, dv);
  if (status == Status::Ok && (g.dWeight || g.dBias))
    status = launch(weightGradientKernel, {ceilDiv(parts * s.channels, kThreads), kThreads, 0, stream}, s, in, dv,
                    weightParts, biasParts);
  if (status == Status::Ok && g.dWeight)
    status = sumParts(weightParts, parts, weights, weights, weights, 1.0f, g.dWeight, stream);
  if (status == Status::Ok && g.dBias)
    status = sumParts(biasParts, parts, s.channels, s.channels, s.channels, 1.0f, g.dBias, stream);
  return status;
}

Status convStep(const ConvShape& s, const ConvInput& in, float* window, float* out, std::int64_t outStride,
                Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (s.length != 1) return Status::BadShape;
  if (s.width > 1 && !window) return Status::BadArgument;
  ConvInput from = in;
  from.previous = s.width > 1 ? window : nullptr;
  if (const Status status = check(s, from); status != Status::Ok || nothing(s)) return status;
  if (!out || outStride < s.channels) return Status::BadArgument;
  return launch(stepKernel, {ceilDiv(s.batch * s.channels, kThreads), kThreads, 0, stream}, s, from, window, out,
                outStride);
}

}  // namespace serp::kernels::SERP_GPU
