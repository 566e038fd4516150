// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix product as its definition reads, in doubles.
#include "kernels/matmul.h"

namespace serp::kernels::reference {

Status matmul(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
              bool accumulate) noexcept {
  for (std::int64_t m = 0; m < s.M; ++m)
    for (std::int64_t n = 0; n < s.N; ++n) {
      double total = accumulate ? c[m * cStride + n] : 0.0;
      for (std::int64_t k = 0; k < s.K; ++k)
        total += static_cast<double>(a.data[m * a.rowStride + k * a.columnStride]) *
                 b.data[k * b.rowStride + n * b.columnStride];
      c[m * cStride + n] = static_cast<float>(total);
    }
  return Status::Ok;
}

}  // namespace serp::kernels::reference
