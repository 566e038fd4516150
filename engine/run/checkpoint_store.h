// SPDX-License-Identifier: GPL-3.0-or-later
// Checkpoints of one run: written so that a kill at any moment leaves only whole ones, read only if every hash agrees.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/run/safetensors.h"

namespace serp {

/// One tensor to be saved; `data` is contiguous, row-major, and must live until write() returns.
struct TensorBlob : TensorDeclaration {
  const void* data = nullptr;
};

struct CheckpointContent {
  std::int64_t step = 0;
  std::vector<TensorBlob> model;
  std::vector<TensorBlob> optimizer;  ///< empty: no optimizer file (imported weights)
  std::string state;                  ///< text of state.json: everything that is not a tensor
  TensorMetadata metadata;            ///< into model.safetensors
};

struct Checkpoint {
  std::filesystem::path folder;
  std::int64_t step = 0;
  std::uint64_t bytes = 0;  ///< of all files the manifest names
  std::filesystem::path model() const { return folder / "model.safetensors"; }
  std::filesystem::path optimizer() const { return folder / "optimizer.safetensors"; }
  std::filesystem::path state() const { return folder / "state.json"; }
};

struct RefusedCheckpoint {
  std::filesystem::path folder;
  std::string why;
};

struct CheckpointSearch {
  std::optional<Checkpoint> found;
  std::vector<RefusedCheckpoint> refused;  ///< newer ones that were passed over, newest first
  /// "step-00000500 refused: model.safetensors has a different hash" per line; empty if nothing was refused.
  std::string refusedText() const;
};

/// `run`/checkpoints/step-00000500/. Writing is serialised by a lock on the folder, across threads and processes.
class CheckpointStore {
 public:
  static constexpr int kFormatVersion = 1;

  explicit CheckpointStore(const std::filesystem::path& run, int keep = 2);

  /// Writes step-N.tmp, then the manifest, then renames, all synced; afterwards deletes all but the newest `keep` (at least
  /// one). On a fault everything older is untouched and no temporary is left. A checkpoint of the same step is replaced. Blocks.
  Result<Checkpoint> write(const CheckpointContent& content);
  /// Newest checkpoint whose manifest and files verify. Blocks: hashes what it returns and what it refuses.
  CheckpointSearch newestGood() const;
  /// The checkpoint of one step, verified.
  Result<Checkpoint> at(std::int64_t step) const;
  /// Steps that have a folder, ascending, not verified. Returns at once.
  std::vector<std::int64_t> steps() const;
  /// Removes what a killed writer left; gives the names. Call while holding the run's lock.
  std::vector<std::string> cleanLeftovers();

  /// Checks a checkpoint folder: manifest strict, names plain, no links, sizes and SHA-256 equal.
  static Result<Checkpoint> verify(const std::filesystem::path& folder);
  static std::string folderName(std::int64_t step);  ///< "step-00000500"

 private:
  Result<Done> publish(const std::filesystem::path& temporary, const std::filesystem::path& final);
  void prune(std::int64_t justWritten);

  std::filesystem::path folder_;
  int keep_;
};

}  // namespace serp
