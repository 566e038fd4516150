// SPDX-License-Identifier: GPL-3.0-or-later
// One writer per run folder: a lock the kernel drops when its holder dies, so a killed run is free again at once.
#pragma once

#include <filesystem>

#include "engine/api/diagnostic.h"
#include "engine/run/descriptor.h"

namespace serp {

/// Held for as long as the object lives. Readers need no lock.
class RunLock {
 public:
  RunLock() = default;
  /// Takes `run`/.lock. Refused, with the holder's process number, while another writer has it. Returns at once.
  static Result<RunLock> take(const std::filesystem::path& run);
  /// Whether some process (this one included) writes to the folder now. Takes nothing, disturbs nobody; false if it cannot be told.
  static bool isHeld(const std::filesystem::path& run);

 private:
  explicit RunLock(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace serp
