// SPDX-License-Identifier: GPL-3.0-or-later
// glibc gives large blocks back to the system after every step and faults them in again at the next; keeping them is worth far more than
// the memory.
#include "engine/train/keep_memory.h"

#include <malloc.h>

#include <mutex>

namespace serp {

void keepMemory() {
  static std::once_flag once;
  std::call_once(once, [] {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
  });
}

}  // namespace serp
