// SPDX-License-Identifier: GPL-3.0-or-later
// The backward of causal attention: for a block of queries the probabilities are computed again, then
//   dS = P (dy v' - y dy) / sqrt(width),   dq = dS k,   dk += dS' q,   dv += P' dy.
// Every product skips the keys and queries that the causal order keeps apart, to the height of a tile.
#include "kernels/cpu/attention_parts.h"

namespace serp::kernels::SERP_ISA {
namespace {

struct BackwardRoom {
  float *keyColumns, *valueColumns, *keyRows;  // packed: for scores, for dP, for dq
  float *keys, *dk, *dv;                       // [length, row]
  float *queries, *dq;                         // [block, row]
  float *queryPanels, *dyPanels;               // [block, width] packed
  float *rows, *P, *dS;
  std::int64_t row, pitch;

  BackwardRoom(const AttentionShape& s, const AttentionPlan& plan, float* at) : row(headPitch(s)), pitch(plan.pitch) {
    const auto take = [&](std::int64_t floats) {
      float* p = at;
      at += floats;
      return p;
    };
    const std::int64_t block = lesser(kAttentionQueries, s.length);
    const std::int64_t columns = (s.width + kAttentionPanel - 1) / kAttentionPanel * kAttentionPanel;
    keyColumns = take(plan.panel);
    valueColumns = take(plan.panel);
    keyRows = take(plan.panel);
    keys = take(s.length * row);
    dk = take(s.length * row);
    dv = take(s.length * row);
    queries = take(block * row);
    dq = take(block * row);
    queryPanels = take(kAttentionQueries * columns);
    dyPanels = take(kAttentionQueries * columns);
    rows = take(kRowRoom);
    P = take(block * pitch);
    dS = take(block * pitch);
  }
};

template <class Op>
void packColumns(const Rows& from, std::int64_t count, std::int64_t width, float* to) {
  for (std::int64_t n = 0; n < count; n += kColumns)
    packPanel<Op>(from.data + n * from.stride, 1, from.stride, width, count - n, to + n * wordsOf<Op>(width));
}
template <class Op>
void packRows(const Rows& from, std::int64_t count, std::int64_t width, float* to) {
  for (std::int64_t n = 0; n < width; n += kColumns)
    packPanel<Op>(from.data + n, from.stride, 1, count, width - n, to + n * wordsOf<Op>(count));
}

/// P and dS of one query from its scores and dy v': the keys [first, last] of a row that begins at key `start`; 0 elsewhere.
void probabilities(float* P, float* dS, std::int64_t start, std::int64_t first, std::int64_t last, std::int64_t end, float scale,
                   float logSum, float mean) {
  setZero(P, first - start);
  setZero(dS, first - start);
  const Vec factor = splat(scale * kLog2e), shift = splat(logSum * kLog2e), less = splat(mean), times = splat(scale);
  float *p = P + (first - start), *d = dS + (first - start);
  each(last + 1 - first, [&](std::int64_t i, int n) {
    const Vec e = exp2(load(p + i, n) * factor - shift);
    store(p + i, e, n);
    store(d + i, e * (load(d + i, n) - less) * times, n);
  });
  setZero(P + (last + 1 - start), end - last - 1);
  setZero(dS + (last + 1 - start), end - last - 1);
}

float dot(const float* a, const float* b, std::int64_t width) {
  Vec total{};
  each(width, [&](std::int64_t c, int n) { total += load(a + c, n) * load(b + c, n); });
  return sum(total);
}

/// A block of queries [q0, q1) of one head.
template <class Op>
class QueryBlock {
 public:
  QueryBlock(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, const BackwardRoom& room, std::int64_t b,
             std::int64_t h, std::int64_t q0, std::int64_t q1)
      : s_(s), in_(in), g_(g), room_(room), b_(b), h_(h), q0_(q0), q1_(q1), start_(firstKey(s, q0) / kColumns * kColumns) {}

