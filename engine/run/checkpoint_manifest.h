// SPDX-License-Identifier: GPL-3.0-or-later
// manifest.json of a checkpoint: which files belong to it, their sizes and hashes. Strict both ways.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/api/diagnostic.h"
#include "engine/run/safetensors.h"

namespace serp {

struct CheckpointManifest {
  std::int64_t step = 0;
  std::map<std::string, WrittenFile> files;
};

std::string manifestText(const CheckpointManifest& manifest);
/// Refuses unknown keys, other versions (naming both) and every file name that is not one of a checkpoint's own.
Result<CheckpointManifest> parseManifest(const std::string& text, const std::string& file);

}  // namespace serp
