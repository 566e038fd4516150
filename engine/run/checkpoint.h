// SPDX-License-Identifier: GPL-3.0-or-later
// The state of a training loop as a checkpoint folder, and back, bit for bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/train/train_loop.h"

namespace serp {

/// What a checkpoint of one step holds: weights, both moments, progress, live values, tokenizer fingerprint.
struct Snapshot {
  struct Entry { std::string name; at::Tensor tensor; };
  std::int64_t step = 0, tokens = 0;
  std::vector<Entry> model, optimizer;
  std::string state;        ///< text of state.json
};
/// Takes the state of a loop. `copy`: with tensors of its own, so that another thread may write it while the loop goes on; else it is
/// good until the next step.
Snapshot takeSnapshot(const TrainLoop& loop, bool copy);
/// Bytes of the tensors of a loop's snapshot.
std::uint64_t snapshotBytes(const TrainLoop& loop);
/// Writes checkpoints/step-N of `run` and keeps the newest `keep`. Throws serp::Error(CannotWrite); earlier checkpoints are untouched.
/// Returns bytes written. Any thread, one at a time; blocks.
std::uint64_t writeSnapshot(const std::filesystem::path& run, const Snapshot& snapshot, std::int64_t keep);
/// Loads the newest checkpoint whose manifest verifies. Throws serp::Error(BadData) with every difference if tensors or the tokenizer do
/// not fit the design. Gives a sentence for every newer checkpoint that was passed over. A run that was killed before its first checkpoint
/// leaves the loop at step 0, where it began.
std::vector<std::string> loadCheckpoint(const std::filesystem::path& run, TrainLoop& loop);

/// A trained model as a run folder holds it: design, tokenizer, weights. For eval, generate, logits, inspect.
struct OpenedRun {
  RunSpec spec;
  Plan plan;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<LanguageModel> model;
  std::int64_t step = 0;
  std::filesystem::path folder;
  std::vector<std::string> notices;   ///< newer checkpoints that were passed over, and why
};
/// Throws serp::Error with the right exit code. Blocks.
OpenedRun openRun(const std::filesystem::path& run, std::int64_t step);

}  // namespace serp
