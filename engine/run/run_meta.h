// SPDX-License-Identifier: GPL-3.0-or-later
// meta.json of a run folder: what a run is and how it stands. Small, replaced as a whole at every change of state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

struct RunMeta {
  static constexpr int kFormatVersion = 1;

  std::string id, name;
  std::string started, ended;       ///< ISO 8601 UTC; ended is empty while it runs
  std::string status = "running";   ///< running finished stopped failed interrupted
  std::string reason;               ///< a sentence: why it ended
  std::int64_t pid = 0;
  std::string host;
  std::string device, kernels, precision, tokenizer, dataDescription, pattern;
  int threads = 0;
  std::uint64_t seed = 0;
  std::map<std::string, std::string> versions;  ///< "serpentarium": "0.1.0", "torch": "2.11.0"
  std::string parentRun;                        ///< for a branch
  std::int64_t parentStep = 0;
  std::int64_t budgetSteps = 0, steps = 0, tokens = 0;
  std::int64_t parameters = 0, activeParameters = 0;  ///< non-embedding
  std::int64_t vocab = 0, context = 0, batch = 0;
  double uniformLoss = 0, unigramLoss = 0, entropyRate = -1;
  std::vector<std::string> labelNames;
  // Filled in when the run ends, so that a list of ten thousand runs reads one small file each. NaN: not known.
  double lastLoss = std::numeric_limits<double>::quiet_NaN();
  double bestLoss = std::numeric_limits<double>::quiet_NaN();
  double trainLoss = std::numeric_limits<double>::quiet_NaN();
  double tokensPerSecond = std::numeric_limits<double>::quiet_NaN();
};

std::string metaText(const RunMeta& meta);
/// Refuses what is not a run's meta file, and newer format versions by naming both. Unknown keys are ignored.
Result<RunMeta> parseMeta(const std::string& text, const std::string& file);
/// Reads `run`/meta.json. One small read.
Result<RunMeta> readMeta(const std::filesystem::path& run);

}  // namespace serp
