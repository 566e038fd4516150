// SPDX-License-Identifier: GPL-3.0-or-later
// Token after token on a card by a recorded graph, where a model's state keeps its size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "engine/device/device.h"
#include "engine/model/language_model.h"

namespace serp {

/// Advances one batch of sequences. Without `record`, without a card, or for a model whose state grows (attention, learned positions), each
/// call is LanguageModel::advance(); else the first tokens warm up, one is recorded, and all others repeat it. Owned and called by one thread;
/// the state must not be advanced by anybody else meanwhile.
class RecordedDecoding {
 public:
  RecordedDecoding(LanguageModel& model, DecodeState& state, bool record);
  /// tokens [B, 1] int64 on the host → logits [B, V] on the model's device, good until the next call.
  at::Tensor advance(const at::Tensor& tokens);

 private:
  void queue();

  LanguageModel& model_;
  DecodeState& state_;
  std::unique_ptr<device::Graph> graph_;
  at::Tensor tokens_, logits_;   // where the graph reads and writes
  int warm_ = 0;
};

}  // namespace serp
