// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix product: panels of B, two vectors wide, are packed for the second-level cache; a few rows of A are copied
// to the first-level one; their product is gathered in registers (cpu/tile.h). Threads share rows of C, or columns where there are
// more of those.
#include "kernels/cpu/few_rows.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr std::int64_t kBlock = kMatmulColumns;

/// The part [m0, m1) x [n0, n1) of C; `scratch` holds kMatmulPiece floats.
template <class Op>
void piece(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
           const MatmulOptions& options, std::int64_t m0, std::int64_t m1, std::int64_t n0, std::int64_t n1, float* scratch) {
  constexpr std::int64_t kTaken = kDepth * Op::kPerWord;  // words of depth fill the same room
  float* panels = scratch;
  float* rows = scratch + kDepth * kBlock;
  const bool byColumn = a.rowStride == 1 && a.columnStride != 1;
  for (std::int64_t nb = n0; nb < n1; nb += kBlock) {
    const std::int64_t width = lesser(kBlock, n1 - nb);
    for (std::int64_t k0 = 0; k0 < s.K; k0 += kTaken) {
      const std::int64_t depth = lesser(kTaken, s.K - k0), words = wordsOf<Op>(depth);
      for (std::int64_t n = 0; n < width; n += kColumns)
        packPanel<Op>(b.data + k0 * b.rowStride + (nb + n) * b.columnStride, b.rowStride, b.columnStride, depth, width - n,
                      panels + n * words);
      Ends ends;
      ends.add = options.accumulate || k0 > 0;
      if (k0 + depth >= s.K) {
        ends.relu = options.relu;
        if (options.bias) ends.bias = options.bias + nb;
      }
      for (std::int64_t m = m0; m < m1; m += kRows) {
        const int height = static_cast<int>(lesser(kRows, m1 - m));
        copyRows<Op>(a.data + m * a.rowStride + k0 * a.columnStride, a.rowStride, a.columnStride, height, depth, byColumn, rows);
        fetchRows(a.data + (m + kRows) * a.rowStride + k0 * a.columnStride, a.rowStride, a.columnStride, m1 - m - kRows, depth, byColumn);
        tiles<Op>(rows, byColumn, panels, words * kColumns, words, c + m * cStride + nb, cStride, height, width, ends);
      }
    }
  }
}

template <class Op>
void run(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
         const MatmulOptions& options, float* workspace, const ParallelFor& parallel) {
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
      piece<Op>(s, a, b, c, cStride, options, byRows ? first : 0, byRows ? last : s.M, byRows ? 0 : first,
                byRows ? s.N : last, scratch + i * kMatmulPiece);
    }
  });
}

}  // namespace

#if !defined(__AVX512BF16__)
void matmulImpl(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
                const MatmulOptions& options, float* workspace, const ParallelFor& parallel) {
  if (fewRows(s, a, b)) return multiplyFewRows<Floats>(s, a, b, c, cStride, options, parallel);
  run<Floats>(s, a, b, c, cStride, options, workspace, parallel);
}
#endif

void matmulNarrowImpl(const MatmulShape& s, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
                      const MatmulOptions& options, float* workspace, const ParallelFor& parallel) {
  if (fewRows(s, a, b)) return multiplyFewRows<Rounded>(s, a, b, c, cStride, options, parallel);  // bytes bound it, not products
  run<Narrow>(s, a, b, c, cStride, options, workspace, parallel);
}

}  // namespace serp::kernels::SERP_ISA
