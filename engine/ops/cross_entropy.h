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

/// logits [rows, V] (overwritten by their gradient when `logits` needs one: nothing else may read them), target [rows] int64 on the host,
/// -1 = not counted. With no counted target the loss is 0.
CrossEntropy crossEntropy(const at::Tensor& logits, const at::Tensor& target);

/// Targets on the host that lie inside the vocabulary: how many are counted. Throws serp::Error(BadData) for one outside.
int64_t countTargets(const at::Tensor& target, int64_t vocab);
/// The same for targets that lie on the logits' card and were counted before. `unit`: the loss enters the total with the factor 1, so that
/// the backward pass need not read the gradients once more to multiply them. Does not wait for the card.
CrossEntropy crossEntropyThere(const at::Tensor& logits, const at::Tensor& target, int64_t counted, bool unit);

}  // namespace serp::ops
