// SPDX-License-Identifier: GPL-3.0-or-later
// The inner product of products: a panel of B, two vectors wide, and a few rows of A, both packed beside each other, are
// multiplied in registers.
//
// A packed word is a float, or two bfloat16 that follow each other along k (class Pairs), which halves the depth. Packing rounds to
// nearest even, so that narrow products read and write float32 and cost no pass of their own over memory.
#pragma once

#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {

inline constexpr int kRows = kWidth == 16 ? 12 : 6;  // with two vectors of columns: what fits the registers
inline constexpr int kColumns = 2 * kWidth;
inline constexpr std::int64_t kDepth = kMatmulDepth;
inline constexpr int kRowPitch = static_cast<int>(kDepth) + 16;  // off the powers of two, where rows would share cache sets
inline constexpr int kColumnPitch = kRows <= kWidth ? kWidth : 2 * kWidth;  // whole vectors

/// x with the upper half of its bits, rounded to nearest even; a NaN stays one.
inline float rounded(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return x;
  bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline Vec rounded(Vec x) {
  IntVec bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & static_cast<std::int32_t>(0xffff0000u);
  Vec r;
  std::memcpy(&r, &bits, sizeof r);
  return x == x ? r : x;
}

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

/// float32 as it is.
struct Floats {
  static constexpr int kPerWord = 1;
  static Vec word(Vec x) { return x; }
  static float word(float x) { return x; }
  static void multiply(Vec& sum, Vec b, const float* a) { sum += b * *a; }
};

/// bfloat16 operands on a processor without products of them: the same numbers, at the speed of float32.
struct Rounded : Floats {
  static Vec word(Vec x) { return rounded(x); }
  static float word(float x) { return rounded(x); }
};

#if defined(__AVX512BF16__)
/// Two bfloat16 in a word, products of pairs added in float32.
struct Pairs {
  static constexpr int kPerWord = 2;
  static Vec bits(__m512i x) {
    Vec v;
    std::memcpy(&v, &x, sizeof v);
    return v;
  }
  /// Words of `first` and what follows it in k, lane by lane.
  static Vec across(Vec first, Vec second) {
    const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                                20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return bits(_mm512_permutexvar_epi16(interleave, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first))));
  }
  /// 2 kWidth numbers that follow each other in k.
  static Vec along(Vec first, Vec second) { return bits(reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first))); }
  static float word(float first, float second) {
    std::uint32_t a, b;
    first = rounded(first);
    second = rounded(second);
    std::memcpy(&a, &first, sizeof a);
    std::memcpy(&b, &second, sizeof b);
    a = a >> 16 | (b & 0xffff0000u);
    float w;
    std::memcpy(&w, &a, sizeof w);
    return w;
  }
  static void multiply(Vec& sum, Vec b, const float* a) {
    std::int32_t word;
    std::memcpy(&word, a, sizeof word);
    sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(b), reinterpret_cast<__m512bh>(_mm512_set1_epi32(word)));
  }
};
using Narrow = Pairs;
#else
using Narrow = Rounded;
#endif

/// Words that `depth` numbers along k take.
template <class Op>
constexpr std::int64_t wordsOf(std::int64_t depth) {
  return (depth + Op::kPerWord - 1) / Op::kPerWord;
}

/// Element (k, n) of the view, 0 at and past `depth`.
template <class Op>
inline float scalarWord(const float* from, std::int64_t step, std::int64_t k, std::int64_t depth) {
  if constexpr (Op::kPerWord == 1)
    return Op::word(from[k * step]);
  else
    return Op::word(from[k * step], k + 1 < depth ? from[(k + 1) * step] : 0.0f);
}

