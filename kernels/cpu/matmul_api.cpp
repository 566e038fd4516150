// SPDX-License-Identifier: GPL-3.0-or-later
// The public matrix product: arguments checked here, work done by the active table or the plain loops.
#include <algorithm>

#include "kernels/cpu/table.h"

namespace serp::kernels {

std::int64_t matmulWorkspace(const MatmulShape& s, int threads) noexcept {
  if (s.M <= 0 || s.N <= 0 || s.K <= 0) return 0;
  return 16 + kMatmulPiece * std::max(1, threads);
}

Status matmul(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
              const MatmulOptions& options, float* workspace, const ParallelFor& parallel) noexcept {
  if (s.M < 0 || s.N < 0 || s.K < 0) return Status::BadShape;
  if (s.M == 0 || s.N == 0) return Status::Ok;
  if (!c || cStride < s.N) return Status::BadArgument;
  if (s.K == 0) return reference::matmul(s, a, b, c, cStride, options);
  if (!a.data || !b.data || !workspace) return Status::BadArgument;
  if (useReference()) return reference::matmul(s, a, b, c, cStride, options);
  const auto run = options.narrow ? activeNarrowTable().matmul : activeTable().matmul;
  run(s, a, b, c, cStride, options, workspace, parallel);
  return Status::Ok;
}

}  // namespace serp::kernels
