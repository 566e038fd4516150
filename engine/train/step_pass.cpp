// SPDX-License-Identifier: GPL-3.0-or-later
// The pass on the CPU, on a card, and on a card by a recorded graph.
#include "engine/train/step_pass.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/error.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/device_kernels.h"

namespace serp {
namespace {

constexpr int kWarmPasses = 3;    // allocations settle, and the tables that ops keep are made
constexpr int kMostRecords = 32;  // recording costs more than a pass: a count that changes at every step is not worth it

at::Tensor ids(std::vector<std::int64_t>& values, at::IntArrayRef sizes) {
  return at::from_blob(values.data(), sizes, at::TensorOptions().dtype(at::kLong));
}

std::int64_t sumOf(const at::Tensor& bytes) {
  std::int64_t sum = 0;
  const auto* p = bytes.const_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < bytes.numel(); ++i) sum += p[i];
  return sum;
}

}  // namespace

StepPass::StepPass(LanguageModel& model, Optimizer& optimizer, bool meanReduction, bool graph)
    : model_(model), optimizer_(optimizer), meanReduction_(meanReduction) {
  if (graph && model.device().is_cuda()) graph_ = std::make_unique<device::Graph>();
}

StepPass::Total StepPass::totalOf(const at::Tensor& loss, const StepContext& ctx) const {
  const auto layers = static_cast<double>(std::max<std::size_t>(1, ctx.balance.size()));
  Total t{loss, {}};
  const auto add = [&](const std::vector<at::Tensor>& losses, bool keep) {
    for (const at::Tensor& one : losses) {
      const at::Tensor share = meanReduction_ ? one.div(layers) : one;
      if (keep) t.shares.push_back(share);
      t.loss = t.loss.add(share);
    }
  };
  add(ctx.balance, true);
  add(ctx.zLoss, false);
  return t;
}

PassNumbers StepPass::run(Batch& batch, StepContext& ctx, bool odd) {
  return ops::placeOf(model_.parameters().front().tensor).gpu ? runThere(batch, ctx, odd) : runHere(batch, ctx);
}

PassNumbers StepPass::runHere(Batch& batch, StepContext& ctx) {
  const at::Tensor logits = model_.forward(ids(batch.inputs, {batch.rows, batch.context}), ctx);
  const auto ce = ops::crossEntropy(logits, ids(batch.targets, {batch.rows * batch.context}));
  const Total total = totalOf(ce.loss, ctx);
  PassNumbers n;
  for (const at::Tensor& share : total.shares) n.aux += share.item<float>();
  const auto layers = static_cast<double>(std::max<std::size_t>(1, ctx.balance.size()));
  for (const float raw : ctx.zRaw) n.z += raw / layers;
  n.loss = ce.loss.item<float>();
  n.total = total.loss.item<float>();
  n.hits = sumOf(ce.hits);
  n.counted = ce.counted;
  if (std::isfinite(n.total)) {
    total.loss.backward();
    n.gradientSquares = optimizer_.gradientSquares();
  }
  return n;
}

/// Ids are looked at while they are on the host; the copies go through page-locked memory and wait for nobody.
void StepPass::bring(Batch& batch) {
  const at::Tensor inputs = ids(batch.inputs, {batch.rows, batch.context}), targets = ids(batch.targets, {batch.rows * batch.context});
  model_.checkIds(inputs);
  counted_ = ops::countTargets(targets, model_.vocab());
  if (!inputs_.defined() || inputs_.sizes() != inputs.sizes()) {
    forget();
    const auto options = at::TensorOptions().dtype(at::kLong).device(model_.device());
    inputs_ = at::empty(inputs.sizes(), options);
    targets_ = at::empty(targets.sizes(), options);
  }
  const bool cuda = model_.device().is_cuda();
  inputs_.copy_(cuda ? inputs.pin_memory() : inputs, cuda);
  targets_.copy_(cuda ? targets.pin_memory() : targets, cuda);
}

void StepPass::queue(StepContext ctx) {
  const at::Tensor logits = model_.forward(inputs_, ctx);
  const auto ce = ops::crossEntropyThere(logits, targets_, counted_, true);
  const Total total = totalOf(ce.loss, ctx);
  total.loss.backward();
  const auto wide = [](const at::Tensor& t) { return t.detach().to(at::kDouble); };
  const auto sum = [&](const std::vector<at::Tensor>& all) {
    at::Tensor s = at::zeros({}, inputs_.options().dtype(at::kDouble));
    for (const at::Tensor& t : all) s = s.add(t.detach());
    return s;
  };
  const auto layers = static_cast<double>(std::max<std::size_t>(1, ctx.balance.size()));
  packed_ = at::cat({optimizer_.gradientSquaresThere(), at::stack({wide(ce.loss), wide(total.loss), sum(total.shares),
                                                                   sum(ctx.zThere).div(layers), ce.hits.sum(at::kDouble)})});
}

PassNumbers StepPass::runThere(Batch& batch, StepContext& ctx, bool odd) {
  bring(batch);
  if (graph_) repeat(ctx, odd);
  else queue(ctx);
  PassNumbers n;
  n.gradientSquares = ops::readBack(packed_);
  const auto own = n.gradientSquares.end() - 5;
  n.loss = own[0], n.total = own[1], n.aux = own[2], n.z = own[3];
  n.hits = std::llround(own[4]);
  n.counted = counted_;
  if (std::isfinite(n.total)) n.gradientSquares.erase(own, n.gradientSquares.end());
  else n.gradientSquares.clear();
  return n;
}

void StepPass::repeat(const StepContext& ctx, bool odd) {
  if (odd || warm_ < kWarmPasses) {
    const std::int64_t before = ops::waits();
    graph_->run([&] { queue(ctx); });
    if (odd) return;
    ++warm_;
    if (ops::waits() != before) refuse("a block of this design asks the card for numbers during a step");
    return;
  }
  if (recorded_ != counted_) forget();
  if (graph_->captured()) {
    const auto& parameters = model_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].tensor.mutable_grad() = gradients_[i];
    if (ctx.routing) ctx.routing->repeated();
    return graph_->replay();
  }
  if (++records_ > kMostRecords) {
    graph_->run([&] { queue(ctx); });
    return refuse("the number of counted targets, or a live value, changes too often");
  }
  try {
    graph_->capture([&] { queue(ctx); });
  } catch (const std::exception& e) {
    const std::string what = e.what();
    forget();
    optimizer_.dropGradients();
    refuse(what.substr(0, what.find('\n')));
    return queue(ctx);
  }
  recorded_ = counted_;
  for (const Parameter& p : model_.parameters()) gradients_.push_back(p.tensor.grad());
  graph_->replay();
}

void StepPass::forget() {
  recorded_ = 0;
  gradients_.clear();
  packed_ = at::Tensor();
  if (graph_) graph_->forget();
}

void StepPass::refuse(std::string why) {
  notice_ = "train.cuda_graph: steps are not recorded, they run piece by piece: " + std::move(why);
  graph_.reset();
}

std::string StepPass::takeNotice() { return std::exchange(notice_, {}); }

}  // namespace serp
