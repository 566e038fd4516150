// SPDX-License-Identifier: GPL-3.0-or-later
// The stable partition of items by a small key, in pieces that one warp each walks: count, then scan, then scatter. No
// sort, no atomics; the order of equal keys is that of the items. Routing and the embedding's gradient stand on it.
#pragma once

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

/// The lanes of the warp that have the same key of `bits` bits; those without a key (valid = false) form a group of
/// their own. All lanes take part.
SERP_FN unsigned lanesWithKey(unsigned key, bool valid, int bits) {
  unsigned same = ballot(valid);
  if (!valid) same = ~same;
  for (int bit = 0; bit < bits; ++bit) {
    const unsigned ones = ballot(key >> bit & 1);
    same &= key >> bit & 1 ? ones : ~ones;
  }
  return same;
}

/// Walks items [first, end) in order, 32 at a time, with one warp. key(i) < keys; `counts` [keys] is shared memory.
/// f(i, key, rank) gets the item's rank among those of its key. Afterwards counts holds how many each key has.
template <class Key, class F>
SERP_FN void walkKeys(std::int64_t first, std::int64_t end, int keys, int bits, std::int32_t* counts, Key key, F f) {
  for (int k = static_cast<int>(laneX()); k < keys; k += kWarp) counts[k] = 0;
  syncWarp();
  for (std::int64_t base = first; base < end; base += kWarp) {
    const std::int64_t i = base + laneX();
    const bool valid = i < end;
    const unsigned mine = valid ? key(i) : 0u, same = lanesWithKey(mine, valid, bits);
    const std::int32_t before = valid ? counts[mine] : 0;
    syncWarp();
    if (valid) {
      f(i, mine, before + bitsSet(same & ((1u << laneX()) - 1)));
      if (lowestBit(same) == static_cast<int>(laneX())) counts[mine] = before + bitsSet(same);
    }
    syncWarp();
  }
}

/// The exclusive prefix sum over the lanes; the total in `total`.
SERP_FN std::int64_t warpPrefix(std::int64_t value, std::int64_t& total) {
  std::int64_t sum = value;
  for (unsigned d = 1; d < kWarp; d *= 2) {
    const std::int64_t other = fromLane(sum, laneX() >= d ? laneX() - d : laneX());
    if (laneX() >= d) sum += other;
  }
  total = fromLane(sum, kWarp - 1);
  return sum - value;
}

inline int bitsOf(std::int64_t keys) {
  int bits = 0;
  while ((std::int64_t{1} << bits) < keys) ++bits;
  return bits;
}

}  // namespace
}  // namespace serp::kernels::SERP_GPU
