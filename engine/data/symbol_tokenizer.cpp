// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer "symbols" of the probe tasks: letters and digits one by one, longer words of letters for big alphabets.
#include <unordered_map>

#include "engine/base/error.h"
#include "engine/data/tokenizer_file.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

constexpr std::string_view kSingles = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// All data symbols have the same number of letters and no mark is a letter, so a text is read back without doubt.
std::string symbolText(std::int32_t id, std::int32_t symbols) {
  if (symbols <= static_cast<std::int32_t>(kSingles.size())) return {kSingles[static_cast<std::size_t>(id)]};
  const int width = symbols <= 26 * 26 ? 2 : 3;
  std::string text(static_cast<std::size_t>(width), 'a');
  for (int i = width - 1; i >= 0; --i, id /= 26) text[static_cast<std::size_t>(i)] = static_cast<char>('a' + id % 26);
  return text;
}

class SymbolTokenizer final : public Tokenizer {
 public:
  explicit SymbolTokenizer(std::int32_t symbols) : symbols_(symbols) {
    for (std::int32_t i = 0; i < symbols; ++i) pieces_.push_back(symbolText(i, symbols));
    for (const char mark : kTaskMarks) pieces_.emplace_back(1, mark);
    for (std::size_t i = 0; i < pieces_.size(); ++i) ids_.emplace(pieces_[i], static_cast<std::int32_t>(i));
  }
  std::string kind() const override { return "symbols"; }
  std::int32_t vocabSize() const override { return static_cast<std::int32_t>(pieces_.size()); }
  void encode(std::string_view text, std::vector<std::int32_t>& out, bool) const override {
    const std::size_t width = pieces_.front().size();
    for (std::size_t i = 0; i < text.size();) {
      std::size_t taken = width;
      auto found = ids_.find(std::string(text.substr(i, width)));
      if (found == ids_.end()) found = ids_.find(std::string(text.substr(i, taken = 1)));
      out.push_back(found == ids_.end() ? symbols_ : found->second);
      i += taken;
    }
  }
  std::string_view piece(std::int32_t id) const override {
    return id >= 0 && id < vocabSize() ? std::string_view(pieces_[static_cast<std::size_t>(id)]) : std::string_view();
  }
  std::string fingerprint() const override { return tokenizerFingerprint(*this); }
  Result<Done> save(const std::filesystem::path& folder) const override {
    return writeTokenizerFile(folder, *this, {{"symbols", symbols_}});
  }
  std::size_t safeCut(std::string_view) const override { return 0; }

 private:
  std::int32_t symbols_;
  std::vector<std::string> pieces_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

}  // namespace

TokenizerPtr makeSymbolTokenizer(std::int32_t symbols) {
  SERP_CHECK(symbols >= 1 && symbols <= 26 * 26 * 26, "alphabet of a probe task");
  return std::make_shared<SymbolTokenizer>(symbols);
}

}  // namespace serp
