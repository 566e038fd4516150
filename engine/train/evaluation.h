// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy and accuracy of a model over the held-out part of a corpus.
#pragma once

#include <cstdint>
#include <functional>

namespace serp {

class Corpus;
class LanguageModel;

/// Sums over the counted positions. Loss in nats per token.
struct Evaluation {
  double loss = 0, accuracy = 0;
  std::int64_t tokens = 0;   ///< positions counted
  std::int64_t bytes = 0;    ///< bytes of the text these tokens stand for
  bool complete = true;      ///< false: `goOn` ended it early
  double perplexity() const;
  double bitsPerByte() const;
};

/// The first `batches` validation batches (0: all), each position once; expert layers take every token. `goOn` is asked before every
/// batch. One thread; blocks.
Evaluation evaluate(LanguageModel& model, const Corpus& corpus, std::int64_t batches, const std::function<bool()>& goOn = {});

}  // namespace serp
