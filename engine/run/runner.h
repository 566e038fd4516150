// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that trains: builds the model, runs steps, applies commands between them, writes the run folder, reports.
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/api/session.h"
#include "engine/base/latest.h"
#include "engine/base/mailbox.h"
#include "engine/base/spsc_ring.h"

namespace serp {

class TrainLoop;
class RunWriter;

/// Session in this process. One runner thread per object; everything it shares goes through the ring, the mailboxes and Latest.
class Runner final : public Session {
 public:
  Runner(RunSpec spec, std::filesystem::path folder, OpenOptions options);
  ~Runner() override;

  void post(Command command) override;
  std::size_t drain(std::span<StepRecord> out) override { return ring_.drain(out); }
  std::uint64_t droppedRecords() const override { return ring_.dropped(); }
  std::shared_ptr<const RoutingFrame> latestRouting() const override { return routing_.get(); }
  std::shared_ptr<const ActivationFrame> latestActivations() const override { return activations_.get(); }
  std::vector<RunEvent> takeEvents() override { return events_.take(); }
  void onWake(std::function<void()> wake) override;
  RunState state() const noexcept override { return state_.load(); }
  RunInfo info() const override;

  /// Starts the thread; called once by openSession().
  void start();

 private:
  // runner.cpp: the life of a run
  void main();                          // the thread; never throws
  void build();                         // spec -> corpus, model, optimizer, folder
  void train();                         // until budget, stop or failure
  void end();                           // the last evaluation, checkpoint and event
  void afterStep(const StepRecord& record);
  void report(RunEvent event);
  void report(EventKind kind, std::string text);
  void fail(int exitCode, const std::string& sentence);
  // runner_actions.cpp: what a run does between steps
  void obey();                          // every command that waits; sleeps for one while paused
  void attend();                        // inside long actions: pauses, steps and stops are answered now, others in their turn
  void handle(const Command& command);
  void save(const char* why, bool aside = false);  // aside: another thread writes while training goes on
  void collectSave(bool wait);          // reports what that thread wrote
  void evaluate();
  void drawSample(const Sample& request);
  void logRouting();
  void routeProbe();
  void repeatEdits();
  void keepWeights();
  void milestones(const StepRecord& record);
  void judge(const StepRecord& record); // skipped updates and spikes
  void setState(RunState state);
  double elapsed() const;

  RunSpec spec_;
  std::filesystem::path folder_;
  OpenOptions options_;

  std::atomic<RunState> state_{RunState::Building};
  SpscRing<StepRecord> ring_{16384};
  Mailbox<Command> commands_;
  Mailbox<RunEvent> events_;
  Latest<RoutingFrame> routing_;
  Latest<ActivationFrame> activations_;
  mutable std::mutex infoMutex_;
  RunInfo info_;
  std::mutex wakeMutex_;
  std::function<void()> wake_;
  std::atomic<bool> leaving_{false};    // a Stop was posted: building may end early

  // Runner thread only.
  std::unique_ptr<TrainLoop> loop_;
  std::unique_ptr<RunWriter> writer_;
  std::deque<Command> pending_;         // taken from the mailbox, not yet handled
  std::shared_ptr<const RoutedText> probeText_;
  std::shared_ptr<const RoutingFrame> lastFrame_;
  std::vector<std::int32_t> probeTokens_;
  std::vector<std::uint8_t> probeLabels_;
  std::int64_t probeStep_ = -1;
  double lastProbe_ = -1e9;
  bool interrupted_ = false, ending_ = false;
  bool paused_ = false, stop_ = false, saveOnStop_ = true, failed_ = false;
  std::int64_t stepsLeft_ = -1;         // StepOnce: steps until the next pause, -1 = run on
  std::int64_t lastSaved_ = -1, lastEval_ = -1;
  struct Written { std::uint64_t bytes = 0; std::string fault; int exitCode = 0; };
  std::future<Written> saving_;         // at most one at a time
  std::int64_t savingStep_ = 0, savingTokens_ = 0;
  std::string savingWhy_;
  bool belowUniform_ = false, belowUnigram_ = false, spiking_ = false;
  double recentLoss_ = 0;               // smoothed; 0 before the first step
  std::thread thread_;
};

}  // namespace serp
