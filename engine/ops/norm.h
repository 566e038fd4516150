// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm as one differentiable op over our kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/norm.h"

namespace serp::ops {

/// y = norm(x) * weight + bias over the last axis. x [..., D], weight and bias [D] or undefined. Same shape out.
at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, kernels::NormKind kind, double eps);

}  // namespace serp::ops
