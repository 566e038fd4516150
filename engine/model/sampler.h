// SPDX-License-Identifier: GPL-3.0-or-later
// Drawing text from a model through its recurrent state.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/model/language_model.h"

namespace serp {

struct Sampling {
  std::int64_t tokens = 160;
  double temperature = 0.8;    ///< 0 = greedy
  std::int64_t topK = 0;       ///< 0 = off
  double topP = 1.0;           ///< 1 = off
  std::uint64_t seed = 0;
  bool record = false;         ///< by a recorded graph where that is possible (recorded_decoding.h)
};

/// Clamps senseless values (temperature < 0 or NaN, topP outside (0, 1], tokens > 1 000 000).
Sampling clamped(Sampling s);

/// The next id from one row of logits; a pure function of logits, settings and `draw` in [0, 1).
std::int32_t drawToken(std::span<const float> logits, const Sampling& settings, double draw);

/// Continues `prompt` (at least one id; give the tokenizer's first id for an empty one). `each(id)` sees every new id as it is
/// drawn and returns false to stop. Constant memory in the number of tokens for recurrent blocks. Blocks.
std::vector<std::int32_t> sample(LanguageModel& model, const std::vector<std::int32_t>& prompt, const Sampling& settings,
                                 const std::function<bool(std::int32_t)>& each = {});

}  // namespace serp
