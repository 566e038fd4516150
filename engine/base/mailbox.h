// SPDX-License-Identifier: GPL-3.0-or-later
// Rare messages from any thread to one reader: post never blocks for long, take empties the box, wait sleeps until there is mail.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace serp {

template <class T>
class Mailbox {
 public:
  void post(T value) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(value));
    }
    arrived_.notify_one();
  }
  std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }
  /// Blocks until there is mail, then takes it.
  std::vector<T> wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !items_.empty(); });
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<T> items_;
};

}  // namespace serp
