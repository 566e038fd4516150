// SPDX-License-Identifier: GPL-3.0-or-later
// The learning rate of a step. Source: paper.md §1.2 (linear warm-up, cosine to a final ratio).
#pragma once

#include <cstdint>

#include "engine/api/param.h"

namespace serp {

/// A pure function of the step; knows nothing of optimizers.
struct Schedule {
  double peak = 1e-3, finalRatio = 0.1;
  std::int64_t warmupSteps = 0, finalStep = 0;
  bool cosine = true;

  /// s from 0. s < W: η(s+1)/W; s < F: rη + ½(1−r)η(1+cos(π(s−W)/(F−W))); then rη. Constant after the warm-up without cosine.
  double rate(std::int64_t s) const;
};

/// From the train section: learning_rate, warmup_fraction (of steps), schedule, final_ratio, steps.
Schedule makeSchedule(const ParamSet& train);

}  // namespace serp
