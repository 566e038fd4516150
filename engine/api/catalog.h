// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue: every registered block and every section of a design, as declared.
#pragma once

#include <string>
#include <vector>

#include "engine/api/param.h"

namespace serp {

enum class Family { Mixer, Experts, Attention, Dense, Container };
/// "mixer", "experts", "attention", "dense", "container".
const char* familyName(Family family);

struct BlockInfo {
  std::string kind;
  Family family = Family::Dense;
  std::string summary;   ///< one sentence
  bool causal = true;
  char letter = 0;       ///< in pattern strings ("M", "E", "*", "-"), 0 = none
  ParamSchema schema;
  bool own = false;      ///< read from the person's own folder, see engine/api/block_graph.h
};

/// A top section of a design: "model", "train", "data", or "" for the keys at the top.
struct SectionInfo {
  std::string name;
  std::string summary;
  ParamSchema schema;
};

/// All blocks, sorted by family and kind. Thread-safe, returns at once.
const std::vector<BlockInfo>& blockCatalog();
const BlockInfo* findBlock(const std::string& kind);  ///< null if unknown
const std::vector<SectionInfo>& sectionCatalog();
const SectionInfo& section(const std::string& name);

}  // namespace serp
