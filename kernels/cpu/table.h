// SPDX-License-Identifier: GPL-3.0-or-later
// The functions that exist once per instruction set. Arguments are already checked when they are called.
#pragma once

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/causal_conv1d.h"
#include "kernels/checks.h"
#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

namespace serp::kernels {

/// Time steps between two stored states; the backward holds this many states of one channel block in the first-level
/// cache.
inline constexpr std::int64_t kScanChunk = 16;
/// Checkpoints keep channels in groups of the widest vector.
inline constexpr std::int64_t kScanGroup = 16;

/// The matrix product packs B in blocks of this many rows and columns, and copies at most 16 rows of A beside them.
inline constexpr std::int64_t kMatmulDepth = 256, kMatmulColumns = 512;
/// Floats that one piece of it needs.
inline constexpr std::int64_t kMatmulPiece = kMatmulDepth * kMatmulColumns + 16 * (kMatmulDepth + 16);

inline std::int64_t scanChunks(std::int64_t length) {
  return (length + kScanChunk - 1) / kScanChunk;
}

/// The public signatures, less what the entry points have already dealt with.
struct KernelSignatures {
  using ScanForward = void(const ScanShape&, const ScanInput&, const ScanOutput&, const ParallelFor&);
  using ScanBackward = void(const ScanShape&, const ScanInput&, const float* checkpoints, const ScanGradients&,
                            float* workspace, const ParallelFor&);
  using ScanStep = void(const ScanShape&, const ScanInput&, float* state, float* y, std::int64_t yStride,
                        const ParallelFor&);
  using ConvForward = void(const ConvShape&, const ConvInput&, float* out, std::int64_t outStride, const ParallelFor&);
  using ConvBackward = void(const ConvShape&, const ConvInput&, const ConvGradients&, float* workspace,
                            const ParallelFor&);
  using SoftmaxRows = void(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* p,
                           float* logSumExp, const ParallelFor&);
  using RouteBackward = void(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                             const std::int32_t* expert, const float* dGate, const float* columnGrad,
                             const float* logSumExp, float zScale, float* dLogits, const ParallelFor&);
  using CombineRows = void(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                           std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, const ParallelFor&);
  using CombineRowsBackward = void(const float* rows, std::int64_t width, const std::int32_t* choiceOfSlot,
                                   const float* weight, std::int64_t topK, std::int64_t slots, const float* dy,
                                   std::int64_t dyStride, float* dRows, float* dWeight, const ParallelFor&);
  using NormForward = void(const NormShape&, const float* x, std::int64_t xStride, const float* weight,
                           const float* bias, float* y, std::int64_t yStride, float* stats, const ParallelFor&);
  using NormBackward = void(const NormShape&, const float* x, std::int64_t xStride, const float* weight,
                            const float* stats, const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx,
                            std::int64_t dxStride, float* dWeight, float* dBias, float* workspace, const ParallelFor&);
  using CrossEntropy = bool(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                            const std::int64_t* target, const CrossEntropyOutput&,
                            const ParallelFor&);  // false: a target was out of range
  using AdamW = void(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings&,
                     bool zeroGrad, const ParallelFor&);
  using Matmul = void(const MatmulShape&, const MatrixView& a, const MatrixView& b, float* c, std::int64_t cStride,
                      const MatmulOptions&, float* workspace, const ParallelFor&);
  using AttentionForward = void(const AttentionShape&, const AttentionInput&, const AttentionOutput&, float* workspace,
                                const ParallelFor&);
  using AttentionBackward = void(const AttentionShape&, const AttentionInput&, const AttentionGradients&, float* workspace,
                                 const ParallelFor&);
  using RoofChain = std::int64_t(bool exponential, std::int64_t rounds, float* out);  // operations done; out[4] is read and written
  using RoofNarrowChain = std::int64_t(std::int64_t rounds, float* out);
  using SumOfSquares = double(std::int64_t count, const float* x, const ParallelFor&);
};

struct Table {
  KernelSignatures::ScanForward* scanForward;
  KernelSignatures::ScanBackward* scanBackward;
  KernelSignatures::ScanStep* scanStep;
  KernelSignatures::ConvForward* convForward;
  KernelSignatures::ConvBackward* convBackward;
  KernelSignatures::SoftmaxRows* softmaxRows;
  KernelSignatures::RouteBackward* routeBackward;
  KernelSignatures::CombineRows* combineRows;
  KernelSignatures::CombineRowsBackward* combineRowsBackward;
  KernelSignatures::NormForward* normForward;
  KernelSignatures::NormBackward* normBackward;
  KernelSignatures::CrossEntropy* crossEntropy;
  KernelSignatures::AdamW* adamw;
  KernelSignatures::SumOfSquares* sumOfSquares;
  KernelSignatures::Matmul* matmul;
  KernelSignatures::AttentionForward* attentionForward;
  KernelSignatures::AttentionBackward* attentionBackward;
  KernelSignatures::RoofChain* roofChain;
};

/// The kernels made of products, with bfloat16 operands.
struct NarrowTable {
  KernelSignatures::Matmul* matmul;
  KernelSignatures::AttentionForward* attentionForward;
  KernelSignatures::AttentionBackward* attentionBackward;
  KernelSignatures::RoofNarrowChain* roofChain;
};

namespace portable {
const Table& table();
const NarrowTable& narrowTable();
}
namespace avx2 {
const Table& table();
const NarrowTable& narrowTable();
}
namespace avx512 {
const Table& table();
const NarrowTable& narrowTable();
}
namespace avx512bf16 {  // AVX-512 and products of bfloat16: these kernels only
const NarrowTable& narrowTable();
}

/// The table of the set in use. useReference(): SERP_KERNELS=reference asks for the plain loops instead.
const Table& activeTable() noexcept;
const NarrowTable& activeNarrowTable() noexcept;
bool useReference() noexcept;

/// How many pieces one sequence's channels are cut into so that every thread has work; decides the order of the sums.
inline std::int64_t scanSplits(std::int64_t batch, std::int64_t channels, int threads) {
  if (threads <= 1 || batch <= 0 || batch % threads == 0 || batch >= 4 * threads) return 1;
  const std::int64_t blocks = (channels + 15) / 16;
  return blocks < threads ? (blocks < 1 ? 1 : blocks) : threads;
}

}  // namespace serp::kernels
