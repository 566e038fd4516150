// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a run folder in a thread of its own.
#include "app/session/run_watcher.h"

#include <chrono>

#include "app/session/series_store.h"
#include "app/session/whole_log.h"

namespace serp::app {
namespace {

constexpr auto kLook = std::chrono::milliseconds(500);

}  // namespace

void readRouting(RunFollower& follower, RunBatch& batch, const std::atomic<bool>* leave) {
  for (RoutingFrame& frame : wholeLog(follower, &RunFollower::routing, leave)) batch.routing.push_back(std::make_shared<RoutingFrame>(std::move(frame)));
  if (batch.routing.empty()) return;
  const StoredText stored = serp::readRoutedText(follower.folder());
  if (!stored.text) return;
  auto last = std::make_shared<RoutingFrame>(*batch.routing.back());
  last->text = stored.text;
  last->textStep = stored.step;
  batch.routing.back() = std::move(last);
}

void appendBatch(SeriesStore& store, const RunBatch& batch) {
  store.append(batch.steps);
  for (const EvalRecord& eval : batch.evals) store.append(eval);
  for (const RunEvent& event : batch.events) store.append(event);
  for (const auto& frame : batch.routing) store.append(frame);
  if (!batch.summary) return;
  const RunSummary& s = *batch.summary;
  RunInfo info;
  info.name = s.name, info.folder = s.folder.string(), info.device = s.device;
  info.budgetSteps = s.budgetSteps, info.parameters = s.parameters, info.activeParameters = s.activeParameters;
  info.uniformLoss = s.uniformLoss, info.unigramLoss = s.unigramLoss, info.entropyRate = s.entropyRate, info.seed = s.seed;
  store.setInfo(info);
}

RunWatcher::RunWatcher(std::filesystem::path folder, bool once, std::function<void(std::shared_ptr<RunBatch>)> sink)
    : folder_(std::move(folder)), once_(once), sink_(std::move(sink)), thread_([this] { main(); }) {}

RunWatcher::~RunWatcher() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  leave_.notify_all();
  thread_.join();
}

void RunWatcher::main() {
  RunFollower follower(folder_);
  for (bool first = true;; first = false) {
    auto batch = std::make_shared<RunBatch>();
    // The summary comes first: when it says "finished", the logs read after it are complete.
    if (auto summary = serp::readSummary(folder_)) batch->summary = summary.value();
    else if (first) batch->problem = QString::fromStdString(summary.faults().text());
    if (first) {
      if (auto spec = serp::loadRunSpec((folder_ / "resolved.yaml").string())) batch->spec = std::move(spec).value();
    }
    batch->steps = wholeLog(follower, &RunFollower::metrics, &leaving_);
    batch->evals = wholeLog(follower, &RunFollower::evals, &leaving_);
    batch->events = wholeLog(follower, &RunFollower::events, &leaving_);
    readRouting(follower, *batch, &leaving_);
    if (leaving_) return;  // half a batch is of no use to anybody
    batch->last = once_ || !batch->problem.isEmpty() || (batch->summary && batch->summary->status != "running");
    const bool last = batch->last;
    sink_(std::move(batch));
    std::unique_lock lock(mutex_);
    if (last || leave_.wait_for(lock, kLook, [this] { return leaving_.load(); })) return;
  }
}

}  // namespace serp::app
