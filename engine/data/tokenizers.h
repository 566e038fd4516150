// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizers behind the interface, as factories, and what their files have in common.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/tokenizer.h"

namespace serp {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

/// One id per byte, 0..255.
TokenizerPtr makeByteTokenizer();

/// Distinct UTF-8 characters of a sample in code point order; the most frequent ones if there are more than 32,768.
std::vector<std::string> collectCharacters(std::string_view sample);
/// Ids: the characters, then every byte that is not itself one of them, so that any text can be written.
TokenizerPtr makeCharTokenizer(std::vector<std::string> characters);

/// The alphabet of the probe tasks: `symbols` data symbols, then the marks of kTaskMarks. Text outside the alphabet becomes
/// filler: only texts of this alphabet come back unchanged.
inline constexpr std::string_view kTaskMarks = ".>!";  // filler, "now answer", the trigger of induction
TokenizerPtr makeSymbolTokenizer(std::int32_t symbols);

struct BpeMerge {
  std::int32_t left = 0, right = 0, id = 0;
};

/// What a byte-level BPE consists of. Every id below pieces.size() is a byte, the result of a merge or a special.
struct BpeModel {
  std::vector<std::string> pieces;                             // bytes of each id
  std::array<std::int32_t, 256> byteIds{};                     // id of each byte
  std::vector<BpeMerge> merges;                                // in order of rank; parts come before their results
  std::vector<std::pair<std::string, std::int32_t>> specials;  // matched in text only when asked for
};
/// `kind` is "bpe" or "gpt2".
TokenizerPtr makeBpeTokenizer(std::string kind, BpeModel model);

/// SHA-256 over the kind and the bytes of every id, each with its length before it.
std::string tokenizerFingerprint(const Tokenizer& tokenizer);

}  // namespace serp
