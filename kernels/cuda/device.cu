// SPDX-License-Identifier: GPL-3.0-or-later
// Whether there is a card: asked of the driver once.
#include "kernels/cuda/device.h"

namespace serp::kernels::SERP_GPU {

bool compiled() noexcept {
  return true;
}

int deviceCount() noexcept {
#ifdef __CUDACC__
  static const int count = [] {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError();  // no driver, or one too old: not an error of the next call
    return 0;
  }();
  return count;
#else
  return 1;
#endif
}

}  // namespace serp::kernels::SERP_GPU
