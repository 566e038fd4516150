// SPDX-License-Identifier: GPL-3.0-or-later
// A bounded queue of plain values from one writer thread to one reader thread; when full the newest value is dropped and counted.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace serp {

/// push() from one thread, drain() from one other thread; neither blocks nor allocates.
template <class T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit SpscRing(std::size_t capacity) : slots_(capacity) {}

  void push(const T& value) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) >= slots_.size()) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    slots_[head % slots_.size()] = value;
    head_.store(head + 1, std::memory_order_release);
  }

  std::size_t drain(std::span<T> out) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed), head = head_.load(std::memory_order_acquire);
    const std::size_t n = std::min<std::size_t>(out.size(), head - tail);
    for (std::size_t i = 0; i < n; ++i) out[i] = slots_[(tail + i) % slots_.size()];
    tail_.store(tail + n, std::memory_order_release);
    return n;
  }

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  std::vector<T> slots_;
  std::atomic<std::uint64_t> head_{0}, tail_{0}, dropped_{0};
};

}  // namespace serp