/// One vector's width of columns, `count` of them present, from `from` on, into `to`: [words, kColumns]; absent columns become 0.
/// The element (k, n) stands at from[k rowStride + n columnStride].
template <class Op>
void packHalf(const float* from, std::int64_t rowStride, std::int64_t columnStride, std::int64_t depth, std::int64_t count,
              float* to) {
  const int lanes = static_cast<int>(count < 0 ? 0 : lesser(kWidth, count));
  const std::int64_t words = wordsOf<Op>(depth);
  if (lanes == 0) {
    for (std::int64_t k = 0; k < words; ++k) store(to + k * kColumns, Vec{});
    return;
  }
  if (columnStride == 1) {
    for (std::int64_t w = 0, k = 0; w < words; ++w, k += Op::kPerWord) {
      if constexpr (Op::kPerWord == 1)
        store(to + w * kColumns, Op::word(load(from + k * rowStride, lanes)));
      else
        store(to + w * kColumns, Op::across(load(from + k * rowStride, lanes),
                                            k + 1 < depth ? load(from + (k + 1) * rowStride, lanes) : Vec{}));
    }
    return;
  }
  std::int64_t k = 0;
  constexpr std::int64_t kStep = kWidth * Op::kPerWord;
  if (rowStride == 1)
    for (; k + kStep <= depth; k += kStep) {
      Vec v[kWidth] = {};
      for (int i = 0; i < lanes; ++i) {
        const float* column = from + k + i * columnStride;
        if constexpr (Op::kPerWord == 1)
          v[i] = Op::word(load(column));
        else
          v[i] = Op::along(load(column), load(column + kWidth));
      }
      transpose(v);
      for (int i = 0; i < kWidth; ++i) store(to + (k / Op::kPerWord + i) * kColumns, v[i]);
    }
  for (; k < depth; k += Op::kPerWord)
    for (int i = 0; i < kWidth; ++i)
      to[k / Op::kPerWord * kColumns + i] = i < lanes ? scalarWord<Op>(from + i * columnStride, rowStride, k, depth) : 0.0f;
}

/// A whole panel: [words, kColumns].
template <class Op>
void packPanel(const float* from, std::int64_t rowStride, std::int64_t columnStride, std::int64_t depth, std::int64_t count,
               float* to) {
  packHalf<Op>(from, rowStride, columnStride, depth, count, to);
  packHalf<Op>(from + kWidth * columnStride, rowStride, columnStride, depth, count - kWidth, to + kWidth);
}

/// Rows of A beside each other, their element (i, k) at from[i rowStride + k columnStride]. Word w of row i goes to i kRowPitch + w,
/// or, where A's columns are contiguous (byColumn), to w kColumnPitch + i. Absent rows become 0. depth <= kDepth.
template <class Op>
void copyRows(const float* from, std::int64_t rowStride, std::int64_t columnStride, int rows, std::int64_t depth, bool byColumn,
              float* to) {
  const std::int64_t words = wordsOf<Op>(depth);
  if (byColumn) {
    const int first = rows < kWidth ? rows : kWidth, second = rows - first;
    for (std::int64_t w = 0, k = 0; w < words; ++w, k += Op::kPerWord)
      for (int half = 0; half * kWidth < kColumnPitch; ++half) {
        const int lanes = half == 0 ? first : second;
        const float* column = from + k * columnStride + half * kWidth;
        Vec v{};
        if (lanes > 0) {
          if constexpr (Op::kPerWord == 1)
            v = Op::word(load(column, lanes));
          else
            v = Op::across(load(column, lanes), k + 1 < depth ? load(column + columnStride, lanes) : Vec{});
        }
        store(to + w * kColumnPitch + half * kWidth, v);
      }
    return;
  }
  constexpr std::int64_t kStep = kWidth * Op::kPerWord;
  for (int i = 0; i < kRows; ++i) {
    float* row = to + i * kRowPitch;
    if (i >= rows) {
      setZero(row, words);
      continue;
    }
    const float* a = from + i * rowStride;
    std::int64_t k = 0;
    if (columnStride == 1)
      for (; k + kStep <= depth; k += kStep) {
        if constexpr (Op::kPerWord == 1)
          store(row + k, Op::word(load(a + k)));
        else
          store(row + k / 2, Op::along(load(a + k), load(a + k + kWidth)));
      }
    for (; k < depth; k += Op::kPerWord) row[k / Op::kPerWord] = scalarWord<Op>(a, columnStride, k, depth);
  }
}

