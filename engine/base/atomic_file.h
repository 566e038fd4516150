// SPDX-License-Identifier: GPL-3.0-or-later
// The one write path for files that must survive: temporary file in the same folder, checked writes, fsync, rename, fsync of
// the folder. Also whole-file reading with a cap, for files of strangers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/api/diagnostic.h"

namespace serp {

/// Replaces `path` by `bytes` atomically and durably. On any failure the old file is intact, no temporary is left and the
/// fault (ExitCode::CannotWrite) names the call that failed. Blocks.
Result<Done> writeFileAtomically(const std::filesystem::path& path, std::string_view bytes);

/// fsync of a folder, so that names created or renamed in it survive a power cut.
Result<Done> syncFolder(const std::filesystem::path& folder);

/// Reads a regular file of at most `maxBytes`. Folders, FIFOs, devices, missing and larger files are refused without blocking,
/// with `exit` as the code of the fault.
Result<std::string> readFileCapped(const std::filesystem::path& path, std::uint64_t maxBytes, ExitCode exit);

}  // namespace serp
