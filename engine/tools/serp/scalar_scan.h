// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan as an ordinary loop with expf, forward and backward: what a port without vectors costs.
#pragma once

#include <vector>

#include "kernels/selective_scan.h"

namespace serp::cli {

/// One problem with repeatable inputs as a freshly initialised Mamba layer sees them, the arrays that both ways need, and the loops.
class ScalarScan {
 public:
  explicit ScalarScan(const kernels::ScanShape& shape);

  kernels::ScanShape shape;
  std::vector<float> checkpoints;

  kernels::ScanInput input() const;
  kernels::ScanOutput output();
  kernels::ScanGradients gradients();
  /// In float, one thread; leaves the states for backward().
  void forward();
  void backward();

 private:
  std::vector<float> u_, delta_, z_, dy_, A_, B_, C_, D_, bias_, y_, du_, dDelta_, dz_, dA_, dB_, dC_, dD_, dBias_, states_;
};

}  // namespace serp::cli
