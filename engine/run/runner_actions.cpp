// SPDX-License-Identifier: GPL-3.0-or-later
// What a run does between its steps: commands, checkpoints, evaluations, samples, routing frames, and verdicts on odd steps.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/model/sampler.h"
#include "engine/run/checkpoint.h"
#include "engine/run/route_windows.h"
#include "engine/run/run_writer.h"
#include "engine/run/runner.h"
#include "engine/train/train_loop.h"

namespace serp {
namespace {

constexpr int kMaxNonFinite = 8;  // skipped updates in a row before the run stops
constexpr std::int64_t kProbeTokens = 640;
constexpr std::size_t kMaxProbeTokens = 4096;
constexpr std::uint64_t kMaxAsideBytes = std::uint64_t{256} << 20;  // a copy of this much may stand in memory while it is written
constexpr double kProbeEverySeconds = 1.5;  // a routed text costs about one forward pass

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool learnsPositions(const std::vector<PlanNode>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [](const PlanNode& n) {
    return (n.params.has("positions") && n.params.text("positions") == "learned") || learnsPositions(n.children);
  });
}

/// Commands that change nothing but whether steps are made.
bool isQuick(const Command& command) {
  return std::holds_alternative<Pause>(command) || std::holds_alternative<Resume>(command) || std::holds_alternative<StepOnce>(command) ||
         std::holds_alternative<Stop>(command);
}

}  // namespace

void Runner::obey() {
  if (paused_ && pending_.empty()) collectSave(true);  // nothing else would tell of it before the next step
  for (Command& command : paused_ && pending_.empty() ? commands_.wait() : commands_.take()) pending_.push_back(std::move(command));
  while (!pending_.empty() && !stop_ && !failed_) {
    const Command command = std::move(pending_.front());
    pending_.pop_front();
    handle(command);
  }
}

void Runner::attend() {
  for (Command& command : commands_.take()) pending_.push_back(std::move(command));
  while (!pending_.empty() && !stop_ && isQuick(pending_.front())) {
    const Command command = std::move(pending_.front());
    pending_.pop_front();
    handle(command);
  }
}

void Runner::handle(const Command& command) {
  const auto visitor = [&](const auto& c) {
    using T = std::decay_t<decltype(c)>;
    if constexpr (std::is_same_v<T, Pause>) {
      if (ending_) return;
      const bool already = paused_;
      paused_ = true;
      stepsLeft_ = -1;
      setState(RunState::Paused);
      if (!already) report(EventKind::Paused, "paused");
    } else if constexpr (std::is_same_v<T, Resume>) {
      stepsLeft_ = -1;
      if (!paused_ || ending_) return;
      paused_ = false;
      setState(RunState::Running);
      report(EventKind::Resumed, "training");
    } else if constexpr (std::is_same_v<T, StepOnce>) {
      if (ending_) return;
      stepsLeft_ = std::max(1, c.steps);
      paused_ = false;
      setState(RunState::Running);
    } else if constexpr (std::is_same_v<T, SetLive>) {
      RunEvent event;
      event.path = c.path;
      event.after = c.value;
      if (std::isfinite(c.value) && loop_->setLive(c.path, c.value, event.before)) {
        event.kind = EventKind::LiveEdit;
        event.text = c.path.substr(c.path.rfind('.') + 1) + " " + numberText(event.before) + " → " + numberText(c.value);
      } else {
        event.kind = EventKind::Warning;
        event.text = "no live parameter " + c.path + " takes the value " + numberText(c.value);
      }
      report(event);
    } else if constexpr (std::is_same_v<T, Save>) {
      save("on request");
    } else if constexpr (std::is_same_v<T, Stop>) {
      stop_ = true;
      saveOnStop_ = c.save;
      interrupted_ = interrupted_ || c.interrupted;
      setState(RunState::Stopping);
    } else if constexpr (std::is_same_v<T, Sample>) {
      drawSample(c);
    } else if constexpr (std::is_same_v<T, Probe>) {
      const ProbeText standing = c.text.empty() ? loop_->corpus().probe(kProbeTokens) : ProbeText{};
      probeTokens_ = c.text.empty() ? standing.tokens : loop_->corpus().tokenizer().encode(c.text);
      probeLabels_ = standing.labels;
      if (probeTokens_.size() > kMaxProbeTokens) probeTokens_.resize(kMaxProbeTokens);
      routeProbe();
      // A copy of the newest frame with the new text: the windows of the log stay as they are.
      auto frame = lastFrame_ ? std::make_shared<RoutingFrame>(*lastFrame_) : std::make_shared<RoutingFrame>();
      frame->text = probeText_;
      frame->textStep = probeStep_;
      lastFrame_ = frame;
      routing_.publish(lastFrame_);
    }
  };
  std::visit(visitor, command);
}

void Runner::judge(const StepRecord& record) {
  const bool spike = loop_->spiked();
  if (spike && !spiking_ && !record.skipped)
    report(EventKind::Warning, "spike: loss " + numberText(record.loss) + ", gradient norm " + numberText(record.gradNorm));
  spiking_ = spike;
  if (!record.skipped) return;
  if (loop_->verdict() == StepVerdict::Spike) {
    report(EventKind::Skipped, "update skipped: the loss or the gradient spiked, loss " + numberText(record.loss));
    return;
  }
  report(EventKind::Skipped, "update skipped: " + std::string(std::isfinite(record.loss) ? "a gradient" : "the loss") + " is not finite");
  const bool atOnce = spec_.train.text("on_nonfinite") == "stop";
  if (!atOnce && loop_->progress().nonFiniteInARow < kMaxNonFinite) return;
  save("before stopping");  // the weights are those of the last good update
  if (failed_) return;
  fail(static_cast<int>(ExitCode::NonFinite),
       "the loss or a gradient is not finite at step " + std::to_string(record.step) + (atOnce ? "" : " for the eighth time in a row") +
           "; the weights from before are in the last checkpoint. Lower train.learning_rate, or raise warmup_fraction");
}

