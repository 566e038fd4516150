// SPDX-License-Identifier: GPL-3.0-or-later
// The profile of training steps: time per kernel, rates, and the share of what this machine can do, measured in the same run.
#pragma once

#include <nlohmann/json.hpp>

namespace serp::cli {

/// What ops::profile() gathered over `steps` whole steps, beside a roof measured now; stops the profiling. Times in milliseconds per
/// step. "share_of_roof" is the least time that all products and exponentials of a step can take over the time it took.
nlohmann::ordered_json stepProfile(int steps, bool narrow);
void printStepProfile(const nlohmann::ordered_json& profile);

}  // namespace serp::cli
