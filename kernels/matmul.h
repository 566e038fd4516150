// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix product C = A B or C += A B with any strides, for the sizes of small language models; a bias and a ReLU on the way out.
//
// A is [M, K], B is [K, N], each with a row and a column stride, so that a transpose is a view; C is [M, N] with unit column stride.
// Fast where one stride of A and of B is 1 and M, N >= 16, or M <= 8 with unit column stride of A; right everywhere.
// Storage is float32. A narrow product rounds both operands to bfloat16 (nearest even) on their way into the cache and adds the
// products up in float32: twice as fast where the processor has AVX512-BF16, no faster but right elsewhere.
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

struct MatmulOptions {
  bool accumulate = false;      ///< C += instead of C =
  bool narrow = false;          ///< bfloat16 operands
  bool relu = false;            ///< max(0, .) of the whole result, bias and old C included
  const float* bias = nullptr;  ///< [N], added to every row; null: none
};

/// Floats of scratch for a given thread count.
std::int64_t matmulWorkspace(const MatmulShape&, int threads) noexcept;
/// C must not overlap A or B. K = 0 leaves bias and old C only. Blocks.
Status matmul(const MatmulShape&, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
              const MatmulOptions&, float* workspace, const ParallelFor&) noexcept;
/// True where a narrow product is faster than a wide one: the CPU multiplies bfloat16.
bool narrowIsFast() noexcept;

namespace reference {
Status matmul(const MatmulShape&, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
              const MatmulOptions&) noexcept;
}

}  // namespace serp::kernels
