// SPDX-License-Identifier: GPL-3.0-or-later
// The step: batch, forward, cross entropy plus auxiliary losses, backward, clip, update.
#include "engine/train/train_loop.h"

#include <chrono>
#include <cmath>

#include "engine/api/catalog.h"
#include "engine/base/error.h"
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

std::unique_ptr<LanguageModel> builtOn(const RunSpec& spec, const Plan& plan, at::Device device) {
  auto model = std::make_unique<LanguageModel>(spec, plan, static_cast<std::uint64_t>(spec.train.integer("seed")));
  if (!device.is_cpu()) model->moveTo(device);
  return model;
}

}  // namespace

TrainLoop::TrainLoop(const RunSpec& spec, const Plan& plan, std::shared_ptr<const Corpus> corpus, at::Device device)
    : spec_(spec),
      corpus_(std::move(corpus)),
      model_(builtOn(spec, plan, device)),
      optimizer_(std::make_unique<Optimizer>(model_->parameters(), spec.train)),
      pass_(std::make_unique<StepPass>(*model_, *optimizer_, spec.train.text("balance_reduction") == "mean", spec.train.boolean("cuda_graph"))),
      schedule_(makeSchedule(spec.train)),
      flopsPerStep_(plan.flopsTraining * static_cast<double>(plan.batch * plan.context)),
      routeEvery_(spec.train.integer("route_every")),
      skipSpikes_(spec.train.text("on_spike") == "skip"),
      seed_(static_cast<std::uint64_t>(spec.train.integer("seed"))) {
  progress_.rateScale = spec.train.real("learning_rate_scale");
  routing_.nameLayers(*model_);
  activations_.nameBlocks(*model_);
}

bool TrainLoop::drawsNoise() const {
  for (const auto& [path, value] : model_->liveValues())
    if (path.ends_with(".jitter") && value > 0) return true;
  return false;
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

  const PassNumbers pass = pass_->run(batch_, ctx, detailed || (pass_->recording() && drawsNoise()));
  const double loss = pass.loss;
  verdict_ = StepVerdict::Applied;
  spiked_ = false;
  double gradNorm = std::nan("");
  const double rate = learningRate(progress_.step);
  if (!std::isfinite(pass.total)) {
    verdict_ = StepVerdict::NonFinite;
    optimizer_->dropGradients();
  } else {
    double sum = 0;
    for (const double s : pass.gradientSquares) sum += s;
    gradNorm = std::sqrt(sum);
    if (detailed) activations_.gradients(pass.gradientSquares, model_->parameterBlock());
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

  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  progress_.seconds += seconds;

  StepRecord record;
  record.step = progress_.step;
  record.tokens = progress_.tokens;
  record.seconds = progress_.seconds;
  record.flops = progress_.flops;
  record.loss = loss;
  record.auxLoss = pass.aux;
  record.zLoss = pass.z;
  record.accuracy = pass.counted > 0 ? static_cast<double>(pass.hits) / static_cast<double>(pass.counted) : 0;
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
  pass_->forget();  // values of blocks are part of what was recorded
  return model_->live(path, before) && model_->setLive(path, value) > 0;
}

}  // namespace serp
