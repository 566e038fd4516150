// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix product: panels of B, two vectors wide, are packed for the second-level cache; a few rows of A are copied
// to the first-level one; their product is gathered in registers. Threads share rows of C, or columns where there are
// more of those.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr int kRows = kWidth == 16 ? 12 : 6;  // with two vectors of columns: what fits the registers
constexpr int kColumns = 2 * kWidth;
constexpr std::int64_t kDepth = kMatmulDepth, kBlock = kMatmulColumns;
constexpr int kRowPitch = static_cast<int>(kDepth) + 16;  // off the powers of two, where rows would share cache sets
constexpr int kColumnPitch = kRows <= kWidth ? kWidth : 2 * kWidth;  // whole vectors

/// v becomes its transpose: log2(kWidth) perfect shuffles of the rows.
inline void transpose(Vec* v) {
  for (int round = 1; round < kWidth; round *= 2) {
    Vec next[kWidth];
    for (int i = 0; i < kWidth / 2; ++i) {
      const Vec a = v[i], b = v[i + kWidth / 2];
#if SERP_WIDTH == 16
      next[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif SERP_WIDTH == 8
      next[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
      next[2 * i] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
    }
    for (int i = 0; i < kWidth; ++i) v[i] = next[i];
  }
}

/// One vector's width of columns, from column n of B on, into `to`: [depth, kColumns] floats; absent columns become 0.
void packHalf(const MatrixView& b, std::int64_t k0, std::int64_t depth, std::int64_t n, std::int64_t count, float* to) {
  const int lanes = static_cast<int>(count < 0 ? 0 : lesser(kWidth, count));
  const float* from = b.data + k0 * b.rowStride + n * b.columnStride;
  if (lanes == 0 || b.columnStride == 1) {
    for (std::int64_t k = 0; k < depth; ++k)
      store(to + k * kColumns, lanes == 0 ? Vec{} : load(from + k * b.rowStride, lanes));
    return;
  }
  std::int64_t k = 0;
  if (b.rowStride == 1)
    for (; k + kWidth <= depth; k += kWidth) {
      Vec v[kWidth] = {};
      for (int i = 0; i < lanes; ++i) v[i] = load(from + k + i * b.columnStride);
      transpose(v);
      for (int i = 0; i < kWidth; ++i) store(to + (k + i) * kColumns, v[i]);
    }
  for (; k < depth; ++k)
    for (int i = 0; i < kWidth; ++i)
      to[k * kColumns + i] = i < lanes ? from[k * b.rowStride + i * b.columnStride] : 0.0f;
}

/// Rows of A beside each other: element (i, k) at i kRowPitch + k, or, where A's columns are contiguous, at k kRows +
/// i.
void copyRows(const MatrixView& a, std::int64_t m, int rows, std::int64_t k0, std::int64_t depth, bool byColumn,
              float* to) {
  const float* from = a.data + m * a.rowStride + k0 * a.columnStride;
  if (!byColumn) {
    for (int i = 0; i < kRows; ++i)
      if (i >= rows)
        setZero(to + i * kRowPitch, depth);
      else if (a.columnStride == 1)
        std::memcpy(to + i * kRowPitch, from + i * a.rowStride, static_cast<std::size_t>(depth) * sizeof(float));
      else
        for (std::int64_t k = 0; k < depth; ++k) to[i * kRowPitch + k] = from[i * a.rowStride + k * a.columnStride];
    return;
  }
  const int first = rows < kWidth ? rows : kWidth, second = rows - first;
  for (std::int64_t k = 0; k < depth; ++k) {
    store(to + k * kColumnPitch, load(from + k * a.columnStride, first));
    if (kColumnPitch > kWidth)
      store(to + k * kColumnPitch + kWidth, second > 0 ? load(from + k * a.columnStride + kWidth, second) : Vec{});
  }
}

/// C[rows, columns] (+)= the copied rows times one panel, or its first half where that holds all columns.
template <int kRowStep, int kDepthStep, int kHalves>
void tile(const float* a, const float* panel, std::int64_t depth, float* c, std::int64_t cStride, int rows, int columns,
          bool add) {
  Vec sum[kRows][kHalves] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec b[kHalves];
    for (int half = 0; half < kHalves; ++half) b[half] = load(panel + k * kColumns + half * kWidth);
    const float* column = a + k * kDepthStep;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
      for (int half = 0; half < kHalves; ++half) sum[i][half] += b[half] * column[i * kRowStep];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    if (i >= rows) break;
    for (int half = 0; half < kHalves; ++half) {
      float* to = c + i * cStride + half * kWidth;
      const int lanes = static_cast<int>(lesser(kWidth, columns - half * kWidth));
      store(to, add ? load(to, lanes) + sum[i][half] : sum[i][half], lanes);
    }
  }
}

template <int kRowStep, int kDepthStep>
void tiles(const float* a, const float* panels, std::int64_t depth, float* c, std::int64_t cStride, int rows,
           std::int64_t width, bool add) {
  for (std::int64_t n = 0; n < width; n += kColumns) {
    const int columns = static_cast<int>(lesser(kColumns, width - n));
    if (columns > kWidth)
      tile<kRowStep, kDepthStep, 2>(a, panels + n * depth, depth, c + n, cStride, rows, columns, add);
    else
      tile<kRowStep, kDepthStep, 1>(a, panels + n * depth, depth, c + n, cStride, rows, columns, add);
  }
}

/// The part [m0, m1) x [n0, n1) of C; `scratch` holds matmulPieceFloats().
void piece(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
           bool accumulate, std::int64_t m0, std::int64_t m1, std::int64_t n0, std::int64_t n1, float* scratch) {
  float* panels = scratch;
  float* rows = scratch + kDepth * kBlock;
  const bool byColumn = a.rowStride == 1 && a.columnStride != 1;
  for (std::int64_t nb = n0; nb < n1; nb += kBlock) {
    const std::int64_t width = lesser(kBlock, n1 - nb);
    for (std::int64_t k0 = 0; k0 < s.K; k0 += kDepth) {
      const std::int64_t depth = lesser(kDepth, s.K - k0);
      for (std::int64_t n = 0; n < width; n += kColumns) {
        packHalf(b, k0, depth, nb + n, width - n, panels + n * depth);
        packHalf(b, k0, depth, nb + n + kWidth, width - n - kWidth, panels + n * depth + kWidth);
      }
      for (std::int64_t m = m0; m < m1; m += kRows) {
        const int height = static_cast<int>(lesser(kRows, m1 - m));
        copyRows(a, m, height, k0, depth, byColumn, rows);
        float* to = c + m * cStride + nb;
        if (byColumn)
          tiles<1, kColumnPitch>(rows, panels, depth, to, cStride, height, width, accumulate || k0 > 0);
        else
          tiles<kRowPitch, 1>(rows, panels, depth, to, cStride, height, width, accumulate || k0 > 0);
      }
    }
  }
}

}  // namespace

void matmulImpl(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
                bool accumulate, float* workspace, const ParallelFor& parallel) {
  const std::int64_t down = (s.M + kRows - 1) / kRows, across = (s.N + kColumns - 1) / kColumns;
  const bool byRows = down >= across;  // rows keep every thread's writes apart; columns also divide the packing
  const std::int64_t units = byRows ? down : across, size = byRows ? kRows : kColumns;
  const std::int64_t work = s.M * s.N * s.K / 200000 + 1;  // below that much, a second thread costs more than it does
  const std::int64_t pieces = lesser(lesser(units, work), parallel.threads < 1 ? 1 : parallel.threads);
  const auto address = reinterpret_cast<std::uintptr_t>(workspace);
  float* scratch = workspace + (64 - address % 64) % 64 / sizeof(float);
  parallel(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = units * i / pieces * size,
                         last = lesser(units * (i + 1) / pieces * size, byRows ? s.M : s.N);
      piece(s, a, b, c, cStride, accumulate, byRows ? first : 0, byRows ? last : s.M, byRows ? 0 : first,
            byRows ? s.N : last, scratch + i * kMatmulPiece);
    }
  });
}

}  // namespace serp::kernels::SERP_ISA