  void run() {
    const std::int64_t count = q1_ - q0_;
    queries_ = rowsOf(s_, in_.q, b_, h_, q0_);
    if (s_.half > 0) {
      for (std::int64_t i = 0; i < count; ++i)
        rotate(s_, in_, q0_ + i, queries_.data + i * queries_.stride, 1.0f, room_.queries + i * room_.row);
      queries_ = {room_.queries, room_.row};
    }
    dy_ = rowsOf(s_, g_.dy, b_, h_, q0_);
    packRows<Op>(queries_, count, s_.width, room_.queryPanels);
    packRows<Op>(dy_, count, s_.width, room_.dyPanels);
    for (std::int64_t q = 0; q < count; q += kRows) scores(q, static_cast<int>(lesser(kRows, count - q)));
    for (std::int64_t q = 0; q < count; q += kRows) queryGradients(q, static_cast<int>(lesser(kRows, count - q)));
    for (std::int64_t key = start_; key < q1_; key += kRows) keyGradients(key, static_cast<int>(lesser(kRows, q1_ - key)));
    for (std::int64_t i = 0; i < count; ++i) {
      float* to = g_.dq.data + (b_ * s_.length + q0_ + i) * g_.dq.tokenStride + h_ * g_.dq.headStride;
      const float* from = room_.dq + i * room_.row;
      if (s_.half > 0)
        rotate(s_, in_, q0_ + i, from, -1.0f, to);
      else
        std::memcpy(to, from, static_cast<std::size_t>(s_.width) * sizeof(float));
    }
  }

 private:
  /// P and dS of the queries [q, q + rows) of the block.
  void scores(std::int64_t q, int rows) {
    const std::int64_t visible = q0_ + q + rows, words = wordsOf<Op>(s_.width);
    const auto against = [&](const Rows& left, const float* panels, float* to) {
      copyRows<Op>(left.data + q * left.stride, left.stride, 1, rows, s_.width, false, room_.rows);
      tiles<Op>(room_.rows, false, panels + start_ * words, words * kColumns, words, to + q * room_.pitch, room_.pitch, rows,
                visible - start_, {});
    };
    against(queries_, room_.keyColumns, room_.P);
    against(dy_, room_.valueColumns, room_.dS);
    const Rows y = rowsOf(s_, g_.y, b_, h_, q0_);
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(s_.width));
    const float* logSum = g_.logSum + (b_ * s_.heads + h_) * s_.length + q0_;
    for (std::int64_t i = q; i < q + rows; ++i)
      probabilities(room_.P + i * room_.pitch, room_.dS + i * room_.pitch, start_, firstKey(s_, q0_ + i), q0_ + i, q1_, scale, logSum[i],
                    dot(dy_.data + i * dy_.stride, y.data + i * y.stride, s_.width));
  }

  /// dq = dS k.
  void queryGradients(std::int64_t q, int rows) {
    const std::int64_t visible = q0_ + q + rows, depth = wordsOf<Op>(s_.length);
    constexpr std::int64_t kTaken = kDepth * Op::kPerWord;
    for (std::int64_t key = start_; key < visible; key += kTaken) {
      const std::int64_t taken = lesser(kTaken, visible - key);
      copyRows<Op>(room_.dS + q * room_.pitch + (key - start_), room_.pitch, 1, rows, taken, false, room_.rows);
      Ends ends;
      ends.add = key > start_;
      tiles<Op>(room_.rows, false, room_.keyRows + key / Op::kPerWord * kColumns, depth * kColumns, wordsOf<Op>(taken),
                room_.dq + q * room_.row, room_.row, rows, s_.width, ends);
    }
  }

