// SPDX-License-Identifier: GPL-3.0-or-later
// A corpus over one row of tokens, cut into windows: seeded order for training, front to back for validation.
#pragma once

#include <functional>

#include "engine/data/corpus.h"
#include "engine/data/token_cache.h"

namespace serp {

/// A run of tokens with one label; it ends where the next one begins.
struct LabelRun {
  std::uint64_t begin = 0;
  std::uint8_t label = 0;
};

struct WindowParts {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<TokenStore> tokens;
  std::vector<TokenSpan> train, validation;  // disjoint
  std::vector<LabelRun> labels;              // over all tokens, or empty
  std::int64_t context = 0, batch = 0;
  std::uint64_t seed = 0;
  CorpusFacts facts;
  std::function<ProbeText(std::int64_t)> probe;  // empty: the beginning of the validation part
};

/// Completes facts by counts, uniform and unigram loss. Throws Error(BadData) if the text is nothing but white space.
std::unique_ptr<Corpus> makeWindowCorpus(WindowParts parts);

}  // namespace serp
