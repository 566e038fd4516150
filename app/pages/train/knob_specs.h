// SPDX-License-Identifier: GPL-3.0-or-later
// Which knobs a design has: its live parameters from the catalogue, and the structural ones that need a new run.
#pragma once

#include <vector>

#include "app/widgets/knob.h"
#include "engine/api/spec.h"

namespace serp::app {

/// "train.learning_rate_scale" first, then "**.key" of every live key of the blocks in use, then "**.experts" and "**.top_k".
std::vector<KnobSpec> knobSpecs(const RunSpec& spec);

}  // namespace serp::app
