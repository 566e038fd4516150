// SPDX-License-Identifier: GPL-3.0-or-later
// Token-choice routing as a differentiable op: logits in, gates and auxiliary losses out, with the permutation beside them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace serp::ops {

/// Which token goes to which expert. Slots are kept (token, choice) pairs sorted by expert, then arrival; see kernels/routing.h.
/// On a card the tensors lie there, `counts` stands for the two vectors, and `slots` is what there is room for: T*k.
struct Assignment {
  int64_t tokens = 0, experts = 0, topK = 1, slots = 0;
  int64_t most = 0;           // slots that one expert can get at most: min(T, capacity per group * groups)
  bool dropless = true;       // no capacity: every choice is kept
  at::Tensor expert;          // [T, k] int32, before the capacity
  at::Tensor slotOfChoice;    // [T, k] int32, -1 = dropped
  at::Tensor tokenOfSlot;     // [T*k] int32
  at::Tensor choiceOfSlot;    // [T*k] int32
  at::Tensor probabilities;   // [T, E] float32, no gradient
  std::vector<int64_t> offsets;   // [E + 1]
  std::vector<int64_t> assigned;  // [E]
  at::Tensor counts;          // [2E + 1] int64 on a card: offsets, then assigned; undefined where the vectors hold them

  bool there() const { return counts.defined(); }
  /// The same with everything on the host; waits for the card.
  Assignment here() const;
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
