// SPDX-License-Identifier: GPL-3.0-or-later
// --set key=value, applied to the tree before it is read, so that overridden values pass the same checks as written ones.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/spec/fault_list.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

/// One step of a path: a key, or an index into a list.
struct PathStep {
  std::string key;
  std::size_t index = 0;
  bool isIndex = false;
};
/// "model.blocks[0].experts" in steps; nothing if malformed.
std::optional<std::vector<PathStep>> splitPath(const std::string& path);

/// Sets keys by path; "**.experts" sets the key in every section and block that declares it.
void applyOverrides(YamlNode& root, const std::vector<std::pair<std::string, std::string>>& overrides, FaultList& faults);

}  // namespace serp
