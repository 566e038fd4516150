// SPDX-License-Identifier: GPL-3.0-or-later
// A plan as a table for people.
#pragma once

#include <cstddef>
#include <string>

#include "engine/api/plan.h"

namespace serp::cli {

/// Blocks with their parameters, active parameters, FLOPs and shares, equal stretches folded; then the totals. UTF-8, ends in a newline.
/// Narrower than `columns` where it can be: the bars and the words about a block are left out first.
std::string planTable(const Plan& plan, std::size_t columns);

}  // namespace serp::cli
