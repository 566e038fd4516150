// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer.json: {"format": "serpentarium-tokenizer", "version": 1, "kind": …, "fingerprint": …, and what the kind needs}.
#include "engine/data/tokenizer_file.h"

#include <algorithm>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/base/hash.h"
#include "engine/data/utf8.h"

namespace serp {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "serpentarium-tokenizer";
constexpr int kVersion = 1;
constexpr std::uint64_t kMaxFile = 256u << 20;
constexpr std::int64_t kMaxVocabulary = 1 << 24;

[[noreturn]] void refuse(const std::string& why) { throw Error(ExitCode::BadData, why); }

const json& member(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) refuse(std::string("the key \"") + key + "\" is missing");
  return *found;
}

std::int64_t whole(const json& value, std::int64_t least, std::int64_t most, const std::string& what) {
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                                               : value.is_number_integer() && value.get<std::int64_t>() <= most;
  if (!fits || value.get<std::int64_t>() < least)
    refuse(what + " is " + value.dump().substr(0, 40) + ", allowed are whole numbers " + std::to_string(least) + ".." + std::to_string(most));
  return value.get<std::int64_t>();
}

std::string text(const json& value, const std::string& what) {
  if (!value.is_string()) refuse(what + " must be a text");
  return value.get<std::string>();
}

const json& list(const json& value, const std::string& what) {
  if (!value.is_array()) refuse(what + " must be a list");
  return value;
}

TokenizerPtr readChars(const json& root) {
  std::vector<std::string> characters;
  for (const json& entry : list(member(root, "characters"), "characters")) {
    characters.push_back(text(entry, "an entry of characters"));
    if (characters.back().empty() || utf8At(characters.back(), 0).length != characters.back().size())
      refuse("entry " + std::to_string(characters.size() - 1) + " of characters is not one character");
  }
  std::vector<std::string> sorted = characters;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) refuse("a character occurs twice");
  return makeCharTokenizer(std::move(characters));
}

TokenizerPtr readBpe(const json& root, const std::string& kind) {
  BpeModel model;
  const std::int64_t size = whole(member(root, "size"), 256, kMaxVocabulary, "size");
  const json& bytes = list(member(root, "bytes"), "bytes");
  const json& merges = list(member(root, "merges"), "merges");
  const json& specials = list(member(root, "specials"), "specials");
  if (bytes.size() != 256) refuse("bytes has " + std::to_string(bytes.size()) + " ids, 256 are needed");
  if (bytes.size() + merges.size() + specials.size() != static_cast<std::size_t>(size))
    refuse("size is " + std::to_string(size) + ", but bytes, merges and specials give " +
           std::to_string(bytes.size() + merges.size() + specials.size()) + " ids");
  model.pieces.resize(static_cast<std::size_t>(size));
  std::vector<char> mergeable(model.pieces.size(), 0);
  const auto define = [&](const json& value, std::string piece, bool canMerge, const std::string& what) {
    const std::int64_t id = whole(value, 0, size - 1, what);
    if (!model.pieces[static_cast<std::size_t>(id)].empty()) refuse(what + ": id " + std::to_string(id) + " is given twice");
    if (piece.empty()) refuse(what + " is empty");
    model.pieces[static_cast<std::size_t>(id)] = std::move(piece);
    mergeable[static_cast<std::size_t>(id)] = canMerge;
    return static_cast<std::int32_t>(id);
  };
  for (std::size_t b = 0; b < 256; ++b)
    model.byteIds[b] = define(bytes[b], std::string(1, static_cast<char>(b)), true, "id of byte " + std::to_string(b));
  for (const json& special : specials) {
    const std::string name = text(member(special, "text"), "the text of a special");
    model.specials.emplace_back(name, define(member(special, "id"), name, false, "special " + name.substr(0, 60)));
  }
  std::uint64_t total = 0;
  for (const json& merge : merges) {
    const std::string what = "merge " + std::to_string(model.merges.size());
    if (!merge.is_array() || merge.size() != 3) refuse(what + " is not [left, right, id]");
    const auto part = [&](const json& value) {
      const auto id = static_cast<std::size_t>(whole(value, 0, size - 1, what));
      if (!mergeable[id]) refuse(what + " uses id " + std::to_string(id) + ", which is neither a byte nor made before");
      return id;
    };
    const std::size_t left = part(merge[0]), right = part(merge[1]);
    total += model.pieces[left].size() + model.pieces[right].size();
    if (total > kMaxFile) refuse(what + ": the pieces are longer than " + std::to_string(kMaxFile) + " bytes in all");
    const std::int32_t id = define(merge[2], model.pieces[left] + model.pieces[right], true, what);
    model.merges.push_back({static_cast<std::int32_t>(left), static_cast<std::int32_t>(right), id});
  }
  return makeBpeTokenizer(kind, std::move(model));
}

