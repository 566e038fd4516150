// SPDX-License-Identifier: GPL-3.0-or-later
// What the scan's forward and backward share: which channels a vector holds, and where checkpoints lie.
#pragma once

#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {

/// Channels [first, first + n) in one vector.
struct Lanes {
  std::int64_t first = 0;
  int n = kWidth;
};

inline std::int64_t blocksOf(std::int64_t channels) {
  return (channels + kWidth - 1) / kWidth;
}

inline Lanes lanesOf(std::int64_t block, std::int64_t channels) {
  const std::int64_t first = block * kWidth;
  return {first, static_cast<int>(lesser(kWidth, channels - first))};
}

/// Moves [channels, N] rows into one vector per state (`stride` floats apart), times `factor`; absent channels are 0.
inline void gatherStates(const float* rows, Lanes l, std::int64_t N, float factor, float* out, std::int64_t stride) {
  for (std::int64_t n = 0; n < N; ++n) store(out + n * stride, Vec{});
  for (int i = 0; i < l.n; ++i)
    for (std::int64_t n = 0; n < N; ++n) out[n * stride + i] = rows[i * N + n] * factor;
}
inline void scatterStates(const float* vectors, std::int64_t stride, Lanes l, std::int64_t N, float* rows) {
  for (int i = 0; i < l.n; ++i)
    for (std::int64_t n = 0; n < N; ++n) rows[i * N + n] = vectors[n * stride + i];
}

/// State 0 of a block's checkpoint; state n follows kScanGroup * n floats later. The layout [B, chunk, group, N, 16] is
/// the same for every instruction set, so a forward of one may be followed by a backward of another.
template <class T>
inline T* checkpointAt(T* checkpoints, const ScanShape& s, std::int64_t b, std::int64_t chunk, std::int64_t block) {
  const std::int64_t groups = (s.channels + kScanGroup - 1) / kScanGroup, first = block * kWidth;
  return checkpoints + ((b * scanChunks(s.length) + chunk) * groups + first / kScanGroup) * s.states * kScanGroup +
         first % kScanGroup;
}

/// Asks for the block's line of a later row. Rows lie a stride apart, too far for the processor to guess the next one.
inline void fetchSoon(const float* rows, std::int64_t row, std::int64_t stride, std::int64_t channel) {
  if (rows) __builtin_prefetch(rows + row * stride + channel, 0, 2);
}
inline void fetchToWrite(float* rows, std::int64_t row, std::int64_t stride, std::int64_t channel) {
  if (rows) __builtin_prefetch(rows + row * stride + channel, 1, 2);
}

/// Calls f with an integral constant K for consecutive pieces of the states, the largest pieces first: f.template
/// run<K>(n).
template <int kLargest, class F>
inline void overStates(std::int64_t N, F&& f) {
  std::int64_t n = 0;
  for (; n + kLargest <= N; n += kLargest) f.template run<kLargest>(n);
  if constexpr (kLargest > 4)
    for (; n + 4 <= N; n += 4) f.template run<4>(n);
  for (; n < N; ++n) f.template run<1>(n);
}

}  // namespace serp::kernels::SERP_ISA