  /// dv += P' dy and dk += dS' q for the keys [key, key + rows), over the queries of the block that see any of them.
  void keyGradients(std::int64_t key, int rows) {
    const std::int64_t count = q1_ - q0_;
    std::int64_t from = key > q0_ ? (key - q0_) / Op::kPerWord * Op::kPerWord : 0, to = count;
    if (s_.window > 0) to = lesser(to, key + rows - 1 + s_.window - q0_);
    if (from >= to) return;
    const std::int64_t words = wordsOf<Op>(to - from), depth = wordsOf<Op>(count);
    Ends ends;
    ends.add = true;
    const auto gather = [&](const float* left, const float* panels, float* sum) {
      copyRows<Op>(left + from * room_.pitch + (key - start_), 1, room_.pitch, rows, to - from, true, room_.rows);
      tiles<Op>(room_.rows, true, panels + from / Op::kPerWord * kColumns, depth * kColumns, words, sum + key * room_.row, room_.row,
                rows, s_.width, ends);
    };
    gather(room_.P, room_.dyPanels, room_.dv);
    gather(room_.dS, room_.queryPanels, room_.dk);
  }

  const AttentionShape& s_;
  const AttentionInput& in_;
  const AttentionGradients& g_;
  const BackwardRoom& room_;
  std::int64_t b_, h_, q0_, q1_, start_;
  Rows queries_{}, dy_{};
};

/// All gradients of one key head of one sequence.
template <class Op>
void headBackward(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, std::int64_t b, std::int64_t kh,
                  const BackwardRoom& room) {
  const std::int64_t T = s.length, group = s.heads / s.keyHeads;
  const Rows keys = rotatedRows(s, in, in.k, b, kh, 0, T, room.keys), values = rowsOf(s, in.v, b, kh, 0);
  packColumns<Op>(keys, T, s.width, room.keyColumns);
  packColumns<Op>(values, T, s.width, room.valueColumns);
  packRows<Op>(keys, T, s.width, room.keyRows);
  setZero(room.dk, T * room.row);
  setZero(room.dv, T * room.row);
  for (std::int64_t h = kh * group; h < (kh + 1) * group; ++h)
    for (std::int64_t q = 0; q < T; q += kAttentionQueries)
      QueryBlock<Op>(s, in, g, room, b, h, q, lesser(q + kAttentionQueries, T)).run();
  for (std::int64_t t = 0; t < T; ++t) {
    float* dk = g.dk.data + (b * T + t) * g.dk.tokenStride + kh * g.dk.headStride;
    float* dv = g.dv.data + (b * T + t) * g.dv.tokenStride + kh * g.dv.headStride;
    const float* from = room.dk + t * room.row;
    const auto bytes = static_cast<std::size_t>(s.width) * sizeof(float);
    if (s.half > 0)
      rotate(s, in, t, from, -1.0f, dk);
    else
      std::memcpy(dk, from, bytes);
    std::memcpy(dv, room.dv + t * room.row, bytes);
  }
}

template <class Op>
void backward(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, float* workspace,
              const ParallelFor& parallel) {
  const AttentionPlan plan(s, parallel.threads);
  const std::int64_t heads = s.batch * s.keyHeads, pieces = lesser(plan.pieces, heads);
  parallel(pieces, 1, [&](std::int64_t begin, std::int64_t finish) {
    for (std::int64_t piece = begin; piece < finish; ++piece) {
      const BackwardRoom room(s, plan, aligned(workspace) + piece * plan.backwardFloats);
      for (std::int64_t task = heads * piece / pieces; task < heads * (piece + 1) / pieces; ++task)
        headBackward<Op>(s, in, g, task / s.keyHeads, task % s.keyHeads, room);
    }
  });
}

}  // namespace

#if !defined(__AVX512BF16__)
void attentionBackwardImpl(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, float* workspace,
                           const ParallelFor& parallel) {
  backward<Floats>(s, in, g, workspace, parallel);
}
#endif

void attentionBackwardNarrowImpl(const AttentionShape& s, const AttentionInput& in, const AttentionGradients& g, float* workspace,
                                 const ParallelFor& parallel) {
  backward<Narrow>(s, in, g, workspace, parallel);
}

}  // namespace serp::kernels::SERP_ISA
