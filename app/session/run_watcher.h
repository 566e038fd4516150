// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a run folder in a thread of its own, once or as long as it grows, and hands batches to the GUI thread.
#pragma once

#include <QString>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/api/runs.h"
#include "engine/api/spec.h"

namespace serp::app {

class SeriesStore;

/// What one look at the folder found.
struct RunBatch {
  std::vector<StepRecord> steps;
  std::vector<EvalRecord> evals;
  std::vector<RunEvent> events;
  std::vector<std::shared_ptr<const RoutingFrame>> routing;
  std::optional<RunSummary> summary;
  std::optional<RunSpec> spec;                       ///< first batch only
  QString problem;                                   ///< the folder cannot be read: a sentence
  bool last = false;                                 ///< nothing more will come
};

/// The frames written since the last call, the newest with the text that the run routed last, if it left one. Ends early when
/// `leave` is set.
void readRouting(RunFollower& follower, RunBatch& batch, const std::atomic<bool>* leave = nullptr);

/// What a look found, into the store; the caller flushes it.
void appendBatch(SeriesStore& store, const RunBatch& batch);

/// `sink` is called on the reading thread. The destructor waits for the piece being read, up to 64 MiB.
class RunWatcher {
 public:
  RunWatcher(std::filesystem::path folder, bool once, std::function<void(std::shared_ptr<RunBatch>)> sink);
  ~RunWatcher();

 private:
  void main();
  std::filesystem::path folder_;
  bool once_;
  std::function<void(std::shared_ptr<RunBatch>)> sink_;
  std::mutex mutex_;
  std::condition_variable leave_;
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

}  // namespace serp::app
