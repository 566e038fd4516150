// SPDX-License-Identifier: GPL-3.0-or-later
// Token-choice routing as a differentiable op: logits in, gates and auxiliary losses out, with the permutation beside them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace serp::ops {

/// Which token goes to which expert. Slots are kept (token, choice) pairs sorted by expert, then arrival; see kernels/routing.h.
struct Assignment {
  int64_t tokens = 0, experts = 0, topK = 1, slots = 0;
  at::Tensor expert;          // [T, k] int32, before the capacity
  at::Tensor slotOfChoice;    // [T, k] int32, -1 = dropped
  at::Tensor tokenOfSlot;     // [T*k] int32
  at::Tensor choiceOfSlot;    // [T*k] int32
  at::Tensor probabilities;   // [T, E] float32, no gradient
  std::vector<int64_t> offsets;   // [E + 1]
  std::vector<int64_t> assigned;  // [E]
};

struct Routed {
  Assignment assignment;
  at::Tensor gate;      // [T, k] probability of each choice, differentiable
  at::Tensor balance;   // scalar E * sum_e f_e m_e (no weight), gradient through m_e only
  at::Tensor zLoss;     // scalar mean of logsumexp², differentiable
};

/// logits [T, E] float32. `capacity` slots per expert and group of `groupSize` tokens, 0 = no limit. Source: paper.md §3.1.
Routed route(const at::Tensor& logits, int64_t topK, int64_t groupSize, int64_t capacity);

}  // namespace serp::ops
