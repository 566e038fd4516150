// SPDX-License-Identifier: GPL-3.0-or-later
// Warm-up and cosine.
#include "engine/train/schedule.h"

#include <cmath>
#include <numbers>

namespace serp {

double Schedule::rate(std::int64_t s) const {
  if (s < warmupSteps) return peak * static_cast<double>(s + 1) / static_cast<double>(warmupSteps);
  if (!cosine) return peak;
  if (s >= finalStep) return finalRatio * peak;
  const double progress = static_cast<double>(s - warmupSteps) / static_cast<double>(finalStep - warmupSteps);
  return finalRatio * peak + 0.5 * (1 - finalRatio) * peak * (1 + std::cos(std::numbers::pi * progress));
}

Schedule makeSchedule(const ParamSet& train) {
  Schedule s;
  s.peak = train.real("learning_rate");
  s.finalRatio = train.real("final_ratio");
  s.finalStep = train.integer("steps");
  s.warmupSteps = std::llround(train.real("warmup_fraction") * static_cast<double>(s.finalStep));
  s.cosine = train.text("schedule") == "cosine";
  return s;
}

}  // namespace serp
