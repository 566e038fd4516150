// SPDX-License-Identifier: GPL-3.0-or-later
// Linear layers, in the precision the run asks for.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/ops/products.h"

namespace serp::ops {

/// x [..., in], weight [out, in], bias [out] or undefined → [..., out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

/// linear() in float32 whatever the precision: routers.
at::Tensor linear32(const at::Tensor& x, const at::Tensor& weight);

/// relu(x W1ᵀ + b1) W2ᵀ + b2 as one op that keeps the hidden layer once. Biases may be undefined.
at::Tensor feedForward(const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2, const at::Tensor& b2);

}  // namespace serp::ops
