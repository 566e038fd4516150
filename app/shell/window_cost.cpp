// SPDX-License-Identifier: GPL-3.0-or-later
// The GUI thread's own clock against the wall clock.
#include "app/shell/window_cost.h"

#include <ctime>

namespace serp::app {

double WindowCost::sample() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  const double cpu = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  const double wall = wall_.isValid() ? static_cast<double>(wall_.nsecsElapsed()) * 1e-9 : 0;
  const double share = wall > 0 ? (cpu - cpu_) / wall : 0;
  cpu_ = cpu;
  wall_.start();
  return share;
}

}  // namespace serp::app
