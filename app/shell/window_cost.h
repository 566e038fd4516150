// SPDX-License-Identifier: GPL-3.0-or-later
// What the window itself costs: the share of one core its thread used lately.
#pragma once

#include <QElapsedTimer>

namespace serp::app {

class WindowCost {
 public:
  WindowCost() { sample(); }
  /// Share 0..1 of one core that the calling (GUI) thread used since the last call.
  double sample();

 private:
  QElapsedTimer wall_;
  double cpu_ = 0;
};

}  // namespace serp::app
