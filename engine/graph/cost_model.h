// SPDX-License-Identifier: GPL-3.0-or-later
// Costs that several blocks share. Conventions: contract.md §2.
#pragma once

#include <cstdint>
#include <string>

#include "engine/api/plan.h"

namespace serp {

/// x [.., in] times a matrix [out, in], with or without a bias: 2·in·out FLOPs per token; its input is kept for the backward pass.
Cost linearCost(std::int64_t in, std::int64_t out, bool bias);

/// A router [experts, in] and `experts` feed-forwards in -> hidden -> out without biases, `topK` of which a token visits.
Cost expertCost(std::int64_t in, std::int64_t out, std::int64_t experts, std::int64_t topK, std::int64_t hidden, bool gated);

/// Tokens a query of causal attention sees on average over a context of `context`, when it sees at most `window`: the half of it, as
/// contract.md §2 counts, without a window.
double averageSeen(std::int64_t context, std::int64_t window);

/// Scale and shift of a norm over `width` ("layer_norm"), scale ("rms_norm"), or nothing ("none").
Cost normCost(const std::string& norm, std::int64_t width);

}  // namespace serp
