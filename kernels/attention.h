// SPDX-License-Identifier: GPL-3.0-or-later
// Causal softmax attention over whole sequences, with rotary positions, grouped keys and a sliding window; forward and backward.
//
//   q', k' = rotated by their position (pairs i, i + half)          y_t = sum_s P_ts v_s,   P_ts = softmax_s(q'_t . k'_s / sqrt(width))
//   over the keys s <= t, and s > t - window where there is a window.
//
// Source: Vaswani et al. 2017; Su et al. 2021 (rotation); Dao et al. 2022 (the backward keeps one log-sum per row and computes P again).
// Layout: element (b, t, head, i) of a tensor stands at data[(b length + t) tokenStride + head headStride + i]: projections are read
// where they lie and results written where the next product reads them. float32 storage; `narrow` rounds the operands of products
// to bfloat16. Nothing of size [T, T] is stored between the passes.
// Determinism: exact in the thread count. Checked by tests/kernels/tst_attention.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

inline constexpr std::int64_t kAttentionWidth = 256;  ///< the widest head

struct AttentionShape {
  std::int64_t batch = 0, length = 0;
  std::int64_t heads = 1;     ///< of queries and of y
  std::int64_t keyHeads = 1;  ///< of keys and values; divides heads: head h reads key head h / (heads / keyHeads)
  std::int64_t width = 0;     ///< of one head, 1..kAttentionWidth
  std::int64_t half = 0;      ///< pairs that rotate, at most width / 2; 0: no rotation
  std::int64_t window = 0;    ///< keys that a query sees, itself included; 0: all before it
  bool narrow = false;        ///< bfloat16 operands
};

struct HeadsView {
  const float* data = nullptr;
  std::int64_t tokenStride = 0, headStride = 0;
};
struct MutableHeadsView {
  float* data = nullptr;
  std::int64_t tokenStride = 0, headStride = 0;
};

struct AttentionInput {
  HeadsView q, k, v;
  const float *cosine = nullptr, *sine = nullptr;  // [length, half]
};

struct AttentionOutput {
  MutableHeadsView y;
  float* logSum = nullptr;  // [batch, heads, length]: log of the softmax's denominator, for the backward; null: not wanted
};

/// All gradients are overwritten. y and logSum are those of the forward.
struct AttentionGradients {
  HeadsView y, dy;
  const float* logSum = nullptr;
  MutableHeadsView dq, dk, dv;
};

/// Floats of scratch.
std::int64_t attentionForwardWorkspace(const AttentionShape&, int threads) noexcept;
std::int64_t attentionBackwardWorkspace(const AttentionShape&, int threads) noexcept;
/// Blocks.
Status attentionForward(const AttentionShape&, const AttentionInput&, const AttentionOutput&, float* workspace,
                        const ParallelFor&) noexcept;
Status attentionBackward(const AttentionShape&, const AttentionInput&, const AttentionGradients&, float* workspace,
                         const ParallelFor&) noexcept;

namespace reference {  // plain loops, double accumulators; `narrow` is ignored
Status attentionForward(const AttentionShape&, const AttentionInput&, const AttentionOutput&) noexcept;
Status attentionBackward(const AttentionShape&, const AttentionInput&, const AttentionGradients&) noexcept;
}  // namespace reference

}  // namespace serp::kernels
