// SPDX-License-Identifier: GPL-3.0-or-later
// The folder of one run, seen by its single writer: created or reopened under a lock, its meta.json kept true.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/api/diagnostic.h"
#include "engine/run/run_lock.h"
#include "engine/run/run_meta.h"

namespace serp {

class RunFolder {
 public:
  /// Creates `path` (it must not exist or be empty) with config.yaml, resolved.yaml and meta.json. Fills in the id, start time,
  /// process and host of `meta` and sets it running. Faults: BadConfiguration if the folder is not empty, else CannotWrite. Blocks.
  static Result<RunFolder> create(const std::filesystem::path& path, RunMeta meta, std::string_view config,
                                  std::string_view resolved);
  /// Takes an existing run over for writing and sets it running again, and removes half-written
  /// checkpoints of a killed writer. Refused while another process writes. Blocks.
  static Result<RunFolder> reopen(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const RunMeta& meta() const { return meta_; }
  std::string config() const;    ///< text of config.yaml, empty if it is gone
  std::string resolved() const;  ///< text of resolved.yaml

  /// Replaces meta.json. On a fault the old file stands and the values are kept for the next call. Blocks for one fsync.
  Result<Done> update(const RunMeta& meta);
  /// Ends the run: status of contract.md §3 and a sentence why; stamps the end time and takes the closing losses from the logs
  /// (flush the recorder first).
  Result<Done> end(const std::string& status, const std::string& reason);
  /// Faults once the folder was deleted, moved away or closed to us. Returns at once; ask between steps.
  Result<Done> check() const;

 private:
  RunFolder() = default;

  std::filesystem::path path_;
  RunLock lock_;
  RunMeta meta_;
  std::uint64_t device_ = 0, inode_ = 0;  ///< of the folder as it was opened
};

}  // namespace serp
