// SPDX-License-Identifier: GPL-3.0-or-later
// From a design to something that can step: device, threads, corpus, plan, model, optimizer, and the checkpoint of a resumed run.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/session.h"
#include "engine/train/train_loop.h"

namespace serp {

struct BuiltRun {
  std::unique_ptr<TrainLoop> loop;
  RunInfo info;
  std::vector<std::string> notices;   ///< what a person should know: damaged checkpoints that were passed over
};

/// Throws serp::Error with the exit code of contract.md §4. Blocks: reads data, allocates the model. `cancelled` is asked now and then;
/// once it says yes the call ends with Error(Interrupted).
BuiltRun buildRun(RunSpec& spec, const std::filesystem::path& folder, const OpenOptions& options,
                  const std::function<bool()>& cancelled = {});

/// From now on freed memory stays with the process: a training step asks for the same sizes again. Done by applyRuntime().
void keepMemory();

/// Relative paths of texts and tokenizers become absolute, so that resolved.yaml means the same from any folder.
void makePathsAbsolute(RunSpec& spec);

/// The data section as settings for openCorpus().
DataSettings dataSettings(const RunSpec& spec, const std::filesystem::path& runFolder);

/// Sets torch's threads, the kernel mode and precision of this process from the top section. `spareCores` are left to a window.
int applyRuntime(const RunSpec& spec, int spareCores);

/// What to tell a person when memory ran out.
std::string outOfMemorySentence(const RunSpec& spec);

}  // namespace serp
