// SPDX-License-Identifier: GPL-3.0-or-later
// Warm-up, recording and repetition of one decoding step.
#include "engine/model/recorded_decoding.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "engine/ops/device_kernels.h"

namespace serp {
namespace {

constexpr int kWarmTokens = 2;

}  // namespace

RecordedDecoding::RecordedDecoding(LanguageModel& model, DecodeState& state, bool record) : model_(model), state_(state) {
  const bool steady = std::all_of(state.blocks.begin(), state.blocks.end(), [](const auto& block) { return !block || block->keepsSize(); });
  if (record && steady && model.device().is_cuda() && !model.hasPositions()) graph_ = std::make_unique<device::Graph>();
}

void RecordedDecoding::queue() {
  StepContext ctx;
  logits_ = model_.advance(tokens_, state_, ctx);
}

at::Tensor RecordedDecoding::advance(const at::Tensor& tokens) {
  const c10::NoGradGuard noGrad;
  if (!graph_) {
    StepContext ctx;
    return model_.advance(tokens, state_, ctx);
  }
  model_.checkIds(tokens);
  if (!tokens_.defined()) tokens_ = at::empty_like(tokens, at::TensorOptions().device(model_.device()));
  tokens_.copy_(tokens.pin_memory(), true);
  if (graph_->captured()) {
    ++state_.length;  // all that a step changes on the host
    graph_->replay();
    return logits_;
  }
  if (warm_ < kWarmTokens) {
    const std::int64_t before = ops::waits();
    graph_->run([this] { queue(); });
    ++warm_;
    if (ops::waits() != before) graph_.reset();  // a block asks the card for numbers: step by step, then
    return logits_;
  }
  graph_->capture([this] { queue(); });
  graph_->replay();
  return logits_;
}

}  // namespace serp
