// SPDX-License-Identifier: GPL-3.0-or-later
// Where tokens come from: generated language, probe tasks or the user's text, as one source of seeded batches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/data/tokenizer.h"

namespace serp {

/// The data section of a design, resolved. `source`: "babel", "selective_copy", "induction", "associative_recall", or paths of
/// files and folders (.txt, .md, any text; .jsonl, .jsonl.gz with `field`).
struct DataSettings {
  std::vector<std::string> source = {"babel"};
  std::string tokenizer = "bytes";
  std::int64_t context = 256;
  std::int64_t batch = 16;
  double validationFraction = 0.05;
  std::string field = "text";
  std::uint64_t seed = 1;
  std::filesystem::path cacheFolder;       ///< token caches of big texts; empty: $XDG_CACHE_HOME/serpentarium
  std::filesystem::path tokenizerFolder;   ///< where a tokenizer saved with a run lies ("saved:"), empty for a new run
  std::int64_t babelBytes = 4 << 20;       ///< size of the generated text
  std::int64_t taskSymbols = 16;           ///< alphabet of the probe tasks
  std::function<bool()> cancelled;         ///< asked while a big text is read; yes ends openCorpus() with ExitCode::Interrupted
};

/// Token ids of `rows` windows of `context` tokens, row-major, and the next token at each position (-1: not counted in loss).
struct Batch {
  std::int64_t rows = 0, context = 0;
  std::vector<std::int64_t> inputs;    // [rows, context]
  std::vector<std::int64_t> targets;   // [rows, context]
  std::vector<std::uint8_t> labels;    // [rows, context] index into labelNames(); empty if the source has no labels
};

/// Facts about a source that plots and plans show. Losses in nats per token.
struct CorpusFacts {
  std::string description;             ///< "babel, 5 tongues, seed 1, 4.0 MiB" or "tinyshakespeare.txt, 1.06 MiB"
  std::int64_t trainTokens = 0, validationTokens = 0;  ///< trainTokens 0: generated without end (probe tasks)
  std::int64_t textBytes = 0;
  double bytesPerToken = 1;
  double uniformLoss = 0;              ///< ln(number of distinct tokens that occur in the training part, or are possible answers)
  double unigramLoss = 0;              ///< entropy of the token frequencies of the training part (of 32 Mi tokens of it, if larger)
  std::optional<double> entropyRate;   ///< true entropy per token, if the source is generated and it is known
  std::optional<double> validationEntropy;  ///< exact −ln P of this very validation text per token; the floor of its loss
  std::vector<double> labelEntropy;    ///< true entropy per byte of each label's text alone, or empty
  std::vector<std::string> labelNames; ///< tongues, or empty
  std::vector<std::string> notices;    ///< "3 of 120 lines skipped: ...", to be logged
};

/// A stretch of held-out text with labels, for probes and samples.
struct ProbeText {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint8_t> labels;    ///< as Batch::labels
};

/// Thread-safe for concurrent reads after opening.
class Corpus {
 public:
  virtual ~Corpus() = default;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual std::shared_ptr<const Tokenizer> sharedTokenizer() const = 0;
  virtual const CorpusFacts& facts() const = 0;
  /// Training batch number `index` (from 0): a pure function of (seed, index), so the cursor of a checkpoint is one number.
  /// Windows of an epoch do not overlap and come in a seeded order with a seeded offset per epoch; nothing of the validation part
  /// appears. If a file under a mapping shrank or changed, throws serp::Error(BadData) instead of crashing.
  virtual void train(std::uint64_t index, Batch& out) const = 0;
  /// Number of validation batches, and the i-th one: consecutive non-overlapping windows, each position counted once
  /// (the last ones padded with target -1).
  virtual std::int64_t validationBatches() const = 0;
  virtual void validation(std::int64_t i, Batch& out) const = 0;
  /// About `tokens` held-out tokens; for babel with every tongue in it.
  virtual ProbeText probe(std::int64_t tokens) const = 0;
};

/// Opens a source; every fault at once. Text shorter than needed, empty, binary (NUL bytes) with a text tokenizer, bad UTF-8,
/// truncated gzip and so on give ExitCode::BadData with file, counts and what is needed. Memory: files are read in pieces where
/// they are needed, never whole; tokens of big texts go to a cache file, written once (the `bytes` tokenizer needs none).
Result<std::unique_ptr<Corpus>> openCorpus(const DataSettings& settings);

/// A whole text as consecutive windows for `serp eval --data`: same form as Corpus::validation over all of it.
Result<std::unique_ptr<Corpus>> openEvaluationText(const std::vector<std::string>& files, std::shared_ptr<const Tokenizer> tokenizer,
                                                   std::int64_t context, std::int64_t batch, const std::string& field);

}  // namespace serp