/// Asks for the rows that copyRows will want next.
inline void fetchRows(const float* from, std::int64_t rowStride, std::int64_t columnStride, std::int64_t rows, std::int64_t depth,
                      bool byColumn) {
  constexpr std::int64_t kLine = 16;
  if (rows <= 0) return;
  if (byColumn) {
    for (std::int64_t k = 0; k < depth; ++k) __builtin_prefetch(from + k * columnStride, 0, 2);
  } else if (columnStride == 1) {
    for (std::int64_t i = 0; i < lesser(rows, kRows); ++i)
      for (std::int64_t k = 0; k < depth; k += kLine) __builtin_prefetch(from + i * rowStride + k, 0, 2);
  }
}

/// What a tile begins with and how it ends: C or nothing, a bias per column, max(0, .).
struct Ends {
  bool add = false;
  bool relu = false;
  const float* bias = nullptr;  // from the tile's first column on
};

/// C[rows, columns] (+)= the copied rows times one panel, or its first half where that holds all columns.
template <class Op, int kRowStep, int kWordStep, int kHalves>
void tile(const float* a, const float* panel, std::int64_t words, float* c, std::int64_t cStride, int rows, int columns,
          const Ends& ends) {
  for (int i = 0; i < rows; ++i)  // C comes from far away; it arrives while the sums grow
    for (int half = 0; half < kHalves; ++half) __builtin_prefetch(c + i * cStride + half * kWidth, 1, 3);
  Vec sum[kRows][kHalves] = {};
  for (std::int64_t w = 0; w < words; ++w) {
    Vec b[kHalves];
    for (int half = 0; half < kHalves; ++half) b[half] = load(panel + w * kColumns + half * kWidth);
    const float* column = a + w * kWordStep;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
      for (int half = 0; half < kHalves; ++half) Op::multiply(sum[i][half], b[half], column + i * kRowStep);
  }
  Vec bias[kHalves] = {};
  if (ends.bias)
    for (int half = 0; half < kHalves; ++half)
      bias[half] = load(ends.bias + half * kWidth, static_cast<int>(lesser(kWidth, columns - half * kWidth)));
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    if (i >= rows) break;
    for (int half = 0; half < kHalves; ++half) {
      float* to = c + i * cStride + half * kWidth;
      const int lanes = static_cast<int>(lesser(kWidth, columns - half * kWidth));
      Vec v = sum[i][half] + bias[half];
      if (ends.add) v += load(to, lanes);
      if (ends.relu) v = atLeast(Vec{}, v);
      store(to, v, lanes);
    }
  }
}

/// The rows times panels that lie `panelWords` apart, over `width` columns of C.
template <class Op>
void tiles(const float* a, bool byColumn, const float* panels, std::int64_t panelWords, std::int64_t words, float* c,
           std::int64_t cStride, int rows, std::int64_t width, Ends ends) {
  const float* bias = ends.bias;
  for (std::int64_t n = 0; n < width; n += kColumns) {
    const int columns = static_cast<int>(lesser(kColumns, width - n));
    const float* panel = panels + n / kColumns * panelWords;
    if (bias) ends.bias = bias + n;
    if (byColumn && columns > kWidth)
      tile<Op, 1, kColumnPitch, 2>(a, panel, words, c + n, cStride, rows, columns, ends);
    else if (byColumn)
      tile<Op, 1, kColumnPitch, 1>(a, panel, words, c + n, cStride, rows, columns, ends);
    else if (columns > kWidth)
      tile<Op, kRowPitch, 1, 2>(a, panel, words, c + n, cStride, rows, columns, ends);
    else
      tile<Op, kRowPitch, 1, 1>(a, panel, words, c + n, cStride, rows, columns, ends);
  }
}

}  // namespace serp::kernels::SERP_ISA
