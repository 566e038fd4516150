// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan and the causal convolution each as a differentiable op of its own. Mamba fuses both (mamba_inner.h); these are
// the pieces it is made of, and what the fused op is compared with.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

struct Scanned {
  at::Tensor y;      ///< [B, L, D]
  at::Tensor last;   ///< [B, D, N]
};

/// kernels/selective_scan.h, channels-last. u and delta [B, L, D], A [D, N] negative, B and C [B, L, N]; skip ("D") and deltaBias [D],
/// z [B, L, D], h0 [B, D, N] may be undefined. Everything is differentiable, the last state too.
Scanned selectiveScan(const at::Tensor& u, const at::Tensor& delta, const at::Tensor& A, const at::Tensor& B, const at::Tensor& C,
                      const at::Tensor& skip, const at::Tensor& z, const at::Tensor& deltaBias, const at::Tensor& h0, bool softplus);

/// kernels/causal_conv1d.h. x [B, L, D], weight [D, W]; bias [D] and previous [B, W-1, D] may be undefined.
at::Tensor causalConv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& previous, bool silu);

}  // namespace serp::ops
