// SPDX-License-Identifier: GPL-3.0-or-later
// One width of a design solved so that it costs as much as another design.
#pragma once

#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/plan.h"
#include "engine/api/spec.h"

namespace serp {

/// What is made equal. `Weights` is how the MoE-Mamba paper counts (paper.md §1): matrices of projections and visited experts alone,
/// so a Mamba of expand 2 has 6·d² and an expert layer 2·d·d_expert. `ExpertWeights`: all experts together, visited or not.
enum class Budget { Active, Flops, Weights, ExpertWeights };
/// "active parameters", "FLOPs per token", "matrix weights", "expert weights".
const char* budgetName(Budget budget);
/// Without embedding and head, but for FLOPs, which hold the head.
double budgetOf(const Plan& plan, Budget budget);

struct EqualisedChange { std::string path, key, before, after; };
struct Equalised {
  std::string text;                        ///< the design with its new values, every other byte as it was
  std::vector<EqualisedChange> changes;    ///< empty: nothing closer was found
  double target = 0, before = 0, after = 0;
};

/// Keys of this design that equalise() can solve, the likeliest first: "d_expert", "d_ff", "expand", "experts", "repeat".
std::vector<std::string> equalisableKeys(const RunSpec& spec);
/// Solves `key` in every block that has it, all in one proportion, in whole numbers (expand in whole channels, as a fraction of d_model),
/// so that the budget comes as near to `target` as it can. Milliseconds to a second; neither torch nor disk.
Result<Equalised> equalise(const RunSpec& spec, const std::string& key, double target, Budget budget);

}  // namespace serp
