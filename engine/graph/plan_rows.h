// SPDX-License-Identifier: GPL-3.0-or-later
// A plan as people read it: equal stretches of blocks folded into one, and one line of words about each block.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/api/plan.h"

namespace serp {

/// `length` blocks from `first` on, written `times` times in a row.
struct PlanRun {
  std::size_t first = 0, length = 1, times = 1;
};

/// The whole plan in runs: of the periods that repeat, each time the one that covers most blocks. "(ME)8" is one run of two blocks.
std::vector<PlanRun> foldPlan(const Plan& plan);

/// What tells a block from others of its kind: "16 experts · d_expert 384".
std::string blockWords(const PlanNode& node);

}  // namespace serp
