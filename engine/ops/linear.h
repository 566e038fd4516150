// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products of the model, in the precision the run asks for.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

/// float32 everywhere, or bfloat16 operands with float32 accumulation and float32 results. Set once per run by the trainer; read
/// by linear() on the same thread.
enum class Precision { Float32, Bfloat16 };
void setPrecision(Precision precision);
Precision precision();

/// x [..., in], weight [out, in], bias [out] or undefined → [..., out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

/// linear() in float32 whatever the precision: routers.
at::Tensor linear32(const at::Tensor& x, const at::Tensor& weight);

/// act(x W1ᵀ + b1) W2ᵀ + b2 with a hand-written backward: one op instead of five. relu only keeps the hidden layer once.
at::Tensor feedForward(const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2, const at::Tensor& b2);

}  // namespace serp::ops
