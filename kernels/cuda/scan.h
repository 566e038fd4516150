// SPDX-License-Identifier: GPL-3.0-or-later
// How the scan kernels divide the work. A block is one sequence and a tile of channels; kLanes neighbouring threads
// share a channel, each with kStates of its states in registers; time is a loop over chunks. What a chunk needs of
// every channel, and its B and C, is read once per block, in whole rows, into shared memory.
#pragma once

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {

inline constexpr int kScanThreads = 128;
inline constexpr int kScanWarps = kScanThreads / kWarp;

/// Steps between two checkpoints.
inline constexpr int kScanChunkSteps = 16;

/// A division of the states; few states, few registers; many, fewer instructions for each. An exact plan is full and
/// asks of no state whether it exists.
template <int kStatesOf, int kLanesOf, bool kExactOf>
struct ScanPlan {
  static constexpr int kStates = kStatesOf, kLanes = kLanesOf;
  static constexpr bool kExact = kExactOf;
  static constexpr int kChannels = kScanThreads / kLanes;  // of a block
  static constexpr int kAll = kStates * kLanes;            // states with padding
  static constexpr int kChunk = kScanChunkSteps;
  static constexpr int kPart = 64 / kStates;                              // steps whose states the backward holds
  static constexpr int kTile = kChunk * kChannels;                        // elements of a chunk
  static constexpr int kPer = (kTile + kScanThreads - 1) / kScanThreads;  // of which a thread stages these many
  static constexpr bool kAhead = kPer <= 4;  // few enough to be fetched while the chunk before is at work
  static constexpr int kForwardBlocks = kStates == 4 ? 5 : 4;  // on a multiprocessor at least: bounds the registers
};

/// Calls f(ScanPlan) with the plan for the shape. Where channels alone fill a card, 16 states take two lanes of eight,
/// which saves instructions; else four of four, which makes twice the warps.
template <class F>
auto withScanPlan(const ScanShape& s, F f) {
  switch (s.states) {
    case 4:
      return f(ScanPlan<4, 1, true>());
    case 8:
      return f(ScanPlan<4, 2, true>());
    case 16:
      return s.batch * s.channels < 24576 ? f(ScanPlan<4, 4, true>()) : f(ScanPlan<8, 2, true>());
    case 32:
      return f(ScanPlan<4, 8, true>());
    case 64:
      return f(ScanPlan<8, 8, true>());
    case 128:
      return f(ScanPlan<8, 16, true>());
    case 256:
      return f(ScanPlan<8, 32, true>());
    default:
      break;
  }
  if (s.states < 4) return f(ScanPlan<4, 1, false>());
  if (s.states < 16) return f(ScanPlan<4, 4, false>());
  if (s.states < 64) return f(ScanPlan<4, 16, false>());
  return f(ScanPlan<8, 32, false>());
}
inline std::int64_t chunksOf(const ScanShape& s) {
  return ceilDiv(s.length, kScanChunkSteps);
}
inline std::int64_t tilesOf(const ScanShape& s) {
  return withScanPlan(s, [&](auto plan) { return ceilDiv(s.channels, plan.kChannels); });
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
  constexpr int kElements = Plan::kChunk * Plan::kAll;
  SERP_UNROLL_BY_4
  for (int m = 0; m < (kElements + kScanThreads - 1) / kScanThreads; ++m) {
    const int j = static_cast<int>(threadX()) + m * kScanThreads, step = j / Plan::kAll, n = j % Plan::kAll;
    if (step < steps) to[j] = Plan::kExact || n < s.states ? load<T>(from, (row + step) * stride + n) : 0.0f;
  }
}

/// [B, chunks, N, D]: neighbouring channels lie together.
SERP_FN std::int64_t checkpointIndex(const ScanShape& s, std::int64_t chunks, std::int64_t b, std::int64_t chunk,
                                     std::int64_t n, std::int64_t c) {
  return ((b * chunks + chunk) * s.states + n) * s.channels + c;
}

}  // namespace serp::kernels::SERP_GPU
