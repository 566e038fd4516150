// SPDX-License-Identifier: GPL-3.0-or-later
// Reading run folders: the list of runs, their series, events, samples and routing history. Works while another process writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/telemetry.h"

namespace serp {

struct RunSummary {
  std::filesystem::path folder;
  std::string id, name, status, reason, device, pattern, parent, started, ended;  ///< status of contract.md §3; times ISO 8601 UTC
  std::uint64_t seed = 0;
  std::int64_t steps = 0, budgetSteps = 0, tokens = 0;
  std::int64_t parameters = 0, activeParameters = 0;   ///< non-embedding
  double lastLoss = 0, bestLoss = 0;       ///< of held-out text where there is any, else of training; NaN if none
  double trainLoss = 0;                    ///< mean of the last 50 training losses
  double tokensPerSecond = 0;
  double uniformLoss = 0, unigramLoss = 0, entropyRate = -1;
};

/// $XDG_DATA_HOME/serpentarium/runs, or ~/.local/share/... without it.
std::filesystem::path defaultRunsFolder();
/// A new folder name under `parent`, "moe_mamba-20261124-101500-s1", unique; nothing is created.
std::filesystem::path newRunFolder(const std::filesystem::path& parent, const std::string& name, std::uint64_t seed);
/// Every run folder directly under `folder` (or `folder` itself), newest first. Broken ones are listed with status "unreadable".
std::vector<RunSummary> listRuns(const std::filesystem::path& folder);
Result<RunSummary> readSummary(const std::filesystem::path& run);
/// A run folder, a unique prefix of a run's name, or "last".
Result<std::filesystem::path> findRun(const std::string& reference, const std::filesystem::path& runsFolder);

/// Follows the append-only logs of one run: each call gives what was written since the last. Torn or damaged lines are skipped
/// and counted. One thread.
class RunFollower {
 public:
  explicit RunFollower(std::filesystem::path run);
  std::vector<StepRecord> metrics();
  std::vector<EvalRecord> evals();
  std::vector<RunEvent> events();
  std::vector<RoutingFrame> routing();     ///< frames without text
  int damaged() const { return damaged_; }
  const std::filesystem::path& folder() const { return run_; }

 private:
  std::string fresh(const char* file, std::uint64_t& offset);
  std::filesystem::path run_;
  std::uint64_t metricsAt_ = 0, evalAt_ = 0, eventsAt_ = 0, routingAt_ = 0;
  std::vector<RoutingLayer> layers_;
  int damaged_ = 0;
};

/// The probe text that a run routed last, and the step; null where the run has no experts or the file is missing or damaged.
struct StoredText {
  std::shared_ptr<const RoutedText> text;
  std::int64_t step = 0;
};
StoredText readRoutedText(const std::filesystem::path& run);

/// Gives a run another name in its meta.json; the folder keeps its name. Refused while the run is being written. Blocks for one fsync.
Result<Done> renameRun(const std::filesystem::path& run, const std::string& name);
/// Moves a run to the trash folder beside it (".trash"), or back.
Result<std::filesystem::path> trashRun(const std::filesystem::path& run);
Result<std::filesystem::path> restoreRun(const std::filesystem::path& trashed);

}  // namespace serp
