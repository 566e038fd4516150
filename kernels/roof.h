// SPDX-License-Identifier: GPL-3.0-or-later
// What this machine can do at most, measured: the rates that a step or a kernel is divided by.
//
// Chains of independent vector operations in registers, with the instruction set in use, on as many threads as the parallel-for has;
// copies of a working set. Takes about a tenth of a second. Nothing here depends on a clock's absolute rate.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct Roof {
  double flops = 0;         ///< float32 multiply-adds per second, counted as two
  double narrowFlops = 0;   ///< the same with bfloat16 operands; equals flops where the CPU has no products of them
  double exponentials = 0;  ///< our exp2 per second
  double bytes = 0;         ///< read plus written per second by a copy that leaves the caches
};

/// Blocks; the best of several tries. Other load on the machine lowers it.
Roof measureRoof(const ParallelFor&) noexcept;

}  // namespace serp::kernels
