// SPDX-License-Identifier: GPL-3.0-or-later
// The step: batch, forward, cross entropy plus auxiliary losses, backward, clip, update.
#include "engine/train/train_loop.h"

#include <ATen/ops/from_blob.h>

#include <chrono>
#include <cmath>

#include "engine/api/catalog.h"
#include "engine/base/error.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/profile.h"
#include "engine/train/evaluation.h"

namespace serp {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kSpikeWindow = 128;

/// Above mean + 6 sigma of a full window.
bool leaves(const std::deque<double>& recent, double value) {
  if (recent.size() < kSpikeWindow) return false;
  double mean = 0, square = 0;
  for (const double x : recent) mean += x;
  mean /= static_cast<double>(recent.size());
  for (const double x : recent) square += (x - mean) * (x - mean);
  return value > mean + 6 * std::sqrt(square / static_cast<double>(recent.size()));
}

void remember(std::deque<double>& recent, double value) {
  if (!std::isfinite(value)) return;
  recent.push_back(value);
  if (recent.size() > kSpikeWindow) recent.pop_front();
}

bool inRange(const Param& p, double value) {
  if (p.type == ParamType::Integer && value != std::floor(value)) return false;
  return (p.minimumOpen ? value > p.minimum : value >= p.minimum) && value <= p.maximum;
}

/// Whether every block below `node` that the place `where` means allows the value for its live key.
bool allowed(const PlanNode& node, const std::string& where, const std::string& key, double value) {
  for (const PlanNode& child : node.children)
    if (!allowed(child, where, key, value)) return false;
  if (where != "**" && where != node.path && where != node.path + ".mixer") return true;
  const BlockInfo* block = findBlock(node.kind);
  if (block == nullptr) return true;
  for (const Param& p : block->schema)
    if (p.name == key && p.acts && !inRange(p, value)) return false;
  return true;
}

at::Tensor ids(std::vector<std::int64_t>& values, at::IntArrayRef sizes) {
  return at::from_blob(values.data(), sizes, at::TensorOptions().dtype(at::kLong));
}

}  // namespace

TrainLoop::TrainLoop(const RunSpec& spec, const Plan& plan, std::shared_ptr<const Corpus> corpus)
    : spec_(spec),
      corpus_(std::move(corpus)),
      model_(std::make_unique<LanguageModel>(spec, plan, static_cast<std::uint64_t>(spec.train.integer("seed")))),
      optimizer_(std::make_unique<Optimizer>(model_->parameters(), spec.train)),
      schedule_(makeSchedule(spec.train)),
      flopsPerStep_(plan.flopsTraining * static_cast<double>(plan.batch * plan.context)),
      routeEvery_(spec.train.integer("route_every")),
      meanReduction_(spec.train.text("balance_reduction") == "mean"),
      skipSpikes_(spec.train.text("on_spike") == "skip"),
      seed_(static_cast<std::uint64_t>(spec.train.integer("seed"))) {
  progress_.rateScale = spec.train.real("learning_rate_scale");
  routing_.nameLayers(*model_);
  activations_.nameBlocks(*model_);
}

