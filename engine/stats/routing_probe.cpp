// SPDX-License-Identifier: GPL-3.0-or-later
// Counting where tokens go. Entropy needs a logarithm per probability, so it is measured on one step of a window.
#include "engine/stats/routing_probe.h"

#include <c10/core/GradMode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "engine/data/tokenizer.h"
#include "engine/model/language_model.h"
#include "engine/ops/device_kernels.h"

namespace serp {
namespace {

std::vector<float> tokenEntropies(const ops::Assignment& a) {
  std::vector<float> h(static_cast<std::size_t>(a.tokens));
  const auto* p = a.probabilities.const_data_ptr<float>();
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    double sum = 0;
    for (std::int64_t e = 0; e < a.experts; ++e) {
      const double q = p[t * a.experts + e];
      if (q > 0) sum -= q * std::log(q);
    }
    h[t] = static_cast<float>(sum);
  }
  return h;
}

/// Keeps the decisions of one pass instead of summing them.
class TextObserver final : public RoutingObserver {
 public:
  TextObserver(RoutedText& text, RoutingProbe* tally) : text_(text), tally_(tally) {}
  void routed(const std::string& path, const ops::Assignment& a, double capacityFactor, float balance, float z) override {
    if (tally_ != nullptr) tally_->routed(path, a, capacityFactor, balance, z);
    std::vector<std::int16_t> expert(static_cast<std::size_t>(a.tokens));
    std::vector<float> weight(expert.size());
    const auto* e = a.expert.const_data_ptr<std::int32_t>();
    const auto* p = a.probabilities.const_data_ptr<float>();
    for (std::int64_t t = 0; t < a.tokens; ++t) {
      expert[t] = static_cast<std::int16_t>(e[t * a.topK]);
      weight[t] = p[t * a.experts + e[t * a.topK]];
    }
    text_.expert.push_back(std::move(expert));
    text_.weight.push_back(std::move(weight));
    text_.entropy.push_back(tokenEntropies(a));
  }

 private:
  RoutedText& text_;
  RoutingProbe* tally_;
};

}  // namespace

void RoutingProbe::nameLayers(const LanguageModel& model) {
  for (const auto& block : model.blockNames()) labels_.emplace_back(block.path, block.label);
}

RoutingProbe::Tally& RoutingProbe::tally(const std::string& path, const ops::Assignment& a) {
  for (Tally& t : layers_)
    if (t.layer.path == path) return t;
  Tally t;
  t.layer.path = path;
  t.layer.label = path;
  for (const auto& [block, label] : labels_)
    if (path == block + ".mixer" || path == block) t.layer.label = label;
    else if (path.starts_with(block + ".mixer.")) t.layer.label = label + " " + path.substr(block.size() + 7);
  t.layer.experts = static_cast<int>(a.experts);
  t.layer.topK = static_cast<int>(a.topK);
  t.layer.assigned.assign(static_cast<std::size_t>(a.experts), 0);
  t.layer.kept = t.layer.assigned;
  t.probability = t.layer.assigned;
  layers_.push_back(std::move(t));
  return layers_.back();
}

void RoutingProbe::beginStep(bool detailed) {
  ++steps_;
  detailed_ = detailed;
}

void RoutingProbe::routed(const std::string& path, const ops::Assignment& a, double capacityFactor, float balance, float z) {
  Tally& t = tally(path, a);
  t.layer.capacityFactor = capacityFactor;
  for (std::int64_t e = 0; e < a.experts; ++e) {
    t.layer.assigned[e] += static_cast<double>(a.assigned[e]);
    t.layer.kept[e] += static_cast<double>(a.offsets[e + 1] - a.offsets[e]);
  }
  t.layer.balanceLoss += balance;
  t.layer.zLoss += z;
  ++t.seen;
  if (!detailed_) return;
  const auto* p = a.probabilities.const_data_ptr<float>();
  for (std::int64_t i = 0; i < a.tokens; ++i)
    for (std::int64_t e = 0; e < a.experts; ++e) t.probability[e] += p[i * a.experts + e] / static_cast<double>(a.tokens);
  double sum = 0;
  for (const float h : tokenEntropies(a)) sum += h;
  t.entropy += sum / static_cast<double>(std::max<std::int64_t>(1, a.tokens));
  ++t.seenEntropy;
}