void Runner::logRouting() {
  auto frame = std::make_shared<RoutingFrame>(loop_->routing().takeFrame(loop_->progress().step));
  if (frame->layers.empty()) return;
  if (routing_.takeWanted() && now() - lastProbe_ > kProbeEverySeconds) routeProbe();
  frame->text = probeText_;
  frame->textStep = probeStep_;
  if (frame->steps > 0) writer_->routing(*frame);
  lastFrame_ = frame;
  routing_.publish(lastFrame_);
}

void Runner::routeProbe() {
  const auto& corpus = loop_->corpus();
  probeText_ = std::make_shared<RoutedText>(
      routeWindows(loop_->model(), corpus.tokenizer(), probeTokens_, probeLabels_, corpus.facts().labelNames));
  probeStep_ = loop_->progress().step;
  lastProbe_ = now();
}

void Runner::milestones(const StepRecord& record) {
  const auto& facts = loop_->corpus().facts();
  const auto cross = [&](bool& flag, double line, const char* name) {
    if (flag || !(recentLoss_ < line) || record.step < 2) return;
    flag = true;
    char value[32];
    std::snprintf(value, sizeof value, "%.2f", line);
    report(EventKind::Milestone, std::string("below ") + name + ", " + value);
  };
  cross(belowUniform_, facts.uniformLoss, "the uniform guess");
  if (facts.unigramLoss < facts.uniformLoss) cross(belowUnigram_, facts.unigramLoss, "the token frequencies");
}

void Runner::evaluate() {
  const auto record = loop_->evaluate(spec_.train.integer("eval_batches"), [this] {
    attend();
    return !stop_;
  });
  if (!record) return;
  lastEval_ = record->step;
  writer_->eval(*record);
  RunEvent event;
  event.kind = EventKind::Evaluated;
  event.eval = *record;
  char text[64];
  std::snprintf(text, sizeof text, "held-out loss %.4f", record->loss);
  event.text = text;
  report(event);
}

void Runner::save(const char* why, bool aside) {
  collectSave(true);
  const std::int64_t step = loop_->progress().step;
  if (lastSaved_ == step || failed_) return;
  aside = aside && !ending_ && snapshotBytes(*loop_) <= kMaxAsideBytes;
  savingStep_ = step;
  savingTokens_ = loop_->progress().tokens;
  savingWhy_ = why;
  auto write = [run = folder_, keep = spec_.train.integer("keep_checkpoints"), snapshot = takeSnapshot(*loop_, aside)] {
    try {
      return Written{writeSnapshot(run, snapshot, keep), {}, 0};
    } catch (const Error& e) {
      return Written{0, e.what(), static_cast<int>(e.exitCode())};
    }
  };
  saving_ = std::async(aside ? std::launch::async : std::launch::deferred, std::move(write));
  if (!aside) collectSave(true);
}

void Runner::collectSave(bool wait) {
  if (!saving_.valid()) return;
  if (!wait && saving_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  const Written written = saving_.get();
  if (written.fault.empty()) {
    lastSaved_ = savingStep_;
    writer_->saved(savingStep_, savingTokens_);
    RunEvent event;
    event.kind = EventKind::Saved;
    event.step = savingStep_;
    event.text = "checkpoint saved " + savingWhy_ + ", " + bytesText(static_cast<double>(written.bytes));
    report(event);
  } else if (ending_) {
    fail(written.exitCode, "no checkpoint: " + written.fault);
  } else {
    report(EventKind::Warning, "no checkpoint: " + written.fault);
  }
}

void Runner::drawSample(const Sample& request) {
  const auto& tokenizer = loop_->corpus().tokenizer();
  std::vector<std::int32_t> prompt = tokenizer.encode(request.prompt);
  if (prompt.empty()) prompt.push_back(std::max(0, tokenizer.endOfText()));
  Sampling settings;
  settings.tokens = request.tokens;
  settings.temperature = request.temperature;
  settings.seed = request.seed;
  settings.record = spec_.train.boolean("cuda_graph");
  if (spec_.model.text("positions") == "learned" || learnsPositions(loop_->model().plan().blocks)) {  // the table of positions ends at the training context
    const auto context = static_cast<std::size_t>(loop_->model().plan().context);
    if (prompt.size() > context / 2 + 1) prompt.erase(prompt.begin(), prompt.end() - static_cast<std::ptrdiff_t>(context / 2 + 1));
    settings.tokens = std::min(settings.tokens, static_cast<std::int64_t>(context - prompt.size() + 1));
  }
  const auto drawn = sample(loop_->model(), prompt, settings, [this](std::int32_t) {
    attend();
    return !stop_;
  });
  if (stop_) return;
  RunEvent event;
  event.kind = EventKind::Sampled;
  event.prompt = request.prompt;
  event.sample = tokenizer.decode(drawn);
  event.text = "sample drawn";
  writer_->sample(loop_->progress().step, elapsed(), event.prompt, event.sample);
  report(event);
}

}  // namespace serp
