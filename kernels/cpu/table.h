// SPDX-License-Identifier: GPL-3.0-or-later
// The functions that exist once per instruction set. Arguments are already checked when they are called.
#pragma once

#include "kernels/adamw.h"
#include "kernels/causal_conv1d.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

namespace serp::kernels {

/// Time steps between two stored states; the backward holds this many states of one channel block in the first-level cache.
inline constexpr std::int64_t kScanChunk = 16;
/// Checkpoints keep channels in groups of the widest vector.
inline constexpr std::int64_t kScanGroup = 16;
inline constexpr std::int64_t kMaxStates = 256;
inline constexpr std::int64_t kMaxTaps = 16;

inline std::int64_t scanChunks(std::int64_t length) { return (length + kScanChunk - 1) / kScanChunk; }

struct Table {
  void (*scanForward)(const ScanShape&, const ScanInput&, const ScanOutput&, const ParallelFor&);
  void (*scanBackward)(const ScanShape&, const ScanInput&, const float*, const ScanGradients&, float*, const ParallelFor&);
  void (*scanStep)(const ScanShape&, const ScanInput&, float*, float*, std::int64_t, const ParallelFor&);
  void (*convForward)(const ConvShape&, const ConvInput&, float*, std::int64_t, const ParallelFor&);
  void (*convBackward)(const ConvShape&, const ConvInput&, const ConvGradients&, float*, const ParallelFor&);
  void (*softmaxRows)(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* p, float* logSumExp,
                      const ParallelFor&);
  void (*normForward)(const NormShape&, const float*, std::int64_t, const float*, const float*, float*, std::int64_t, float*,
                      const ParallelFor&);
  void (*normBackward)(const NormShape&, const float*, std::int64_t, const float*, const float*, const float*, std::int64_t,
                       const float*, float*, std::int64_t, float*, float*, float*, const ParallelFor&);
  bool (*crossEntropy)(std::int64_t, std::int64_t, const float*, std::int64_t, const std::int64_t*, const CrossEntropyOutput&,
                       const ParallelFor&);
  void (*adamw)(std::int64_t, float*, float*, float*, float*, const AdamWSettings&, bool, const ParallelFor&);
  double (*sumOfSquares)(std::int64_t, const float*, const ParallelFor&);
};

namespace portable { const Table& table(); }
namespace avx2 { const Table& table(); }
namespace avx512 { const Table& table(); }

/// The table of the set in use; `reference` is true when SERP_KERNELS=reference asks for the plain loops.
const Table& activeTable() noexcept;
bool useReference() noexcept;

/// How many pieces one sequence's channels are cut into so that every thread has work; decides the order of the sums.
inline std::int64_t scanSplits(std::int64_t batch, std::int64_t channels, int threads) {
  if (threads <= 1 || batch <= 0 || batch % threads == 0 || batch >= 4 * threads) return 1;
  const std::int64_t blocks = (channels + 15) / 16;
  return blocks < threads ? (blocks < 1 ? 1 : blocks) : threads;
}

}  // namespace serp::kernels