void RoutingProbe::routedThere(const std::string& path, const ops::Assignment& a, double capacityFactor, const at::Tensor& balance,
                               const at::Tensor& z) {
  Tally& t = tally(path, a);
  t.layer.capacityFactor = capacityFactor;
  if (!t.counts.defined() || t.counts.device() != a.counts.device()) {
    t.counts = at::zeros_like(a.counts);
    t.losses = at::zeros({2}, balance.options().dtype(at::kDouble));
  }
  t.counts.add_(a.counts);
  t.losses.select(0, 0).add_(balance);
  t.losses.select(0, 1).add_(z);
  ++t.seen;
  if (!detailed_) return;
  const at::Tensor p = a.probabilities;
  const std::vector<double> mean = ops::readBack(p.mean(0));
  for (std::int64_t e = 0; e < a.experts; ++e) t.probability[e] += mean[e];
  t.entropy -= ops::readBack(p.mul(p.clamp_min(1e-30).log()).sum(at::kDouble))[0] / static_cast<double>(std::max<std::int64_t>(1, a.tokens));
  ++t.seenEntropy;
}

void RoutingProbe::repeated() {
  for (Tally& t : layers_) ++t.seen;
}

void RoutingProbe::fetch(Tally& t) {
  if (!t.counts.defined()) return;
  const std::vector<double> counts = ops::readBack(t.counts), losses = ops::readBack(t.losses);
  const std::size_t E = t.layer.assigned.size();
  for (std::size_t e = 0; e < E; ++e) {
    t.layer.assigned[e] += counts[E + 1 + e];
    t.layer.kept[e] += counts[e + 1] - counts[e];  // sums of offsets differ by sums of what was kept
  }
  t.layer.balanceLoss += losses[0];
  t.layer.zLoss += losses[1];
  t.counts.zero_();
  t.losses.zero_();
}

RoutingFrame RoutingProbe::takeFrame(std::int64_t step) {
  RoutingFrame frame;
  frame.step = step;
  frame.steps = steps_;
  for (Tally& t : layers_) {
    fetch(t);
    RoutingLayer layer = t.layer;
    const double n = std::max(1, t.seen);
    layer.balanceLoss /= n;
    layer.zLoss /= n;
    layer.entropy = t.seenEntropy ? t.entropy / t.seenEntropy : std::nan("");
    for (const double p : t.probability) layer.meanGate.push_back(static_cast<float>(t.seenEntropy ? p / t.seenEntropy : 0));
    frame.layers.push_back(std::move(layer));
    std::fill(t.layer.assigned.begin(), t.layer.assigned.end(), 0.0);
    std::fill(t.layer.kept.begin(), t.layer.kept.end(), 0.0);
    std::fill(t.probability.begin(), t.probability.end(), 0.0);
    t.layer.balanceLoss = t.layer.zLoss = t.entropy = 0;
    t.seen = t.seenEntropy = 0;
  }
  steps_ = 0;
  return frame;
}

std::shared_ptr<const RoutedText> routeText(LanguageModel& model, const Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens,
                                            const std::vector<std::uint8_t>& labels, const std::vector<std::string>& labelNames,
                                            RoutingProbe* tally) {
  auto text = std::make_shared<RoutedText>();
  if (tokens.empty()) return text;
  for (const std::int32_t id : tokens) text->pieces.emplace_back(tokenizer.piece(id));
  text->labels = labels;
  text->labelNames = labelNames;
  const c10::NoGradGuard noGrad;
  TextObserver observer(*text, tally);
  if (tally != nullptr) tally->beginStep(true);
  StepContext ctx;
  ctx.routing = &observer;
  std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
  const at::Tensor input = at::from_blob(ids.data(), {1, static_cast<std::int64_t>(ids.size())}, at::TensorOptions().dtype(at::kLong));
  model.forward(input, ctx);
  return text;
}

}  // namespace serp
