// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory this process holds and the machine has left, as the system says.
#pragma once

namespace serp::app {

struct MemoryUse {
  double resident = 0, available = 0;                ///< bytes; 0 where the system does not say
};
/// Two small reads of /proc; microseconds.
MemoryUse memoryUse();

}  // namespace serp::app