TokenizerPtr readBody(const json& root) {
  if (!root.is_object() || !root.contains("format") || root["format"] != kFormat)
    refuse("this tokenizer.json was written by another program; for GPT-2-like files put vocab.json and merges.txt beside it");
  if (const std::int64_t version = whole(member(root, "version"), 1, 1000000, "version"); version != kVersion)
    refuse("version " + std::to_string(version) + " of the format, this program reads version " + std::to_string(kVersion));
  const std::string kind = text(member(root, "kind"), "kind");
  TokenizerPtr tokenizer;
  if (kind == "bytes") tokenizer = makeByteTokenizer();
  else if (kind == "chars") tokenizer = readChars(root);
  else if (kind == "symbols") tokenizer = makeSymbolTokenizer(static_cast<std::int32_t>(whole(member(root, "symbols"), 1, 4096, "symbols")));
  else if (kind == "bpe" || kind == "gpt2") tokenizer = readBpe(root, kind);
  else refuse("kind is \"" + kind.substr(0, 40) + "\", known are bytes, chars, bpe, gpt2 and symbols");
  const std::string written = text(member(root, "fingerprint"), "fingerprint");
  if (written != tokenizer->fingerprint())
    refuse("the content has the fingerprint " + tokenizer->fingerprint() + ", the file says " + written.substr(0, 64) + ": it is damaged");
  return tokenizer;
}

Diagnostics parseFault(const std::string& text, const json::exception& problem, const std::filesystem::path& file) {
  Diagnostics d = fault(ExitCode::BadData, "not valid JSON; the file is cut or damaged", file.string());
  if (const auto* parse = dynamic_cast<const json::parse_error*>(&problem)) {
    const std::size_t at = std::min(parse->byte, text.size());
    const std::size_t start = text.rfind('\n', at > 0 ? at - 1 : 0);
    d.items[0].line = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
    d.items[0].column = static_cast<int>(at - (start == std::string::npos || start >= at ? 0 : start + 1)) + 1;
  }
  return d;
}

}  // namespace

std::string tokenizerFingerprint(const Tokenizer& tokenizer) {
  Sha256 hash;
  const auto add = [&](std::string_view bytes) {
    const std::string length = std::to_string(bytes.size()) + ":";
    hash.update(length.data(), length.size());
    hash.update(bytes.data(), bytes.size());
  };
  add(tokenizer.kind());
  for (std::int32_t id = 0; id < tokenizer.vocabSize(); ++id) add(tokenizer.piece(id));
  return hash.finish();
}

Result<Done> writeTokenizerFile(const std::filesystem::path& folder, const Tokenizer& tokenizer, nlohmann::ordered_json body) {
  nlohmann::ordered_json root;
  root["format"] = kFormat;
  root["version"] = kVersion;
  root["kind"] = tokenizer.kind();
  root["fingerprint"] = tokenizer.fingerprint();
  for (auto& [key, value] : body.items()) root[key] = std::move(value);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fault(ExitCode::CannotWrite, "cannot make this folder: " + error.message(), folder.string());
  return writeFileAtomically(folder / "tokenizer.json", root.dump() + "\n");
}

bool isTokenizerFile(const std::filesystem::path& file) {
  const auto content = readFileCapped(file, kMaxFile, ExitCode::BadData);
  return content && content->substr(0, 200).find(kFormat) != std::string::npos;
}

Result<TokenizerPtr> readTokenizerFile(const std::filesystem::path& file) {
  const auto content = readFileCapped(file, kMaxFile, ExitCode::BadData);
  if (!content) return content.faults();
  try {
    return readBody(json::parse(*content));
  } catch (const json::exception& problem) {
    return parseFault(*content, problem, file);
  } catch (const Error& problem) {
    return fault(ExitCode::BadData, problem.what(), file.string());
  }
}

}  // namespace serp
