// SPDX-License-Identifier: GPL-3.0-or-later
// One list of timed names behind a lock: ops of a step run in one thread, so it is never contended.
#include "engine/ops/profile.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace serp::ops {
namespace {

std::atomic<bool> gOn{false};
std::mutex gLock;
std::vector<Timed> gTimed;
thread_local bool tInside = false;

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void add(const char* name, double seconds, const Work& work) {
  const std::lock_guard hold(gLock);
  auto at = std::find_if(gTimed.begin(), gTimed.end(), [&](const Timed& t) { return t.name == name; });
  if (at == gTimed.end()) at = gTimed.insert(gTimed.end(), {name, 0, 0, {}});
  ++at->calls;
  at->seconds += seconds;
  at->work.flops += work.flops;
  at->work.exponentials += work.exponentials;
  at->work.bytes += work.bytes;
}

}  // namespace

void setProfiling(bool on) {
  const std::lock_guard hold(gLock);
  if (on) gTimed.clear();
  gOn.store(on);
}

std::vector<Timed> profile() {
  const std::lock_guard hold(gLock);
  std::vector<Timed> sorted = gTimed;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Timed& a, const Timed& b) { return a.seconds > b.seconds; });
  return sorted;
}

Timer::Timer(const char* name, const Work& work) {
  if (!gOn.load(std::memory_order_relaxed) || tInside || at::in_parallel_region()) return;
  tInside = true;
  name_ = name;
  work_ = work;
  begin_ = std::chrono::steady_clock::now();
}

Timer::~Timer() {
  if (name_ == nullptr) return;
  tInside = false;
  add(name_, since(begin_), work_);
}

StepTimer::StepTimer() : on_(gOn.load(std::memory_order_relaxed)), begin_(std::chrono::steady_clock::now()) {}
StepTimer::~StepTimer() {
  if (on_) add("step", since(begin_), {});
}

}  // namespace serp::ops
