// SPDX-License-Identifier: GPL-3.0-or-later
// A running experiment, seen from outside: commands in, values out. The only class that crosses threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/api/command.h"
#include "engine/api/diagnostic.h"
#include "engine/api/spec.h"
#include "engine/api/telemetry.h"

namespace serp {

class Session {
 public:
  virtual ~Session() = default;                     ///< posts Stop (saving) and joins; blocks for up to one step and a save
  virtual void post(Command command) = 0;           ///< any thread; returns at once
  /// Moves out up to out.size() records, oldest first; one reader thread. Returns at once. The ring holds 16384 records; older
  /// ones that were not drained are dropped and counted (they are in the run folder).
  virtual std::size_t drain(std::span<StepRecord> out) = 0;
  virtual std::uint64_t droppedRecords() const = 0;
  virtual std::shared_ptr<const RoutingFrame> latestRouting() const = 0;        ///< null before the first; any thread
  virtual std::shared_ptr<const ActivationFrame> latestActivations() const = 0;
  virtual std::vector<RunEvent> takeEvents() = 0;   ///< one reader thread; returns at once
  virtual void onWake(std::function<void()> wake) = 0;  ///< called on the runner thread when events wait, coalesced
  virtual RunState state() const noexcept = 0;      ///< any thread
  virtual RunInfo info() const = 0;                 ///< complete from Ready on; any thread
};

struct OpenOptions {
  std::filesystem::path resumeFrom;                 ///< a run folder to continue; empty: a new run
  std::int64_t stopAfter = 0;                       ///< end at this step with a checkpoint, schedule unchanged; 0 = budget
  bool startPaused = false;
  int spareCores = 0;                               ///< cores left to a window
  std::string parentRun;                            ///< for a branch
  std::int64_t parentStep = 0;
};

/// Starts a run in its own thread and returns before the model is built (state Building). `runFolder` must not exist or be empty,
/// unless it is resumed. Faults that show before building (folder, device) come back at once, later ones as a Failed event.
Result<std::unique_ptr<Session>> openSession(const RunSpec& spec, const std::filesystem::path& runFolder,
                                             const OpenOptions& options = {});

}  // namespace serp
