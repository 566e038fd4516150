// SPDX-License-Identifier: GPL-3.0-or-later
// Plain loops that no test of the engine needs by name, but that SERP_KERNELS=reference must run: see house law 3.
// Arguments are already checked.
#pragma once

#include <cstring>

#include "kernels/checks.h"
#include "kernels/norm.h"
#include "kernels/routing.h"

namespace serp::kernels::reference {

/// reference::normBackward with the residual's gradient added; dxAdd may be null or dx itself.
void normBackwardAdding(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                        const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                        float* dWeight, float* dBias) noexcept;
double sumOfSquares(std::int64_t count, const float* x) noexcept;
/// The nearest number with a bfloat16's eight bits of mantissa; ties to even, NaN stays NaN.
float toBfloat16(float x) noexcept;
void routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                   const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                   float zScale, float* dLogits) noexcept;
void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                 std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride) noexcept;
void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* choiceOfSlot, const float* weight,
                         std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows,
                         float* dWeight) noexcept;

}  // namespace serp::kernels::reference

namespace serp::kernels::detail {

/// The k experts of highest probability for tokens [begin, end), and their gates. Compares logits: the order of the
/// probabilities is theirs, and it does not depend on how an exponential is rounded.
void chooseExperts(const RouteShape&, const float* logits, std::int64_t logitStride, const RouteOutput&,
                   std::int64_t begin, std::int64_t end) noexcept;
/// First-come positions and slots from RouteOutput::expert; `used` [E] is scratch.
void assignSlots(const RouteShape&, const RouteOutput&, std::int64_t* used) noexcept;

}  // namespace serp::kernels::detail
