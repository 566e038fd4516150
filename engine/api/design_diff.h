// SPDX-License-Identifier: GPL-3.0-or-later
// Two designs side by side: blocks that match, blocks that came or went, and the keys that changed.
#pragma once

#include <string>
#include <vector>

#include "engine/api/spec.h"

namespace serp {

struct KeyChange { std::string key, before, after; };   ///< "default" where a design does not give the key

struct DiffRow {
  enum class State { Same, Changed, Added, Removed };
  State state = State::Same;
  int depth = 0;                          ///< inside containers and slots
  std::string before, after;              ///< "switch_moe", "Repeat", "out_proj: linear"; empty on the side that lacks it
  std::string pathBefore, pathAfter;
  std::vector<KeyChange> keys;
};

struct DesignDiff {
  std::vector<DiffRow> blocks;            ///< in the order of execution
  std::vector<KeyChange> settings;        ///< of model, train, data and the top, as "train.steps"
};

/// Blocks of a list are aligned so that as many kinds as possible match, equal ones first. Milliseconds for thousands of blocks.
DesignDiff compareDesigns(const RunSpec& before, const RunSpec& after);

}  // namespace serp
