// SPDX-License-Identifier: GPL-3.0-or-later
// LibTorch's thread pool as the parallel-for that kernels take, and the bridge from a kernel's Status to an exception.
#pragma once

#include <string>

#include "kernels/common.h"

namespace serp::ops {

/// Torch's intra-op pool: one OpenMP runtime in the process, shared by its matrix products and our kernels.
kernels::ParallelFor torchParallel();

/// Throws serp::Error with the kernel's name unless `status` is Ok.
void require(kernels::Status status, const char* kernel);

}  // namespace serp::ops
