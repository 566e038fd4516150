// SPDX-License-Identifier: GPL-3.0-or-later
// One synchronous training step, and evaluation. No thread, no file, no clock but the one it measures with.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/plan.h"
#include "engine/api/spec.h"
#include "engine/api/telemetry.h"
#include "engine/data/corpus.h"
#include "engine/model/language_model.h"
#include "engine/stats/activation_probe.h"
#include "engine/stats/routing_probe.h"
#include "engine/train/optimizer.h"
#include "engine/train/schedule.h"
#include "engine/train/step_pass.h"

namespace serp {

/// Why a step did not change the weights.
enum class StepVerdict { Applied, NonFinite, Spike };

/// Owned and called by one thread. The state of a run is the model, the optimizer, and the numbers in Progress.
class TrainLoop {
 public:
  /// Weights are drawn on the host and moved to `device`: the same seed, the same weights anywhere.
  TrainLoop(const RunSpec& spec, const Plan& plan, std::shared_ptr<const Corpus> corpus, at::Device device = at::kCPU);

  /// Everything besides tensors that a checkpoint must hold for a bit-equal continuation.
  struct Progress {
    std::int64_t step = 0;            ///< steps done = cursor of the batches
    std::int64_t tokens = 0;
    double seconds = 0, flops = 0;
    double rateScale = 1;             ///< live: factor on the schedule
    int nonFiniteInARow = 0;
    std::deque<double> recentLosses;  ///< for the spike rule, newest last, at most 128
    std::deque<double> recentNorms;   ///< gradient norms, likewise
  };

  /// The next step. Measures itself; `record.skipped` tells whether the weights changed.
  StepRecord step();
  StepVerdict verdict() const { return verdict_; }
  /// Whether the loss or the gradient norm of the last step left mean + 6 sigma of the 128 before it, whatever the policy.
  bool spiked() const { return spiked_; }
  /// Loss on the first `batches` validation batches (all for 0); expert layers take every token. Nothing where nothing is held out,
  /// or where `goOn`, asked before every batch, said no.
  std::optional<EvalRecord> evaluate(std::int64_t batches, const std::function<bool()>& goOn = {}) const;

  /// "train.learning_rate_scale" or a block's live key. False if nothing has that key or the
  /// value lies outside its declared range. `before` gets the old value.
  bool setLive(const std::string& path, double value, double& before);

  LanguageModel& model() { return *model_; }
  const LanguageModel& model() const { return *model_; }
  Optimizer& optimizer() { return *optimizer_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  const Corpus& corpus() const { return *corpus_; }
  Progress& progress() { return progress_; }
  const Progress& progress() const { return progress_; }
  RoutingProbe& routing() { return routing_; }
  ActivationProbe& activations() { return activations_; }
  /// A sentence for a person about how steps are made; empty, or told once.
  std::string takeNotice() { return pass_->takeNotice(); }
  double learningRate(std::int64_t step) const { return schedule_.rate(step) * progress_.rateScale; }

 private:
  bool drawsNoise() const;              // a router's jitter is on

  const RunSpec spec_;
  std::shared_ptr<const Corpus> corpus_;
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<StepPass> pass_;
  Schedule schedule_;
  Progress progress_;
  RoutingProbe routing_;
  ActivationProbe activations_;
  StepVerdict verdict_ = StepVerdict::Applied;
  bool spiked_ = false;
  double flopsPerStep_ = 0;
  std::int64_t routeEvery_ = 10;
  bool skipSpikes_ = false;
  std::uint64_t seed_ = 1;
  Batch batch_;
};

}  // namespace serp
