// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a run: built, trained step by step, ended. Commands are applied between steps and answered by events.
#include "engine/run/runner.h"

#include <cmath>
#include <new>

#include "engine/api/runs.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/ops/kernel_calls.h"
#include "engine/run/build_run.h"
#include "engine/run/run_writer.h"
#include "engine/train/train_loop.h"

namespace serp {
namespace {

constexpr std::int64_t kProbeTokens = 640;

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

void Runner::post(Command command) {
  const bool stop = std::holds_alternative<Stop>(command);
  if (std::holds_alternative<Pause>(command)) {
    RunState running = RunState::Running;  // seen at once; the event follows when the step under way is done
    state_.compare_exchange_strong(running, RunState::Pausing);
  }
  commands_.post(std::move(command));
  if (stop) leaving_.store(true);  // after the command: who sees it finds the Stop in the mailbox
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
  if (loop_ && event.step == 0) event.step = loop_->progress().step;
  event.seconds = elapsed();
  if (writer_) writer_->event(event);
  events_.post(event);
  const std::lock_guard lock(wakeMutex_);
  if (wake_) wake_();
}

void Runner::report(EventKind kind, std::string text) {
  RunEvent event;
  event.kind = kind;
  event.text = std::move(text);
  report(std::move(event));
}

void Runner::fail(int exitCode, const std::string& sentence) {
  failed_ = true;
  RunEvent event;
  event.kind = EventKind::Failed;
  event.text = sentence;
  event.exitCode = exitCode;
  report(event);
  try {
    if (writer_) writer_->finish("failed", sentence);
  } catch (const std::exception&) {  // the event says what happened; the folder is read without a closing word
  }
}

void Runner::main() {
  try {
    build();
    if (!stop_) train();
  } catch (const Error& e) {
    // The text was changed or taken away while it was read: the weights are good, they are those of the last step.
    if (e.exitCode() == ExitCode::BadData && writer_ && loop_ && !failed_) keepWeights();
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
  if (saving_.valid()) saving_.wait();
  writer_.reset();  // gives the folder's lock back before anybody hears that it is over
  loop_.reset();
  setState(failed_ ? RunState::Failed : RunState::Finished);
}

void Runner::keepWeights() {
  try {
    collectSave(true);
    save("before stopping");
  } catch (const std::exception&) {  // what ended the run is told; this would only hide it
  }
}

void Runner::build() {
  const bool resumed = !options_.resumeFrom.empty();
  if (!resumed) makePathsAbsolute(spec_);
  BuiltRun built;
  try {
    built = buildRun(spec_, folder_, options_, [this] { return leaving_.load(); });
    if (leaving_.load()) throw Error(ExitCode::Interrupted, "");
  } catch (const Error& e) {
    if (e.exitCode() != ExitCode::Interrupted) throw;
    // Nothing was written yet: a new run leaves no folder, a resumed one stays as it was.
    stop_ = true;
    RunEvent event;
    event.kind = EventKind::Stopped;
    event.text = "stopped before the first step; nothing was written";
    for (const Command& command : commands_.take())
      if (const auto* stop = std::get_if<Stop>(&command); stop && stop->interrupted) event.exitCode = static_cast<int>(ExitCode::Interrupted);
    return report(event);
  }
  loop_ = std::move(built.loop);
  {
    const std::lock_guard lock(infoMutex_);
    info_ = built.info;
    info_.folder = folder_.string();
  }
  writer_ = std::make_unique<RunWriter>();
  const TrainLoop::Progress& progress = loop_->progress();
  if (!resumed) writer_->create(folder_, spec_, info(), options_, loop_->corpus().tokenizer());
  else writer_->reopen(folder_, spec_, info(), loop_->corpus().tokenizer(), progress.step);
  if (resumed) repeatEdits();
  const ProbeText probe = loop_->corpus().probe(kProbeTokens);
  probeTokens_ = probe.tokens;
  probeLabels_ = probe.labels;
  if (progress.step > 0) {
    lastSaved_ = lastEval_ = progress.step;
    for (const double loss : progress.recentLosses) recentLoss_ = recentLoss_ == 0 ? loss : 0.9 * recentLoss_ + 0.1 * loss;
    // Lines that were crossed before are not news.
    belowUniform_ = recentLoss_ > 0 && recentLoss_ < loop_->corpus().facts().uniformLoss;
    belowUnigram_ = recentLoss_ > 0 && recentLoss_ < loop_->corpus().facts().unigramLoss;
  }
  setState(RunState::Ready);
  report(EventKind::Started, (resumed ? "continued, seed " : "started, seed ") + std::to_string(built.info.seed) + ", " + patternText(spec_));
  for (const std::string& notice : loop_->corpus().facts().notices) report(EventKind::Warning, notice);
  for (const std::string& notice : built.notices) report(EventKind::Warning, notice);
}

/// Edits made at the step of the checkpoint, but after it was written, stand in the log and not in the checkpoint.
void Runner::repeatEdits() {
  RunFollower log(folder_);
  for (auto events = log.events(); !events.empty(); events = log.events())
    for (const RunEvent& event : events) {
      double before = 0;
      if (event.kind == EventKind::LiveEdit && event.step == loop_->progress().step) loop_->setLive(event.path, event.after, before);
    }
}

void Runner::train() {
  paused_ = options_.startPaused;
  const std::int64_t budget = spec_.train.integer("steps");
  const std::int64_t last = options_.stopAfter > 0 ? std::min(options_.stopAfter, budget) : budget;
  setState(paused_ ? RunState::Paused : RunState::Running);
  while (!stop_ && !failed_ && loop_->progress().step < last) {
    obey();
    if (stop_ || failed_ || paused_) continue;
    writer_->checkFolder();
    const StepRecord record = loop_->step();
    ring_.push(record);
    writer_->step(record);
    collectSave(false);
    const bool lastOfWish = stepsLeft_ > 0 && --stepsLeft_ == 0;  // a wish for more may come while the step is evaluated
    afterStep(record);
    if (!failed_ && lastOfWish && stepsLeft_ == 0) {
      stepsLeft_ = -1;
      paused_ = true;
      setState(RunState::Paused);
      report(EventKind::Paused, "paused after a step");
    }
  }
  if (!failed_) end();
}

void Runner::end() {
  collectSave(true);
  ending_ = true;
  const std::int64_t step = loop_->progress().step, budget = spec_.train.integer("steps");
  const bool done = step >= budget, nothing = lastSaved_ == step && lastEval_ == step;
  setState(RunState::Stopping);
  if (loop_->routing().steps() > 0) logRouting();  // the window that the end cuts short
  if (!stop_ || saveOnStop_) save(done ? "at the end" : "on stopping");
  if (!failed_ && done && lastEval_ != step) evaluate();
  if (!failed_ && !writer_->flush())
    fail(static_cast<int>(ExitCode::CannotWrite), "the last records of the logs could not be written (disk full?); checkpoints are unharmed");
  if (failed_) return;
  if (ops::kernelMode() == ops::KernelMode::Check) report(EventKind::Milestone, "kernels: check: " + ops::checkSummary());
  if ((!stop_ || saveOnStop_) && lastFrame_ && !lastFrame_->layers.empty()) {  // a finished run still shows where its text went
    if (probeStep_ != step) routeProbe();
    writer_->routedText(*probeText_, step);
  }
  RunEvent event;
  event.kind = done ? EventKind::Finished : EventKind::Stopped;
  if (done && nothing && !options_.resumeFrom.empty())
    event.text = "nothing left to do: step " + std::to_string(step) + " of " + std::to_string(budget) + "; --steps sets a larger budget";
  else if (done) event.text = "finished its " + std::to_string(budget) + " steps";
  else event.text = std::string(interrupted_ ? "interrupted" : "stopped") + (stop_ && !saveOnStop_ ? " without saving" : "");
  event.exitCode = static_cast<int>(interrupted_ && !done ? ExitCode::Interrupted : ExitCode::Done);
  report(event);
  writer_->finish(done ? "finished" : interrupted_ ? "interrupted" : "stopped", event.text);
}

void Runner::afterStep(const StepRecord& record) {
  const std::int64_t step = record.step;
  if (std::isfinite(record.loss)) recentLoss_ = recentLoss_ == 0 ? record.loss : 0.9 * recentLoss_ + 0.1 * record.loss;
  judge(record);
  if (failed_) return;
  const auto every = [&](const char* key) {
    const std::int64_t n = spec_.train.integer(key);
    return n > 0 && step % n == 0;
  };
  if (every("route_every") || step == 1) {
    logRouting();
    activations_.publish(std::make_shared<ActivationFrame>(loop_->activations().frame(step)));
  }
  milestones(record);
  if (every("eval_every")) evaluate();
  if (every("sample_every")) drawSample(Sample{spec_.train.text("prompt"), 160, 0.8, static_cast<std::uint64_t>(step)});
  if (every("checkpoint_every")) save("by schedule", true);
  if (std::string notice = loop_->takeNotice(); !notice.empty()) report(EventKind::Warning, std::move(notice));
  if (std::string notice = writer_->notice(); !notice.empty()) report(EventKind::Warning, std::move(notice));
}

}  // namespace serp
