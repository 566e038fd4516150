// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products of the model, in the precision the run asks for.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

/// float32 everywhere, or bfloat16 operands: sums run in float32, results are rounded to bfloat16 once and widened. Weights and
/// activations stay float32 in either case. Set once per run by the trainer; read by the products below.
enum class Precision { Float32, Bfloat16 };
void setPrecision(Precision precision);
Precision precision();

/// a b for matrices, no gradient. float32 in and out.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);
/// The same into `result`, whose rows may lie apart.
void productInto(at::Tensor& result, const at::Tensor& a, const at::Tensor& b);

/// x [..., in], weight [out, in], bias [out] or undefined → [..., out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

/// linear() in float32 whatever the precision: routers.
at::Tensor linear32(const at::Tensor& x, const at::Tensor& weight);

/// relu(x W1ᵀ + b1) W2ᵀ + b2 as one op that keeps the hidden layer once. Biases may be undefined.
at::Tensor feedForward(const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2, const at::Tensor& b2);

}  // namespace serp::ops
