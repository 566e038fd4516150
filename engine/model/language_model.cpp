// SPDX-License-Identifier: GPL-3.0-or-later
// Building and running the stack. Every block adds to the residual stream: x += block(norm(x)).
#include "engine/model/language_model.h"

#include <c10/core/GradMode.h>
#include <ATen/ops/embedding.h>

#include <functional>
#include <map>

#include "engine/base/error.h"
#include "engine/ops/linear.h"

namespace serp {
LanguageModel::LanguageModel(const RunSpec& spec, const Plan& plan, std::uint64_t seed) : plan_(plan), vocab_(plan.vocab) {
  const Initialiser init(seed, spec.model.text("init") == "paper");
  const double eps = spec.model.real("norm_eps");
  embeddingScale_ = spec.model.real("embedding_scale");
  names_.push_back({"embedding", "embedding", "embedding"});
  const auto table = [&](const std::string& name, std::int64_t rows, double fanIn) {
    at::Tensor t = init.paper() ? init.truncated(name, {rows, plan.dModel}, 0.1, fanIn) : init.normal(name, {rows, plan.dModel}, 0.02);
    t.set_requires_grad(true);
    return t;
  };
  embedding_ = table("embedding.weight", vocab_, 1.0);
  adopt("embedding.", {{"weight", embedding_, ParameterRole::Embedding}}, 0);
  if (spec.model.text("positions") == "learned") {
    positions_ = table("positions.weight", plan.context, 1.0);
    adopt("positions.", {{"weight", positions_, ParameterRole::Embedding}}, 0);
  }
  const auto count = static_cast<std::int64_t>(plan.blocks.size());
  std::map<std::string, std::shared_ptr<Block>> shared;
  for (const PlanNode& node : plan.blocks) {
    if (node.bypassed) continue;  // x += nothing: neither norm nor block is built
    const int index = static_cast<int>(names_.size());
    names_.push_back({node.path, node.label, node.kind});
    Layer layer;
    layer.norm = std::make_unique<NormLayer>(node.norm, node.in, eps, init);
    adopt(node.path + ".norm.", layer.norm->parameters(), index);
    PlanNode mixer = node;  // tensors of the block itself stand under "<path>.mixer."
    mixer.path = node.path + ".mixer";
    const auto make = BlockFactory::find(node.kind);
    SERP_CHECK(make != nullptr, "no class for block kind " + node.kind);
    layer.path = mixer.path;
    const std::string share = node.params.has("share") ? node.params.text("share") : std::string();
    if (const auto known = shared.find(share); known != shared.end()) {
      layer.block = known->second;
      layer.owner = false;
    } else {
      layer.block = make(BuildingSite{mixer, init, plan.context, count, eps});
      adoptTree(*layer.block, index);
      if (!share.empty()) shared.emplace(share, layer.block);
    }
    layers_.push_back(std::move(layer));
  }
  const int last = static_cast<int>(names_.size());
  names_.push_back({"head", "head", "head"});
  finalNorm_ = std::make_unique<NormLayer>(spec.model.text("final_norm"), plan.dModel, eps, init);
  adopt("final_norm.", finalNorm_->parameters(), last);
  if (spec.model.boolean("tie_embedding")) {
    head_ = embedding_;
  } else {
    head_ = table("head.weight", vocab_, static_cast<double>(plan.dModel));
    adopt("head.", {{"weight", head_, ParameterRole::Matrix}}, last);
  }
}

void LanguageModel::adopt(const std::string& prefix, const std::vector<Parameter>& parameters, int block) {
  for (const Parameter& p : parameters) {
    parameters_.push_back({prefix + p.name, p.tensor, p.role});
    parameterBlock_.push_back(block);
  }
}

void LanguageModel::adoptTree(const Block& block, int index) {
  adopt(block.path() + ".", block.parameters(), index);
  for (const Block* child : block.children()) adoptTree(*child, index);
}

void LanguageModel::checkIds(const at::Tensor& tokens) const {
  SERP_CHECK(tokens.scalar_type() == at::kLong && tokens.dim() == 2 && tokens.is_contiguous(), "tokens must be int64 [B, T]");
  const auto* p = tokens.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < tokens.numel(); ++i)
    if (p[i] < 0 || p[i] >= vocab_)
      throw Error(ExitCode::BadData, "token id " + std::to_string(p[i]) + " lies outside the vocabulary 0.." + std::to_string(vocab_ - 1));
}

void LanguageModel::moveTo(at::Device device) {
  const c10::NoGradGuard noGrad;
  for (const Parameter& p : parameters_) {
    at::Tensor t = p.tensor;
    t.set_data(t.detach().to(device));
  }
}

