// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU kernels as ops call them: workspaces are provided on the card, a failure is an exception. What the functions of
// kernel_calls.h turn to where tensors lie on a card; arguments as there.
#pragma once

#include "engine/ops/device_kernels.h"

namespace serp::ops::gpu {

void scanForward(const kernels::ScanShape&, const kernels::ScanInput&, const kernels::ScanOutput&);
void scanBackward(const Place&, const kernels::ScanShape&, const kernels::ScanInput&, const float* checkpoints, const kernels::ScanGradients&);
void scanStep(const kernels::ScanShape&, const kernels::ScanInput&, float* state, float* y, std::int64_t yStride);

void convForward(const kernels::ConvShape&, const kernels::ConvInput&, float* out, std::int64_t outStride);
void convBackward(const Place&, const kernels::ConvShape&, const kernels::ConvInput&, const kernels::ConvGradients&);
void convStep(const kernels::ConvShape&, const kernels::ConvInput&, float* window, float* out, std::int64_t outStride);

void normForward(const kernels::NormShape&, const float* x, const float* weight, const float* bias, float* y, float* stats);
/// sum = x + residual and its norm in one pass.
void normResidualForward(const kernels::NormShape&, const float* x, const float* residual, float* sum, const float* weight,
                         const float* bias, float* y, float* stats);
void normBackward(const Place&, const kernels::NormShape&, const float* x, const float* weight, const float* stats, const float* dy,
                  const float* dxAdd, float* dx, float* dWeight, float* dBias);

/// Targets are on the card and in the vocabulary: the caller has looked while they were on the host.
void crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                  const kernels::CrossEntropyOutput&);

/// `offsets` and `assigned` are on the card too.
void route(const kernels::RouteShape&, const float* logits, const kernels::RouteOutput&);
void routeMeanProbability(const Place&, std::int64_t tokens, std::int64_t experts, const float* probabilities, float* mean);
void routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities, const std::int32_t* expert,
                   const float* dGate, const float* columnGrad, const float* logSumExp, float zScale, float* dLogits);
/// A token -1 gives a row of zeros.
void gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot, std::int64_t slots, float* rows);
void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                 std::int64_t topK, float* y);
/// A choice -1 gives a row of zeros.
void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                         const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                         std::int64_t slots, const float* dy, float* dRows, float* dWeight);

/// Places for `capacity` slots per expert, kernels/cuda.h.
void capacityPlaces(std::int64_t tokens, std::int64_t experts, std::int64_t topK, std::int64_t capacity, const kernels::RouteOutput& routed,
                    std::int32_t* placeOfChoice, std::int32_t* tokenOfPlace, std::int32_t* choiceOfPlace);

void adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const kernels::AdamWSettings&);
/// *total, a double on the card, becomes the sum of squares of x.
void sumOfSquares(const Place&, std::int64_t count, const float* x, double* total);

}  // namespace serp::ops::gpu
