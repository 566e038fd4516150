// SPDX-License-Identifier: GPL-3.0-or-later
// What the expert layers share: weights and their initialisation, token-choice routing with its losses and reports.
#pragma once

#include <functional>
#include <string>

#include "engine/model/block.h"
#include "engine/ops/activation.h"
#include "engine/ops/routing.h"

namespace serp {

/// router [E, d]; w1 and w3 [E, d, f] (w3 undefined = not gated); w2 [E, f, out].
struct ExpertWeights {
  at::Tensor router, w1, w3, w2;
  ops::Activation activation = ops::Activation::Relu;
};

/// Live weights of a router.
struct RouterSettings {
  double balance = 0.01, zLoss = 0, jitter = 0;
};

/// Reads experts, d_expert, activation, gated and init_scale of the node; registers "router.weight", "w1", "w3", "w2". Scale of w2:
/// fan_in = experts * d_expert, paper.md §1.3.
ExpertWeights makeExpertWeights(const BuildingSite& site,
                                const std::function<at::Tensor(std::string, at::Tensor, ParameterRole)>& add);

/// logits = x Wrᵀ (float32, plus jitter * N(0, 1) while training), decision, weighted losses into ctx, report to the observer.
/// rows [T, d]; capacity per expert = max(1, floor(capacityFactor * groupSize / E)), no limit for factor 0.
ops::Routed routeTokens(const std::string& path, const at::Tensor& rows, const at::Tensor& router, std::int64_t topK,
                        std::int64_t groupSize, double capacityFactor, const RouterSettings& settings, StepContext& ctx);

/// Reports an expert-choice decision in token-choice terms: `byExpert` [E, n] row indices taken by each expert. A token's first
/// choice is the taking expert with the highest logit; tokens nobody took count as dropped from their highest logit's expert.
void reportChoice(const std::string& path, const at::Tensor& logits, const at::Tensor& byExpert, std::int64_t experts,
                  RoutingObserver& observer);

}  // namespace serp
