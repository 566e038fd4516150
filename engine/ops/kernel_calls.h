// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels as ops call them: workspaces are provided, a failure is an exception, and the run's key `kernels` decides whether the
// fast path runs, the plain one, or both, compared. Where a place is asked for, a card's kernels run for tensors on a card, always fast.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/ops/device_kernels.h"
#include "kernels/attention.h"

namespace serp::ops {

/// Check gives the fast results and throws serp::Error where they leave the plain ones by more than kKernelTolerance.
enum class KernelMode { Fast, Reference, Check };
/// "fast", "reference", "check".
KernelMode kernelModeByName(const std::string& name);
/// Set once per run, before the first step; a forward and its backward must see the same mode.
void setKernelMode(KernelMode mode);
KernelMode kernelMode();

/// Largest |fast - plain| allowed, relative to |plain| + max |plain| of the same output. Plain loops sum in double.
inline constexpr double kKernelTolerance = 1e-4;
/// Where the fast path rounds operands to bfloat16 (eight bits of mantissa) and the plain one does not.
inline constexpr double kNarrowTolerance = 5e-2;

/// The largest |got - want| / (|want| + max |want|); infinite where only one of both is NaN.
double worstDisagreement(std::span<const float> got, std::span<const float> want);
/// Throws serp::Error naming kernel, output and element if they disagree; remembers the worst that passed.
void compareKernels(const char* kernel, const char* output, std::span<const float> got, std::span<const float> want,
                    double tolerance = kKernelTolerance);

/// What check mode has found since the mode was last set: how many outputs were compared and which element was worst, in a sentence.
std::string checkSummary();
void forgetChecks();

namespace run {

/// Floats that `checkpoints` must hold: another layout on either side.
std::int64_t scanCheckpointCount(const Place&, const kernels::ScanShape&);
void scanForward(const Place&, const kernels::ScanShape&, const kernels::ScanInput&, const kernels::ScanOutput&);
/// The reference needs no checkpoints, the fast path those of scanForward.
void scanBackward(const Place&, const kernels::ScanShape&, const kernels::ScanInput&, const float* checkpoints, const kernels::ScanGradients&);
void scanStep(const Place&, const kernels::ScanShape&, const kernels::ScanInput&, float* state, float* y, std::int64_t yStride);

void convForward(const Place&, const kernels::ConvShape&, const kernels::ConvInput&, float* out, std::int64_t outStride);
void convBackward(const Place&, const kernels::ConvShape&, const kernels::ConvInput&, const kernels::ConvGradients&);
void convStep(const Place&, const kernels::ConvShape&, const kernels::ConvInput&, float* window, float* out, std::int64_t outStride);

void attentionForward(const kernels::AttentionShape&, const kernels::AttentionInput&, const kernels::AttentionOutput&);
void attentionBackward(const kernels::AttentionShape&, const kernels::AttentionInput&, const kernels::AttentionGradients&);

/// Rows without gaps.
void normForward(const Place&, const kernels::NormShape&, const float* x, const float* weight, const float* bias, float* y, float* stats);
void normBackward(const Place&, const kernels::NormShape&, const float* x, const float* weight, const float* stats, const float* dy,
                  const float* dxAdd, float* dx, float* dWeight, float* dBias);

/// On the CPU. False if a target lies outside the vocabulary.
bool crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                  const kernels::CrossEntropyOutput&);

/// On the CPU: counts and offsets go to the host.
void route(const kernels::RouteShape&, const float* logits, const kernels::RouteOutput&);
void routeBackward(const Place&, std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                   const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp, float zScale, float* dLogits);
/// On the CPU.
void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                 std::int64_t topK, float* y);
void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                         const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                         std::int64_t slots, const float* dy, float* dRows, float* dWeight);

void adamw(const Place&, std::int64_t count, float* param, float* grad, float* m, float* v, const kernels::AdamWSettings&);

}  // namespace run
}  // namespace serp::ops
