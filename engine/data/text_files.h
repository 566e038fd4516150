// SPDX-License-Identifier: GPL-3.0-or-later
// From the names in a design to a sorted list of text files with their identity.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

/// A regular file that looked like text when it was listed.
struct TextFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::int64_t mtimeNs = 0;
  bool lines = false;  ///< JSON lines
  bool gzip = false;
};

struct TextFiles {
  std::vector<TextFile> files;
  std::vector<std::string> notices;
  std::uint64_t bytes = 0;  ///< on disk
};

/// Files as given, folders recursively in byte order of their paths, hidden entries left out. In folders empty and binary files
/// are skipped with a notice; named directly they are faults. No symlinked folder is followed. All faults at once, BadData.
Result<TextFiles> collectTextFiles(const std::vector<std::string>& sources);

/// What is wrong with the beginning of a text file ("binary …", "UTF-16 …"), or empty.
std::string binaryReason(std::string_view beginning);
inline constexpr std::size_t kBinaryCheck = 64 << 10;

}  // namespace serp