at::Tensor LanguageModel::embed(const at::Tensor& given, std::int64_t first) const {
  at::Tensor tokens = given;
  if (tokens.device().is_cpu()) {
    checkIds(tokens);
    if (device().is_cuda()) tokens = tokens.pin_memory().to(device(), true);
  }
  at::Tensor x = at::embedding(embedding_, tokens);  // [B, T, d]
  if (embeddingScale_ != 1) x = x.mul(embeddingScale_);
  if (positions_.defined()) {
    if (first + tokens.size(1) > positions_.size(0))
      throw Error(ExitCode::BadConfiguration, "learned positions end at " + std::to_string(positions_.size(0)) + " tokens, asked for " +
                                                  std::to_string(first + tokens.size(1)));
    x = x.add(positions_.narrow(0, first, tokens.size(1)));
  }
  return x;
}

template <class Run>
at::Tensor LanguageModel::stack(at::Tensor x, ActivationObserver* observer, const Run& run) const {
  if (observer) observer->passed("embedding", x, x);
  if (layers_.empty()) return ops::linear(finalNorm_->forward(x), head_).view({-1, vocab_});
  at::Tensor normed = layers_.front().norm->forward(x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const at::Tensor update = run(layers_[i], i, normed);
    const NormLayer& next = i + 1 < layers_.size() ? *layers_[i + 1].norm : *finalNorm_;
    const ops::SumAndNorm both = next.forward(x, update);        // x += block(norm(x)), and the norm of the sum for whoever comes next
    x = both.sum;
    normed = both.normed;
    if (observer) observer->passed(layers_[i].path, update, x);
  }
  return ops::linear(normed, head_).view({-1, vocab_});
}

at::Tensor LanguageModel::forward(const at::Tensor& tokens, StepContext& ctx) {
  ctx.batch = tokens.size(0);
  ctx.length = tokens.size(1);
  return stack(embed(tokens, 0), ctx.activations,
               [&](const Layer& layer, std::size_t, const at::Tensor& n) { return layer.block->forward(n, ctx); });
}

DecodeState LanguageModel::start(std::int64_t batch) const {
  DecodeState state;
  state.batch = batch;
  for (const Layer& layer : layers_) state.blocks.push_back(layer.block->makeState(batch));
  return state;
}

at::Tensor LanguageModel::advance(const at::Tensor& tokens, DecodeState& state, StepContext& ctx) {
  const c10::NoGradGuard noGrad;
  SERP_CHECK(tokens.size(0) == state.batch, "batch of the tokens and of the state differ");
  SERP_CHECK(tokens.size(1) == 1 || state.length == 0, "several tokens at once only from an empty state");
  ctx.batch = tokens.size(0);
  ctx.length = tokens.size(1);
  at::Tensor x = embed(tokens, state.length);
  const bool single = tokens.size(1) == 1;
  if (single) x = x.squeeze(1);                                  // [B, d]
  const std::int64_t length = tokens.size(1);
  const at::Tensor logits = stack(x, nullptr, [&](const Layer& layer, std::size_t i, const at::Tensor& n) {
    BlockState* s = state.blocks[i].get();
    return single ? layer.block->step(n, s, ctx) : layer.block->prefill(n, s, ctx);
  });
  state.length += length;
  return logits;
}

template <class F>
void LanguageModel::visit(const std::string& path, const F& f) const {
  const auto dot = path.rfind('.');
  const std::string key = dot == std::string::npos ? path : path.substr(dot + 1);
  const std::string where = dot == std::string::npos ? "**" : path.substr(0, dot);
  const std::function<void(Block&)> walk = [&](Block& block) {
    if (where == "**" || block.path() == where || block.path() == where + ".mixer") f(block, key);
    for (Block* child : block.children()) walk(*child);
  };
  for (const Layer& layer : layers_)
    if (layer.owner) walk(*layer.block);
}

int LanguageModel::setLive(const std::string& path, double value) {
  int taken = 0;
  visit(path, [&](Block& block, const std::string& key) { taken += block.setLive(key, value); });
  return taken;
}

bool LanguageModel::live(const std::string& path, double& value) const {
  bool found = false;
  visit(path, [&](Block& block, const std::string& key) { found = found || block.live(key, value); });
  return found;
}

std::vector<std::pair<std::string, double>> LanguageModel::liveValues() const {
  std::vector<std::pair<std::string, double>> all;
  const std::function<void(const Block&)> walk = [&](const Block& block) {
    for (const auto& [key, value] : block.liveValues()) all.emplace_back(block.path() + "." + key, value);
    for (const Block* child : block.children()) walk(*child);
  };
  for (const Layer& layer : layers_)
    if (layer.owner) walk(*layer.block);
  return all;
}

}  // namespace serp
