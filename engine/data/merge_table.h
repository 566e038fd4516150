// SPDX-License-Identifier: GPL-3.0-or-later
// The merges of a BPE as a table, and the merging of one word by them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/data/tokenizers.h"

namespace serp {

/// Immutable after construction; any thread.
class MergeTable {
 public:
  explicit MergeTable(std::span<const BpeMerge> merges);
  /// Merges the lowest rank first, leftmost first, until no pair of neighbours is in the table. Time n log n, for short words n².
  void apply(std::vector<std::int32_t>& symbols) const;

 private:
  struct Slot {
    std::uint64_t pair = kEmpty;
    std::uint32_t rank = 0;
    std::int32_t id = 0;
  };
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  const Slot* find(std::int32_t left, std::int32_t right) const;
  void applyShort(std::vector<std::int32_t>& symbols) const;
  void applyLong(std::vector<std::int32_t>& symbols) const;
  std::vector<Slot> slots_;
  std::uint64_t mask_ = 0;
};

}  // namespace serp
