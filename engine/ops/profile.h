// SPDX-License-Identifier: GPL-3.0-or-later
// Where a step's time goes: every op says what it does and how much, and is timed while profiling is on.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace serp::ops {

/// What a call cannot avoid: floating-point operations of matrix products (a multiply-add is two), exponentials, bytes from or to
/// memory.
struct Work {
  double flops = 0, exponentials = 0, bytes = 0;
};

struct Timed {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0;
  Work work;
};

/// On or off for the whole process; turning it on forgets what was timed before. Off costs a load and a branch per op.
void setProfiling(bool on);
/// What was timed since, the longest first. Not while ops run.
std::vector<Timed> profile();

/// A whole step, as a row named "step": what its ops leave is everything else.
class StepTimer {
 public:
  StepTimer();
  ~StepTimer();
  StepTimer(const StepTimer&) = delete;
  StepTimer& operator=(const StepTimer&) = delete;

 private:
  bool on_;
  std::chrono::steady_clock::time_point begin_;
};

/// Times its own life. Nested ones, and those on threads of a parallel region, belong to the outermost and count nothing.
class Timer {
 public:
  Timer(const char* name, const Work& work);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  const char* name_ = nullptr;
  Work work_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace serp::ops