StepRecord TrainLoop::step() {
  const ops::StepTimer timer;
  const auto begin = Clock::now();
  corpus_->train(static_cast<std::uint64_t>(progress_.step), batch_);
  const bool detailed = progress_.step == 0 || (progress_.step + 1) % routeEvery_ == 0;
  StepContext ctx;
  ctx.training = true;
  ctx.seed = mixSeed(seed_, "step " + std::to_string(progress_.step));
  ctx.routing = &routing_;
  if (detailed) ctx.activations = &activations_;
  routing_.beginStep(detailed);

  const at::Tensor logits = model_->forward(ids(batch_.inputs, {batch_.rows, batch_.context}), ctx);
  const auto ce = ops::crossEntropy(logits, ids(batch_.targets, {batch_.rows * batch_.context}));
  at::Tensor total = ce.loss;
  const auto layers = static_cast<double>(std::max<std::size_t>(1, ctx.balance.size()));
  double aux = 0, z = 0;
  const auto addLosses = [&](const std::vector<at::Tensor>& losses, double* sum) {
    for (const at::Tensor& loss : losses) {
      const at::Tensor share = meanReduction_ ? loss.div(layers) : loss;
      if (sum) *sum += share.item<float>();
      total = total.add(share);
    }
  };
  addLosses(ctx.balance, &aux);
  addLosses(ctx.zLoss, nullptr);
  for (const float raw : ctx.zRaw) z += raw / layers;

  const float loss = ce.loss.item<float>();
  const float totalValue = total.item<float>();
  verdict_ = StepVerdict::Applied;
  spiked_ = false;
  double gradNorm = std::nan("");
  const double rate = learningRate(progress_.step);
  if (!std::isfinite(totalValue)) {
    verdict_ = StepVerdict::NonFinite;
    optimizer_->dropGradients();
  } else {
    total.backward();
    const std::vector<double> squares = optimizer_->gradientSquares();
    double sum = 0;
    for (const double s : squares) sum += s;
    gradNorm = std::sqrt(sum);
    if (detailed) activations_.gradients(squares, model_->parameterBlock());
    spiked_ = leaves(progress_.recentLosses, loss) || leaves(progress_.recentNorms, gradNorm);
    if (!std::isfinite(gradNorm)) verdict_ = StepVerdict::NonFinite;
    else if (skipSpikes_ && spiked_) verdict_ = StepVerdict::Spike;
    if (verdict_ == StepVerdict::Applied) optimizer_->step(rate, gradNorm);
    else optimizer_->dropGradients();
  }
  progress_.nonFiniteInARow = verdict_ == StepVerdict::NonFinite ? progress_.nonFiniteInARow + 1 : 0;
  remember(progress_.recentLosses, loss);
  remember(progress_.recentNorms, gradNorm);
  ++progress_.step;
  progress_.tokens += batch_.rows * batch_.context;
  progress_.flops += flopsPerStep_;

  std::int64_t hits = 0;
  const auto* hit = ce.hits.const_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < ce.hits.numel(); ++i) hits += hit[i];
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  progress_.seconds += seconds;

  StepRecord record;
  record.step = progress_.step;
  record.tokens = progress_.tokens;
  record.seconds = progress_.seconds;
  record.flops = progress_.flops;
  record.loss = loss;
  record.auxLoss = aux;
  record.zLoss = z;
  record.accuracy = ce.counted > 0 ? static_cast<double>(hits) / static_cast<double>(ce.counted) : 0;
  record.learningRate = rate;
  record.gradNorm = gradNorm;
  record.stepMs = seconds * 1e3;
  record.tokensPerSecond = static_cast<double>(batch_.rows * batch_.context) / seconds;
  record.skipped = verdict_ != StepVerdict::Applied;
  return record;
}

std::optional<EvalRecord> TrainLoop::evaluate(std::int64_t batches, const std::function<bool()>& goOn) const {
  const Evaluation e = serp::evaluate(*model_, *corpus_, batches, goOn);
  if (!e.complete || e.tokens == 0) return std::nullopt;
  EvalRecord record;
  record.step = progress_.step;
  record.tokens = progress_.tokens;
  record.seconds = progress_.seconds;
  record.loss = e.loss;
  record.accuracy = e.accuracy;
  record.bitsPerByte = e.bitsPerByte();
  return record;
}

bool TrainLoop::setLive(const std::string& path, double value, double& before) {
  if (path == "train.learning_rate_scale") {
    for (const Param& p : section("train").schema)
      if (p.name == "learning_rate_scale" && !inRange(p, value)) return false;
    before = progress_.rateScale;
    progress_.rateScale = value;
    return true;
  }
  const std::size_t dot = path.rfind('.');
  const std::string where = dot == std::string::npos ? "**" : path.substr(0, dot), key = path.substr(dot + 1);
  for (const PlanNode& node : model_->plan().blocks)
    if (!allowed(node, where, key, value)) return false;
  return model_->live(path, before) && model_->setLive(path, value) > 0;
}

}  // namespace serp
