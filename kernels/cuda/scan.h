// SPDX-License-Identifier: GPL-3.0-or-later
// How the scan kernels divide the work. A block is one sequence and a tile of channels; kLanes neighbouring threads
// share a channel, each with kStates of its states in registers; time is a loop over chunks. What a chunk needs of
// every channel, and its B and C, is read once per block, in whole rows, into shared memory.
#pragma once

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {

inline constexpr int kScanThreads = 128;
inline constexpr int kScanWarps = kScanThreads / kWarp;

/// A division of the states; few states, few registers; many, so that 32 lanes hold all 256.
template <int kStatesOf, int kLanesOf>
struct ScanPlan {
  static constexpr int kStates = kStatesOf, kLanes = kLanesOf;
  static constexpr int kChannels = kScanThreads / kLanes;                 // of a block
  static constexpr int kAll = kStates * kLanes;                           // states with padding
  static constexpr int kChunk = 64 / kStates;                             // steps between two checkpoints
  static constexpr int kTile = kChunk * kChannels;                        // elements of a chunk
  static constexpr int kPer = (kTile + kScanThreads - 1) / kScanThreads;  // of which a thread stages these many
};

/// Calls f(ScanPlan) with the smallest plan that holds `states`.
template <class F>
auto withScanPlan(std::int64_t states, F f) {
  if (states <= 4) return f(ScanPlan<4, 1>());
  if (states <= 8) return f(ScanPlan<4, 2>());
  if (states <= 16) return f(ScanPlan<4, 4>());
  if (states <= 32) return f(ScanPlan<4, 8>());
  if (states <= 64) return f(ScanPlan<4, 16>());
  if (states <= 128) return f(ScanPlan<8, 16>());
  return f(ScanPlan<8, 32>());
}
inline std::int64_t chunksOf(const ScanShape& s) {
  return withScanPlan(s.states, [&](auto plan) { return ceilDiv(s.length, plan.kChunk); });
}
inline std::int64_t tilesOf(const ScanShape& s) {
  return withScanPlan(s.states, [&](auto plan) { return ceilDiv(s.channels, plan.kChannels); });
}

/// What a thread is: in the sweeps, a channel of the tile and its first state; in whole-row work, other elements.
template <class Plan>
struct ScanThread {
  std::int64_t tile, b, firstChannel, c;
  int channel, n0;     // channel of the tile
  bool inside, leads;  // the channel exists; this lane writes what belongs to the channel

  SERP_FN explicit ScanThread(const ScanShape& s) {
    const std::int64_t tiles = (s.channels + Plan::kChannels - 1) / Plan::kChannels;
    tile = blockX() % tiles, b = blockX() / tiles;
    firstChannel = tile * Plan::kChannels;
    channel = static_cast<int>(threadX()) / Plan::kLanes;
    c = firstChannel + channel;
    n0 = static_cast<int>(threadX()) % Plan::kLanes * Plan::kStates;
    inside = c < s.channels;
    leads = inside && n0 == 0;
  }
};

/// Rows of a chunk's tile, element `m` of this thread: neighbouring threads on neighbouring channels.
template <class Plan>
struct ScanElement {
  int index, step;
  bool inTile;
  std::int64_t c;

  SERP_FN ScanElement(std::int64_t firstChannel, int m) {
    index = static_cast<int>(threadX()) + m * kScanThreads;
    step = index / Plan::kChannels;
    inTile = index < Plan::kTile;
    c = firstChannel + index % Plan::kChannels;
  }
};

/// Rows [row, row + steps) of B or C into `to` [step][kAll], zeros behind the last state.
template <class T, class Plan>
SERP_FN void stageStates(const ScanShape& s, const float* from, std::int64_t stride, std::int64_t row, int steps,
                         float* to) {
  for (int j = static_cast<int>(threadX()); j < steps * Plan::kAll; j += kScanThreads) {
    const int step = j / Plan::kAll, n = j % Plan::kAll;
    to[j] = n < s.states ? load<T>(from, (row + step) * stride + n) : 0.0f;
  }
}

/// [B, chunks, N, D]: neighbouring channels lie together.
SERP_FN std::int64_t checkpointIndex(const ScanShape& s, std::int64_t chunks, std::int64_t b, std::int64_t chunk,
                                     std::int64_t n, std::int64_t c) {
  return ((b * chunks + chunk) * s.states + n) * s.channels + c;
}

}  // namespace serp::kernels::SERP_GPU
