// SPDX-License-Identifier: GPL-3.0-or-later
// Open addressing for the pairs; a scan for words, a heap over a linked list for long runs.
#include "engine/data/merge_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "engine/data/random.h"

namespace serp {
namespace {

constexpr std::size_t kShort = 48;
constexpr std::uint32_t kNone = ~std::uint32_t{0};

std::uint64_t pairKey(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(std::span<const BpeMerge> merges) {
  slots_.resize(std::bit_ceil(merges.size() * 2 + 16));
  mask_ = slots_.size() - 1;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t key = pairKey(merges[rank].left, merges[rank].right);
    std::uint64_t i = mix64(key) & mask_;
    while (slots_[i].pair != kEmpty && slots_[i].pair != key) i = (i + 1) & mask_;
    if (slots_[i].pair == kEmpty) slots_[i] = {key, static_cast<std::uint32_t>(rank), merges[rank].id};
  }
}

const MergeTable::Slot* MergeTable::find(std::int32_t left, std::int32_t right) const {
  const std::uint64_t key = pairKey(left, right);
  for (std::uint64_t i = mix64(key) & mask_;; i = (i + 1) & mask_) {
    if (slots_[i].pair == key) return &slots_[i];
    if (slots_[i].pair == kEmpty) return nullptr;
  }
}

void MergeTable::apply(std::vector<std::int32_t>& symbols) const {
  if (symbols.size() <= kShort) applyShort(symbols);
  else applyLong(symbols);
}

void MergeTable::applyShort(std::vector<std::int32_t>& symbols) const {
  std::size_t n = symbols.size();
  std::array<const Slot*, kShort> pairs{};
  for (std::size_t i = 0; i + 1 < n; ++i) pairs[i] = find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    std::size_t best = n;
    for (std::size_t i = 0; i + 1 < n; ++i)
      if (pairs[i] && (best == n || pairs[i]->rank < pairs[best]->rank)) best = i;
    if (best == n) break;
    symbols[best] = pairs[best]->id;
    for (std::size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i] = pairs[i + 1];
    }
    --n;
    if (best > 0) pairs[best - 1] = find(symbols[best - 1], symbols[best]);
    pairs[best] = best + 1 < n ? find(symbols[best], symbols[best + 1]) : nullptr;
  }
  symbols.resize(n);
}

void MergeTable::applyLong(std::vector<std::int32_t>& symbols) const {
  const auto n = static_cast<std::uint32_t>(symbols.size());
  std::vector<std::uint32_t> next(n), before(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    next[i] = i + 1 < n ? i + 1 : kNone;
    before[i] = i > 0 ? i - 1 : kNone;
  }
  // An entry is rank and place in one number; it is stale when the pair at the place no longer has that rank.
  std::vector<std::uint64_t> heap;
  heap.reserve(n);
  const auto entry = [&](std::uint32_t i) -> const Slot* {
    return next[i] == kNone ? nullptr : find(symbols[i], symbols[next[i]]);
  };
  for (std::uint32_t i = 0; i + 1 < n; ++i)
    if (const Slot* slot = entry(i)) heap.push_back(std::uint64_t{slot->rank} << 32 | i);
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push = [&](std::uint32_t i) {
    if (const Slot* slot = entry(i)) {
      heap.push_back(std::uint64_t{slot->rank} << 32 | i);
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const std::uint64_t top = heap.back();
    heap.pop_back();
    const auto i = static_cast<std::uint32_t>(top);
    if (symbols[i] < 0) continue;  // swallowed by its left neighbour
    const Slot* slot = entry(i);
    if (!slot || slot->rank != top >> 32) continue;
    const std::uint32_t gone = next[i];
    symbols[i] = slot->id;
    symbols[gone] = -1;
    next[i] = next[gone];
    if (next[i] != kNone) before[next[i]] = i;
    if (before[i] != kNone) push(before[i]);
    push(i);
  }
  std::erase_if(symbols, [](std::int32_t id) { return id < 0; });
}

}  // namespace serp
