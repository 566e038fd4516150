// SPDX-License-Identifier: GPL-3.0-or-later
// When the window may draw again: it takes a fixed small share of one core, so that watching a run does not slow it down.
#pragma once

#include <QElapsedTimer>
#include <ctime>

namespace serp::app {

/// GUI thread only. A frame is due when the thread's time since the last one is a 50th of the time that passed, and after 400 ms in
/// any case: 30 frames a second where drawing is cheap, a few where it is dear. On two cores a training step waits for the slower of its
/// two threads, so training loses about twice the share that the window takes.
class FramePacer {
 public:
  bool due() {
    if (!wall_.isValid()) return start(), true;
    const double passed = static_cast<double>(wall_.nsecsElapsed()) * 1e-9;
    if (passed < kLongest && threadSeconds() - used_ > kShare * passed) return false;
    start();
    return true;
  }
  void start() {
    wall_.start();
    used_ = threadSeconds();
  }

 private:
  static constexpr double kShare = 0.02, kLongest = 0.4;
  static double threadSeconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }
  QElapsedTimer wall_;
  double used_ = 0;
};

}  // namespace serp::app
