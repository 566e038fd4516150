// SPDX-License-Identifier: GPL-3.0-or-later
// Causal attention, a head of a sequence at a time: keys and values are packed once, then a few queries at once meet the keys before
// them. The backward computes the probabilities again and gathers the gradients of keys and values over blocks of queries.
//
// Masked scores become probabilities of 0 before they are multiplied: a NaN or an infinity in v may so reach queries up to a block
// before it.
#include "kernels/cpu/attention_parts.h"

namespace serp::kernels::SERP_ISA {
namespace {

/// What one query block of the forward needs beside the packed keys and values.
struct ForwardRoom {
  float *keyPanels, *valuePanels, *rotated, *rows, *scores;
  std::int64_t pitch;
};

/// Keys [0, end) as columns for the scores, values as rows for the result.
template <class Op>
void packKeysAndValues(const AttentionShape& s, const AttentionInput& in, std::int64_t b, std::int64_t kh, std::int64_t end,
                       const ForwardRoom& room) {
  const std::int64_t words = wordsOf<Op>(s.width), depth = wordsOf<Op>(end);
  for (std::int64_t key = 0; key < end; key += kColumns) {
    const std::int64_t count = lesser(kColumns, end - key);
    const Rows k = rotatedRows(s, in, in.k, b, kh, key, count, room.rotated);
    packPanel<Op>(k.data, 1, k.stride, s.width, count, room.keyPanels + key * words);
  }
  const Rows v = rowsOf(s, in.v, b, kh, 0);
  for (std::int64_t n = 0; n < s.width; n += kColumns)
    packPanel<Op>(v.data + n, v.stride, 1, end, s.width - n, room.valuePanels + n * depth);
}

/// e^(scale (s - top)) in place for the keys [first, last] of a row that begins at key `start`; 0 for the others up to `end`.
/// Returns the sum; `top` is the largest score.
float exponentials(float* row, std::int64_t start, std::int64_t first, std::int64_t last, std::int64_t end, float scale, float& top) {
  const std::int64_t from = first - start, count = last + 1 - start, whole = (count + kWidth - 1) / kWidth * kWidth;
  for (std::int64_t i = 0; i < from; ++i) row[i] = -__builtin_inff();
  for (std::int64_t i = count; i < whole; ++i) row[i] = -__builtin_inff();
  Vec largest = splat(-__builtin_inff());
  for (std::int64_t i = 0; i < whole; i += kWidth) largest = atLeast(largest, load(row + i));
  top = largest[0];
  for (int i = 1; i < kWidth; ++i)
    if (!(largest[i] <= top)) top = largest[i];
  Vec total{};
  const Vec factor = splat(scale * kLog2e), shift = splat(top * scale * kLog2e);
  for (std::int64_t i = 0; i < whole; i += kWidth) {
    const Vec e = exp2(load(row + i) * factor - shift);
    store(row + i, e);
    total += e;
  }
  if (end - start > whole) setZero(row + whole, end - start - whole);
  return sum(total);
}

/// Queries [q0, q0 + rows) of head h.
template <class Op>
void forwardRows(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o, std::int64_t b, std::int64_t h,
                 std::int64_t q0, int rows, std::int64_t packed, const ForwardRoom& room) {
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(s.width));
  const std::int64_t end = q0 + rows, start = firstKey(s, q0) / kColumns * kColumns;
  const std::int64_t words = wordsOf<Op>(s.width), depth = wordsOf<Op>(packed);
  const Rows q = rotatedRows(s, in, in.q, b, h, q0, rows, room.rotated);
  copyRows<Op>(q.data, q.stride, 1, rows, s.width, false, room.rows);
  tiles<Op>(room.rows, false, room.keyPanels + start * words, words * kColumns, words, room.scores, room.pitch, rows, end - start, {});
  float sums[kRows];
  for (int i = 0; i < rows; ++i) {
    float top = 0;
    sums[i] = exponentials(room.scores + i * room.pitch, start, firstKey(s, q0 + i), q0 + i, end, scale, top);
    if (o.logSum) o.logSum[(b * s.heads + h) * s.length + q0 + i] = top * scale + __builtin_logf(sums[i]);
  }
  const std::int64_t stride = o.y.tokenStride;
  float* y = o.y.data + (b * s.length + q0) * stride + h * o.y.headStride;
  constexpr std::int64_t kTaken = kDepth * Op::kPerWord;
  for (std::int64_t key = start; key < end; key += kTaken) {
    const std::int64_t taken = lesser(kTaken, end - key);
    copyRows<Op>(room.scores + (key - start), room.pitch, 1, rows, taken, false, room.rows);
    Ends ends;
    ends.add = key > start;
    tiles<Op>(room.rows, false, room.valuePanels + key / Op::kPerWord * kColumns, depth * kColumns, wordsOf<Op>(taken), y, stride, rows,
              s.width, ends);
  }
  for (int i = 0; i < rows; ++i) {
    const Vec share = splat(1.0f / sums[i]);
    each(s.width, [&](std::int64_t c, int n) { store(y + i * stride + c, load(y + i * stride + c, n) * share, n); });
  }
}

template <class Op>
void forward(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o, float* workspace,
             const ParallelFor& parallel) {
  const AttentionPlan plan(s, parallel.threads);
  parallel(plan.pieces, 1, [&](std::int64_t begin, std::int64_t finish) {
    for (std::int64_t piece = begin; piece < finish; ++piece) {
      float* at = aligned(workspace) + piece * plan.forwardFloats;
      const ForwardRoom room{at, at + plan.panel, at + 2 * plan.panel, at + 2 * plan.panel + plan.rotated,
                             at + 2 * plan.panel + plan.rotated + kRowRoom, plan.pitch};
      for (std::int64_t task = plan.tasks * piece / plan.pieces; task < plan.tasks * (piece + 1) / plan.pieces; ++task) {
        const std::int64_t part = task % plan.parts, pair = task / plan.parts, b = pair / s.keyHeads, kh = pair % s.keyHeads;
        const std::int64_t first = plan.boundary(part), last = plan.boundary(part + 1), group = s.heads / s.keyHeads;
        if (first == last) continue;
        packKeysAndValues<Op>(s, in, b, kh, last, room);
        for (std::int64_t h = kh * group; h < (kh + 1) * group; ++h)
          for (std::int64_t q = first; q < last; q += kRows)
            forwardRows<Op>(s, in, o, b, h, q, static_cast<int>(lesser(kRows, last - q)), last, room);
      }
    }
  });
}

}  // namespace

#if !defined(__AVX512BF16__)
void attentionForwardImpl(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o, float* workspace,
                          const ParallelFor& parallel) {
  forward<Floats>(s, in, o, workspace, parallel);
}
#endif

void attentionForwardNarrowImpl(const AttentionShape& s, const AttentionInput& in, const AttentionOutput& o, float* workspace,
                                const ParallelFor& parallel) {
  forward<Narrow>(s, in, o, workspace, parallel);
}

}  // namespace serp::kernels::SERP_ISA
