// SPDX-License-Identifier: GPL-3.0-or-later
// Mean cross entropy over counted positions, its gradient computed in the forward pass.
#pragma once

#include <ATen/core/Tensor.h>

namespace serp::ops {

struct CrossEntropy {
  at::Tensor loss;       ///< scalar, nats per counted target; differentiable
  at::Tensor perToken;   ///< [rows], 0 where not counted; not differentiable
  at::Tensor hits;       ///< [rows] uint8, 1 where argmax = target
  int64_t counted = 0;   ///< targets >= 0
};

/// logits [rows, V] (overwritten by their gradient when `logits` needs one: nothing else may read them), target [rows] int64,
/// -1 = not counted. With no counted target the loss is 0.
CrossEntropy crossEntropy(const at::Tensor& logits, const at::Tensor& target);

}  // namespace serp::ops
