// SPDX-License-Identifier: GPL-3.0-or-later
// torchParallel() over at::parallel_for, one piece per thread.
#include "engine/ops/parallel.h"

#include <ATen/Parallel.h>

#include "engine/base/error.h"

namespace serp::ops {

kernels::ParallelFor torchParallel() {
  kernels::ParallelFor p;
  p.threads = at::get_num_threads();
  p.run = [](void*, std::int64_t n, std::int64_t grain, kernels::ParallelFor::Body body, void* context) {
    at::parallel_for(0, n, grain, [&](std::int64_t begin, std::int64_t end) { body(context, begin, end); });
  };
  return p;
}

void require(kernels::Status status, const char* kernel) {
  if (status == kernels::Status::Ok) return;
  throw Error(ExitCode::Internal, std::string("[") + kernel + "] " + kernels::statusText(status));
}

}  // namespace serp::ops
