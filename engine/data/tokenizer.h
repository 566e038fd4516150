// SPDX-License-Identifier: GPL-3.0-or-later
// What a tokenizer is: text to ids and back, byte-exact, with a fingerprint that a checkpoint can be compared with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

/// Immutable after construction; all members may be called from any thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// "bytes", "chars", "bpe", "gpt2", or "symbols" (the alphabet of a probe task).
  virtual std::string kind() const = 0;
  virtual std::int32_t vocabSize() const = 0;
  /// Ids of `text`, appended to `out`. Special tokens in the text are plain text unless `specials`.
  virtual void encode(std::string_view text, std::vector<std::int32_t>& out, bool specials = false) const = 0;
  /// The bytes of one id; empty for an id outside the vocabulary.
  virtual std::string_view piece(std::int32_t id) const = 0;
  /// SHA-256 over kind and vocabulary: equal exactly when ids mean the same bytes.
  virtual std::string fingerprint() const = 0;
  /// Writes what open() needs into `folder` (tokenizer.json). Nothing but the folder's own files is touched.
  virtual Result<Done> save(const std::filesystem::path& folder) const = 0;
  /// Id that separates documents, or -1 if the vocabulary has none.
  virtual std::int32_t endOfText() const { return -1; }
  /// For texts read in pieces: the largest known cut so that the text before it and whatever comes from it on can be encoded
  /// apart with the ids of the whole; 0 if there is none yet.
  virtual std::size_t safeCut(std::string_view text) const = 0;

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> ids;
    encode(text, ids);
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const std::int32_t id : ids) text += piece(id);
    return text;
  }
};

/// "bytes" | "chars" | "bpe:DIR" | "gpt2:DIR" | "saved:DIR" (what save() wrote, of any kind). "chars" needs `sample` to collect
/// its alphabet; characters outside it fall back to bytes, so encoding never fails. Faults name the file, line and what is
/// allowed (reliability.md faults 13-15). Relative DIRs are relative to the working folder. Blocks.
Result<std::shared_ptr<const Tokenizer>> openTokenizer(std::string_view spec, std::string_view sample = {});

/// Trains a byte-level BPE with GPT-2's pre-tokenizer. Ties: the lexicographically larger byte pair. Ids: specials first, then
/// the 256 bytes, then merges in order. `progress(done, total)` may return false to cancel. Blocks; linear memory in the number
/// of distinct words.
struct BpeTraining {
  std::int32_t vocabSize = 4096;
  std::vector<std::string> specials;
};
using Progress = bool (*)(void* context, std::int64_t done, std::int64_t total);
Result<std::shared_ptr<const Tokenizer>> trainBpe(std::string_view text, const BpeTraining& settings, Progress progress = nullptr,
                                                  void* context = nullptr);

}  // namespace serp
