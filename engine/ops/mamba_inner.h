// SPDX-License-Identifier: GPL-3.0-or-later
// Everything of a Mamba mixer between its input and output projections as one differentiable op with a hand-written backward.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

/// Weights of the inner part. D = d_inner, N = d_state, R = dt_rank, W = d_conv.
struct MambaInnerWeights {
  at::Tensor convWeight;   // [D, W]
  at::Tensor convBias;     // [D] or undefined
  at::Tensor xProj;        // [R + 2N, D]
  at::Tensor dtProj;       // [D, R]
  at::Tensor dtBias;       // [D]
  at::Tensor aLog;         // [D, N]
  at::Tensor skip;         // [D]
};

/// Decoding state: the last W-1 inputs of the convolution and h. Both float32. Weights must not change while it is in use.
struct MambaInnerState {
  at::Tensor window;       // [B, W-1, D], oldest first
  at::Tensor h;            // [B, D, N]
  at::Tensor A;            // [D, N] = -exp(A_log), once the first single token has asked for it
};

/// y = SSM(SiLU(conv(x))) * SiLU(z), paper.md §5.1. Either `xz` [B, T, 2D] holds x and z side by side (one in_proj), or x and z
/// [B, T, D] are given apart and `xz` is undefined. Returns [B, T, D]. With `state`, starts from it and leaves the last state in it
/// (no gradient then).
at::Tensor mambaInner(const at::Tensor& xz, const at::Tensor& x, const at::Tensor& z, const MambaInnerWeights& weights,
                      MambaInnerState* state);

/// One token: xz [B, 2D] or x, z [B, D]; the state is advanced in place. Returns [B, D]. No gradient.
at::Tensor mambaInnerStep(const at::Tensor& xz, const at::Tensor& x, const at::Tensor& z, const MambaInnerWeights& weights,
                          MambaInnerState& state);

}  // namespace serp::ops
