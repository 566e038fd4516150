// SPDX-License-Identifier: GPL-3.0-or-later
// The product of a few rows with a weight stored [N, K] or [K, N]: decoding. Every weight is read once and nothing is packed.
#pragma once

#include "kernels/cpu/tile.h"

namespace serp::kernels::SERP_ISA {

inline constexpr std::int64_t kFewRows = 8;

inline bool fewRows(const MatmulShape& s, const MatrixView& a, const MatrixView& b) {
  return s.M <= kFewRows && a.columnStride == 1 && (b.rowStride == 1 || b.columnStride == 1);
}

/// Columns [n, n + kWidth) of one row of C.
template <class Op>
inline Vec dots(const float* a, const MatrixView& b, std::int64_t n, int lanes, std::int64_t K) {
  Vec sums[kWidth] = {};
  const float* weights = b.data + n * b.columnStride;
  if (lanes == kWidth) {
    each(K, [&](std::int64_t k, int count) {
      const Vec x = Op::word(load(a + k, count));
      for (int i = 0; i < kWidth; ++i) sums[i] += x * Op::word(load(weights + i * b.columnStride + k, count));
    });
  } else {
    each(K, [&](std::int64_t k, int count) {
      const Vec x = Op::word(load(a + k, count));
      for (int i = 0; i < lanes; ++i) sums[i] += x * Op::word(load(weights + i * b.columnStride + k, count));
    });
  }
  return sumEach(sums);
}

/// Writes `lanes` columns from column n of C on.
inline void finish(float* c, std::int64_t n, int lanes, Vec v, const MatmulOptions& options) {
  if (options.bias) v += load(options.bias + n, lanes);
  if (options.accumulate) v += load(c + n, lanes);
  if (options.relu) v = atLeast(Vec{}, v);
  store(c + n, v, lanes);
}

/// One row of C, columns [begin, end), from a B whose rows are contiguous: four vectors of sums at a time.
template <class Op>
inline void rowTimesRows(const float* a, const MatrixView& b, std::int64_t begin, std::int64_t end, std::int64_t K, float* c,
                         const MatmulOptions& options) {
  constexpr int kTogether = 4;
  std::int64_t n = begin;
  for (; n + kTogether * kWidth <= end; n += kTogether * kWidth) {
    Vec sums[kTogether] = {};
    for (std::int64_t k = 0; k < K; ++k)
      for (int j = 0; j < kTogether; ++j) sums[j] += Op::word(load(b.data + k * b.rowStride + n + j * kWidth)) * Op::word(a[k]);
    for (int j = 0; j < kTogether; ++j) finish(c, n + j * kWidth, kWidth, sums[j], options);
  }
  for (; n < end; n += kWidth) {
    const int lanes = static_cast<int>(lesser(kWidth, end - n));
    Vec sums{};
    for (std::int64_t k = 0; k < K; ++k) sums += Op::word(load(b.data + k * b.rowStride + n, lanes)) * Op::word(a[k]);
    finish(c, n, lanes, sums, options);
  }
}

template <class Op>
void multiplyFewRows(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
                     const MatmulOptions& options, const ParallelFor& parallel) {
  const std::int64_t units = (s.N + kWidth - 1) / kWidth, work = s.N * s.K / 32768 + 1;  // a second thread must have bytes to fetch
  const std::int64_t pieces = lesser(lesser(units, work), parallel.threads < 1 ? 1 : parallel.threads);
  parallel(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = units * begin / pieces * kWidth, last = lesser(units * end / pieces * kWidth, s.N);
    if (b.columnStride == 1) {
      for (std::int64_t m = 0; m < s.M; ++m) rowTimesRows<Op>(a.data + m * a.rowStride, b, first, last, s.K, c + m * cStride, options);
      return;
    }
    for (std::int64_t n = first; n < last; n += kWidth) {
      const int lanes = static_cast<int>(lesser(kWidth, s.N - n));
      for (std::int64_t m = 0; m < s.M; ++m)
        finish(c + m * cStride, n, lanes, dots<Op>(a.data + m * a.rowStride, b, n, lanes, s.K), options);
    }
  });
}

}  // namespace serp::kernels::SERP_ISA
