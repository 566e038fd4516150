// SPDX-License-Identifier: GPL-3.0-or-later
// Token-choice routing: softmax, top-k, first-come positions under a capacity, balance and z-loss partials; permutation of rows.
//
// Definition (Switch, Fedus et al. 2021; MoE-Mamba §3): logits [T, E] float32, P = softmax(logits), the k experts of highest P
// (ties: lower index), at most `capacity` tokens per expert and group, first come by token index (a token's k choices in
// descending order of P). The choice compares logits, whose order is that of P and does not depend on rounding; at most 4096 experts.
// Slots: kept (token, choice) pairs sorted by expert, then by arrival. All outputs are of static size: T*k slots at most,
// `offsets` [E+1] says where each expert's slots begin.
// Determinism: exact and independent of the thread count. Checked by tests/kernels/tst_routing.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct RouteShape {
  std::int64_t tokens = 0, experts = 0, topK = 1;
  std::int64_t groupSize = 0;  ///< tokens per capacity group (the batch: tokens; a sequence: its length); divides tokens
  std::int64_t capacity = 0;   ///< slots per expert and group; 0 = no limit
};

struct RouteOutput {
  float* probabilities = nullptr;      // [T, E]
  std::int32_t* expert = nullptr;      // [T, k] choice, before the capacity
  float* gate = nullptr;               // [T, k] probability of the choice (before any renormalisation)
  std::int32_t* slotOfChoice = nullptr;  // [T, k] slot index, or -1 if dropped
  std::int32_t* tokenOfSlot = nullptr;   // [T*k]; entries past offsets[E] are -1
  std::int32_t* choiceOfSlot = nullptr;  // [T*k] flat index t*k + j
  std::int64_t* offsets = nullptr;     // [E+1]
  std::int64_t* assigned = nullptr;    // [E] before the capacity, over all choices
  float* logSumExp = nullptr;          // [T]
};

/// Softmax, choice, positions. `workspace` of routeWorkspace() bytes. Blocks.
std::int64_t routeWorkspace(const RouteShape&, int threads) noexcept;  ///< bytes
Status route(const RouteShape&, const float* logits, std::int64_t logitStride, const RouteOutput&, void* workspace,
             const ParallelFor&) noexcept;

/// Column means of P in a fixed order: meanProbability[e] = mean_t P[t,e]. [E]
Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities, float* meanProbability,
                            const ParallelFor&) noexcept;

/// dlogits[t,j] = P[t,j] (g[t,j] - sum_i P[t,i] g[t,i]) + zScale * 2 logSumExp[t] P[t,j], where
/// g[t,j] = columnGrad[j] + (dGate of the choice that picked j, if any). dGate [T, k]; columnGrad [E] or null. Overwrites.
Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                     const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                     float zScale, float* dLogits, const ParallelFor&) noexcept;

/// rows[s] = x[tokenOfSlot[s]] for s < slots. [slots, width]
Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot, std::int64_t slots,
                  float* rows, const ParallelFor&) noexcept;
/// y[t] = sum_j weight[t,j] rows[slotOfChoice[t,j]] (dropped choices add nothing); weight null = 1. Overwrites y [T, width].
Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, const ParallelFor&) noexcept;
/// Backward of combineRows: dRows[s] = weight * dy[token], dWeight[t,j] = <dy[t], rows[slot]> (0 if dropped). Either may be null.
Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                           const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                           std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows, float* dWeight,
                           const ParallelFor&) noexcept;

namespace reference {
Status route(const RouteShape&, const float* logits, std::int64_t logitStride, const RouteOutput&) noexcept;
}

}  // namespace serp::kernels
