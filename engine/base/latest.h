// SPDX-License-Identifier: GPL-3.0-or-later
// The newest value of something, handed from one thread to any other; older values are simply replaced.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace serp {

/// All members may be called from any thread. Values are immutable once published.
template <class T>
class Latest {
 public:
  void publish(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
  }
  std::shared_ptr<const T> get() const {
    wanted_.store(true, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    return value_;
  }
  /// True if anybody asked since the last call: work for a reader that is not there can be left out.
  bool takeWanted() { return wanted_.exchange(false, std::memory_order_relaxed); }

 private:
  mutable std::mutex mutex_;
  mutable std::atomic<bool> wanted_{false};
  std::shared_ptr<const T> value_;
};

}  // namespace serp
