// SPDX-License-Identifier: GPL-3.0-or-later
// From the word in a design to a tokenizer.
#include "engine/data/tokenizer.h"

#include "engine/base/text.h"
#include "engine/data/gpt2_files.h"
#include "engine/data/tokenizer_file.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSpecs = "bytes, chars, bpe:DIR, gpt2:DIR or saved:DIR";

bool present(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// The two vocabulary files of a folder under either pair of names.
Result<TokenizerPtr> openPair(const fs::path& folder, const std::string& kind) {
  const fs::path json = present(folder / "encoder.json") ? folder / "encoder.json" : folder / "vocab.json";
  const fs::path merges = present(folder / "vocab.bpe") ? folder / "vocab.bpe" : folder / "merges.txt";
  Diagnostics missing;
  missing.exit = ExitCode::BadData;
  if (!present(json)) missing.append(fault(ExitCode::BadData, "holds neither encoder.json nor vocab.json", folder.string()));
  if (!present(merges)) missing.append(fault(ExitCode::BadData, "holds neither vocab.bpe nor merges.txt", folder.string()));
  if (missing.hasErrors()) return missing;
  Result<BpeModel> model = readGpt2Files(json, merges);
  if (!model) return model.faults();
  return makeBpeTokenizer(kind, std::move(*model));
}

Result<TokenizerPtr> openFolder(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fault(ExitCode::BadData, "no such folder; " + prefix + ":DIR needs the folder of the tokenizer's files", folder.string());
  const fs::path own = folder / "tokenizer.json";
  const bool pair = present(folder / "vocab.json") || present(folder / "encoder.json");
  if (prefix == "saved" || (prefix == "bpe" && present(own) && (isTokenizerFile(own) || !pair))) {
    if (!present(own)) return fault(ExitCode::BadData, "holds no tokenizer.json", folder.string());
    Result<TokenizerPtr> tokenizer = readTokenizerFile(own);
    if (tokenizer && prefix == "bpe" && (*tokenizer)->kind() != "bpe" && (*tokenizer)->kind() != "gpt2")
      return fault(ExitCode::BadData, "this is a tokenizer of the kind " + (*tokenizer)->kind() + ", bpe:DIR needs one of the kind bpe", own.string());
    return tokenizer;
  }
  if (prefix == "bpe" && !pair)
    return fault(ExitCode::BadData, "holds neither tokenizer.json nor vocab.json with merges.txt", folder.string());
  return openPair(folder, prefix);
}

}  // namespace

Result<TokenizerPtr> openTokenizer(std::string_view spec, std::string_view sample) {
  if (spec == "bytes") return makeByteTokenizer();
  if (spec == "chars") {
    std::vector<std::string> characters = collectCharacters(sample);
    if (characters.empty()) return fault(ExitCode::BadData, "chars needs a text to take its characters from, and this one holds none");
    return makeCharTokenizer(std::move(characters));
  }
  const std::size_t colon = spec.find(':');
  const std::string prefix(spec.substr(0, colon));
  const bool folder = prefix == "bpe" || prefix == "gpt2" || prefix == "saved";
  if (folder && colon != std::string_view::npos && colon + 1 < spec.size()) return openFolder(fs::path(spec.substr(colon + 1)), prefix);
  if (folder) return fault(ExitCode::BadConfiguration, "tokenizer \"" + std::string(spec) + "\" names no folder, expected " + prefix + ":DIR");
  const std::string near = nearest(prefix, {"bytes", "chars", "bpe", "gpt2", "saved"});
  return fault(ExitCode::BadConfiguration, "unknown tokenizer \"" + std::string(spec.substr(0, 80)) + "\"" +
                                               (near.empty() ? "" : ", did you mean \"" + near + "\"?") + " (" + kSpecs + ")");
}

}  // namespace serp
