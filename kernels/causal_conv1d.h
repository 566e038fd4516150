// SPDX-License-Identifier: GPL-3.0-or-later
// Depthwise causal convolution with optional bias and SiLU, channels-last: forward, backward, one step.
//
//   v[t,c] = bias[c] + sum_k weight[c,k] x[t-(W-1)+k, c],   out = silu(v) or v;   weight[c, W-1] meets the present token.
//
// x, out are [batch, length, channels] with a row stride each; weight [channels, width] contiguous; before the first token stand
// zeros, or `previous` [batch, width-1, channels], oldest first. The backward recomputes v. width 1..16.
// `reset` [B, L] as in selective_scan.h: taps that reach across a reset read zero.
// Determinism: bits depend on ParallelFor::threads only. Checked by tests/kernels/tst_causal_conv1d.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct ConvShape {
  std::int64_t batch = 0, length = 0, channels = 0, width = 4;
};

struct ConvInput {
  const float* x = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;      // [channels] or null
  const float* previous = nullptr;  // [B, width-1, channels] or null
  const std::uint8_t* reset = nullptr;
  std::int64_t xStride = 0;
  bool silu = true;
};

struct ConvGradients {
  const float* dOut = nullptr;  // in
  std::int64_t dOutStride = 0;
  float* dx = nullptr;          // row stride dxStride; overwritten
  std::int64_t dxStride = 0;
  float* dWeight = nullptr;     // [channels, width]; overwritten
  float* dBias = nullptr;       // [channels] or null
  float* dPrevious = nullptr;   // [B, width-1, channels] or null
};

std::int64_t convBackwardWorkspace(const ConvShape&, int threads) noexcept;  ///< floats
Status convForward(const ConvShape&, const ConvInput&, float* out, std::int64_t outStride, const ParallelFor&) noexcept;
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&, float* workspace, const ParallelFor&) noexcept;
/// One token. `window` [B, width-1, channels], oldest first, is shifted in place.
Status convStep(const ConvShape&, const ConvInput&, float* window, float* out, std::int64_t outStride, const ParallelFor&) noexcept;

namespace reference {
Status convForward(const ConvShape&, const ConvInput&, float* out, std::int64_t outStride) noexcept;
Status convBackward(const ConvShape&, const ConvInput&, const ConvGradients&) noexcept;
}

}  // namespace serp::kernels
