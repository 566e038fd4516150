// SPDX-License-Identifier: GPL-3.0-or-later
// float32 matrix product C = A B or C += A B with any strides, for the sizes of small language models.
//
// A is [M, K], B is [K, N], each with a row and a column stride, so that a transpose is a view; C is [M, N] with unit column stride.
// Fast where one stride of A and of B is 1, M >= 16 and N >= 16; right everywhere.
// Determinism: exact in the thread count: every element is summed over k in the same order. Checked by tests/kernels/tst_matmul.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct MatmulShape {
  std::int64_t M = 0, N = 0, K = 0;
};

struct MatrixView {
  const float* data = nullptr;
  std::int64_t rowStride = 0, columnStride = 1;
};

/// Floats of scratch for a given thread count.
std::int64_t matmulWorkspace(const MatmulShape&, int threads) noexcept;
/// C must not overlap A or B. K = 0 gives zeros (or leaves C when accumulating). Blocks.
Status matmul(const MatmulShape&, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride, bool accumulate,
              float* workspace, const ParallelFor&) noexcept;

namespace reference {
Status matmul(const MatmulShape&, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride, bool accumulate) noexcept;
}

}  // namespace serp::kernels
