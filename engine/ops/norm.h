// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm as differentiable ops over our kernels, alone or together with the residual sum before them.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/norm.h"

namespace serp::ops {

/// y = norm(x) * weight + bias over the last axis. x [..., D], weight and bias [D] or undefined. Same shape out.
at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, kernels::NormKind kind, double eps);

struct SumAndNorm {
  at::Tensor sum;     ///< x + update: the residual stream goes on with it
  at::Tensor normed;  ///< norm(sum): what the next block reads
};
/// Both at once; the backward adds the stream's gradient inside the norm's pass instead of in one of its own.
SumAndNorm addNorm(const at::Tensor& x, const at::Tensor& update, const at::Tensor& weight, const at::Tensor& bias,
                   kernels::NormKind kind, double eps);

}  // namespace serp::ops
