// SPDX-License-Identifier: GPL-3.0-or-later
// How the scan kernels divide the work. A block is one sequence and a tile of channels; neighbouring lanes share a
// channel, each with kStates of its states in registers; time is a loop. Sums over a channel's states are butterflies
// over its lanes.
#pragma once

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {

inline constexpr int kScanThreads = 128;
inline constexpr int kScanWarps = kScanThreads / kWarp;
inline constexpr float kLog2e = 1.44269504088896341f;

/// States in one thread: few states, few registers; many, so that 32 lanes hold all 256.
inline int statesPerThread(std::int64_t states) {
  return states <= 64 ? 4 : 8;
}
/// Lanes that share a channel: a power of two.
inline int lanesPerChannel(std::int64_t states) {
  const int each = statesPerThread(states);
  int lanes = 1;
  while (lanes * each < states) lanes *= 2;
  return lanes;
}
/// Steps between two checkpoints; the backward keeps the states of one such chunk in shared memory.
template <int kStates>
inline constexpr int kChunk = 64 / kStates;
inline std::int64_t chunksOf(const ScanShape& s) {
  return ceilDiv(s.length, 64 / statesPerThread(s.states));
}
inline std::int64_t tilesOf(const ScanShape& s) {
  return ceilDiv(s.channels, kScanThreads / lanesPerChannel(s.states));
}

/// What a thread is: its sequence, channel and first state.
struct ScanThread {
  std::int64_t tile, b, c, n0;
  bool inside, leads;  // the channel exists; this lane writes what belongs to the channel

  SERP_FN ScanThread(const ScanShape& s, int lanes, int states) {
    const std::int64_t perBlock = kScanThreads / lanes, tiles = (s.channels + perBlock - 1) / perBlock;
    tile = blockX() % tiles, b = blockX() / tiles;
    c = tile * perBlock + threadX() / lanes;
    n0 = static_cast<std::int64_t>(threadX() % lanes) * states;
    inside = c < s.channels;
    leads = inside && n0 == 0;
  }
};

/// [B, chunks, N, D]: neighbouring channels lie together.
SERP_FN std::int64_t checkpointIndex(const ScanShape& s, std::int64_t chunks, std::int64_t b, std::int64_t chunk,
                                     std::int64_t n, std::int64_t c) {
  return ((b * chunks + chunk) * s.states + n) * s.channels + c;
}

}  // namespace serp::kernels::SERP_GPU
