// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a run. Commands are applied between steps; every applied one is answered by an event and written down.
#include "engine/run/runner.h"

#include <c10/core/GradMode.h>

#include <chrono>
#include <cmath>
#include <new>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/model/sampler.h"
#include "engine/run/build_run.h"
#include "engine/run/run_writer.h"
#include "engine/train/train_loop.h"

namespace serp {
namespace {

constexpr int kMaxNonFinite = 8;          // skipped updates in a row before the run stops
constexpr std::int64_t kProbeTokens = 640;
constexpr double kProbeEverySeconds = 1.5;  // a routed text costs about one forward pass

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Runner::Runner(RunSpec spec, std::filesystem::path folder, OpenOptions options)
    : spec_(std::move(spec)), folder_(std::move(folder)), options_(std::move(options)) {}

Runner::~Runner() {
  if (!thread_.joinable()) return;
  post(Stop{true});
  thread_.join();
}

void Runner::start() {
  thread_ = std::thread([this] { main(); });
}

void Runner::onWake(std::function<void()> wake) {
  const std::lock_guard lock(wakeMutex_);
  wake_ = std::move(wake);
}

RunInfo Runner::info() const {
  const std::lock_guard lock(infoMutex_);
  return info_;
}

void Runner::setState(RunState state) {
  state_.store(state);
  const std::lock_guard lock(wakeMutex_);
  if (wake_) wake_();
}

double Runner::elapsed() const { return loop_ ? loop_->progress().seconds : 0; }

void Runner::report(RunEvent event) {
  if (loop_) event.step = loop_->progress().step;
  event.seconds = elapsed();
  if (writer_) writer_->event(event);
  events_.post(event);
  const std::lock_guard lock(wakeMutex_);
  if (wake_) wake_();
}

void Runner::fail(int exitCode, const std::string& sentence) {
  failed_ = true;
  if (writer_) writer_->finish("failed", sentence);
  RunEvent event;
  event.kind = EventKind::Failed;
  event.text = sentence;
  event.exitCode = exitCode;
  report(event);
  setState(RunState::Failed);
}

void Runner::main() {
  try {
    build();
    train();
  } catch (const Error& e) {
    fail(static_cast<int>(e.exitCode()), e.what());
  } catch (const std::bad_alloc&) {
    fail(static_cast<int>(ExitCode::OutOfMemory), outOfMemorySentence(spec_));
  } catch (const std::exception& e) {
    const std::string what = e.what();
    if (what.find("not enough memory") != std::string::npos || what.find("out of memory") != std::string::npos)
      fail(static_cast<int>(ExitCode::OutOfMemory), outOfMemorySentence(spec_));
    else
      fail(static_cast<int>(ExitCode::Internal), "internal error, please report: " + what.substr(0, what.find('\n')));
  }
  loop_.reset();
}

void Runner::build() {
  BuiltRun built = buildRun(spec_, folder_, options_);
  loop_ = std::move(built.loop);
  {
    const std::lock_guard lock(infoMutex_);
    info_ = built.info;
    info_.folder = folder_.string();
  }
  writer_ = std::make_unique<RunWriter>();
  if (options_.resumeFrom.empty()) writer_->create(folder_, spec_, info(), options_, loop_->corpus().tokenizer());
  else writer_->reopen(folder_, info(), loop_->progress().step);
  const ProbeText probe = loop_->corpus().probe(kProbeTokens);
  probeTokens_ = probe.tokens;
  probeLabels_ = probe.labels;
  lastSaved_ = options_.resumeFrom.empty() ? -1 : loop_->progress().step;
  setState(RunState::Ready);
  RunEvent event;
  event.kind = EventKind::Started;
  event.text = (options_.resumeFrom.empty() ? "started, seed " : "continued, seed ") + std::to_string(info_.seed) + ", " + patternText(spec_);
  report(event);
  for (const std::string& notice : loop_->corpus().facts().notices) {
    RunEvent warning;
    warning.kind = EventKind::Warning;
    warning.text = notice;
    report(warning);
  }
  if (!built.notice.empty()) {
    RunEvent warning;
    warning.kind = EventKind::Warning;
    warning.text = built.notice;
    report(warning);
  }
}

void Runner::train() {
  paused_ = options_.startPaused;
  const std::int64_t budget = spec_.train.integer("steps");
  const std::int64_t end = options_.stopAfter > 0 ? std::min(options_.stopAfter, budget) : budget;
  setState(paused_ ? RunState::Paused : RunState::Running);
  while (!stop_ && !failed_ && loop_->progress().step < end) {
    for (const Command& command : paused_ ? commands_.wait() : commands_.take()) handle(command);
    if (stop_ || paused_) continue;
    const StepRecord record = loop_->step();
    ring_.push(record);
    writer_->step(record);
    afterStep(record);
    if (stepsLeft_ > 0 && --stepsLeft_ == 0) {
      stepsLeft_ = -1;
      paused_ = true;
      setState(RunState::Paused);
      RunEvent event;
      event.kind = EventKind::Paused;
      event.text = "paused after a step";
      report(event);
    }
  }
  if (failed_) return;
  const bool done = loop_->progress().step >= budget;
  if (!stop_ || saveOnStop_) {
    setState(RunState::Stopping);
    if (lastEval_ != loop_->progress().step && spec_.train.integer("eval_every") > 0 && (done || !stop_)) evaluate();
    save(done ? "at the end" : "on stopping");
  }
  if (failed_) return;
  RunEvent event;
  event.kind = done ? EventKind::Finished : EventKind::Stopped;
  event.text = done ? "finished its " + std::to_string(budget) + " steps"
                    : std::string("stopped") + (stop_ && !saveOnStop_ ? " without saving" : "");
  writer_->finish(done ? "finished" : "stopped", event.text);
  report(event);
  setState(RunState::Finished);
}

void Runner::afterStep(const StepRecord& record) {
  const std::int64_t step = record.step;
  recentLoss_ = step == 1 ? record.loss : 0.9 * recentLoss_ + 0.1 * record.loss;
  const auto every = [&](const char* key) {
    const std::int64_t n = spec_.train.integer(key);
    return n > 0 && step % n == 0;
  };
  if (record.skipped) {
    RunEvent event;
    event.kind = EventKind::Skipped;
    const bool spike = loop_->verdict() == StepVerdict::Spike;
    event.text = spike ? "update skipped: the loss spiked to " + numberText(record.loss)
                       : "update skipped: " + std::string(std::isfinite(record.loss) ? "a gradient" : "the loss") + " is not finite";
    report(event);
    const bool stopAtOnce = !spike && spec_.train.text("on_nonfinite") == "stop";
    if (stopAtOnce || loop_->progress().nonFiniteInARow >= kMaxNonFinite) {
      fail(static_cast<int>(ExitCode::NonFinite),
           "the loss or a gradient is not finite at step " + std::to_string(step) + (stopAtOnce ? "" : " for the eighth time in a row") +
               "; the last checkpoint is intact. Lower train.learning_rate, or raise warmup_fraction");
      return;
    }
  }
  if (every("route_every") || step == 1) {
    if (!loop_->routing().empty()) routeProbe(false);
    else if (loop_->routing().steps() > 0) loop_->routing().takeFrame(step);
    activations_.publish(std::make_shared<ActivationFrame>(loop_->activations().frame(step)));
  }
  milestones(record);
  if (every("eval_every")) evaluate();
  if (every("sample_every")) drawSample(Sample{spec_.train.text("prompt"), 160, 0.8, static_cast<std::uint64_t>(step)});
  if (every("checkpoint_every")) save("by schedule");
  if (std::string notice = writer_->notice(); !notice.empty()) {
    RunEvent event;
    event.kind = EventKind::Warning;
    event.text = std::move(notice);
    report(event);
  }
}

void Runner::routeProbe(bool force) {
  auto frame = std::make_shared<RoutingFrame>(loop_->routing().takeFrame(loop_->progress().step));
  const bool wanted = routing_.takeWanted();
  if (force || (wanted && now() - lastProbe_ > kProbeEverySeconds)) {
    const auto& corpus = loop_->corpus();
    probeText_ = routeText(loop_->model(), corpus.tokenizer(), probeTokens_, probeLabels_, corpus.facts().labelNames);
    probeStep_ = frame->step;
    lastProbe_ = now();
  }
  frame->text = probeText_;
  frame->textStep = probeStep_;
  if (frame->steps > 0) writer_->routing(*frame);
  routing_.publish(std::move(frame));
}

void Runner::milestones(const StepRecord& record) {
  const auto& facts = loop_->corpus().facts();
  const auto cross = [&](bool& flag, double line, const char* name) {
    if (flag || !(recentLoss_ < line) || record.step < 2) return;
    flag = true;
    RunEvent event;
    event.kind = EventKind::Milestone;
    char value[32];
    std::snprintf(value, sizeof value, "%.2f", line);
    event.text = std::string("below ") + name + ", " + value;
    report(event);
  };
  cross(belowUniform_, facts.uniformLoss, "the uniform guess");
  cross(belowUnigram_, facts.unigramLoss, "the token frequencies");
}

void Runner::evaluate() {
  const EvalRecord record = loop_->evaluate(spec_.train.integer("eval_batches"));
  lastEval_ = record.step;
  writer_->eval(record);
  RunEvent event;
  event.kind = EventKind::Evaluated;
  event.eval = record;
  char text[64];
  std::snprintf(text, sizeof text, "held-out loss %.4f", record.loss);
  event.text = text;
  report(event);
}

void Runner::save(const char* why) {
  if (lastSaved_ == loop_->progress().step) return;
  try {
    const std::uint64_t bytes = writer_->checkpoint(*loop_, spec_.train.integer("keep_checkpoints"));
    lastSaved_ = loop_->progress().step;
    RunEvent event;
    event.kind = EventKind::Saved;
    event.text = std::string("checkpoint saved ") + why + ", " + bytesText(static_cast<double>(bytes));
    report(event);
  } catch (const Error& e) {
    RunEvent event;
    event.kind = EventKind::Warning;
    event.text = std::string("no checkpoint: ") + e.what();
    event.exitCode = static_cast<int>(e.exitCode());
    report(event);
    if (stop_ || loop_->progress().step >= spec_.train.integer("steps") || options_.stopAfter > 0)
      fail(static_cast<int>(e.exitCode()), e.what());
  }
}

void Runner::drawSample(const Sample& request) {
  const auto& tokenizer = loop_->corpus().tokenizer();
  std::vector<std::int32_t> prompt = tokenizer.encode(request.prompt);
  if (prompt.empty()) prompt.push_back(0);
  Sampling settings;
  settings.tokens = request.tokens;
  settings.temperature = request.temperature;
  settings.seed = request.seed;
  RunEvent event;
  event.kind = EventKind::Sampled;
  event.prompt = request.prompt;
  event.sample = tokenizer.decode(sample(loop_->model(), prompt, settings));
  event.text = "sample drawn";
  writer_->sample(loop_->progress().step, elapsed(), event.prompt, event.sample);
  report(event);
}

void Runner::handle(const Command& command) {
  RunEvent event;
  const auto visitor = [&](const auto& c) {
    using T = std::decay_t<decltype(c)>;
    if constexpr (std::is_same_v<T, Pause>) {
      if (paused_) return;
      paused_ = true;
      stepsLeft_ = -1;
      setState(RunState::Paused);
      event.kind = EventKind::Paused;
      event.text = "paused";
      report(event);
    } else if constexpr (std::is_same_v<T, Resume>) {
      stepsLeft_ = -1;
      if (!paused_) return;
      paused_ = false;
      setState(RunState::Running);
      event.kind = EventKind::Resumed;
      event.text = "training";
      report(event);
    } else if constexpr (std::is_same_v<T, StepOnce>) {
      stepsLeft_ = std::max(1, c.steps);
      paused_ = false;
      setState(RunState::Running);
    } else if constexpr (std::is_same_v<T, SetLive>) {
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
      setState(RunState::Stopping);
    } else if constexpr (std::is_same_v<T, Sample>) {
      drawSample(c);
    } else if constexpr (std::is_same_v<T, Probe>) {
      const ProbeText standing = c.text.empty() ? loop_->corpus().probe(kProbeTokens) : ProbeText{};
      probeTokens_ = c.text.empty() ? standing.tokens : loop_->corpus().tokenizer().encode(c.text);
      probeLabels_ = standing.labels;
      if (probeTokens_.size() > 4096) probeTokens_.resize(4096);
      routeProbe(true);
    }
  };
  std::visit(visitor, command);
}

}  // namespace serp
