// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer "chars": characters of a sample, and single bytes for everything the sample did not hold.
#include <algorithm>
#include <unordered_map>

#include "engine/base/error.h"
#include "engine/data/tokenizer_file.h"
#include "engine/data/tokenizers.h"
#include "engine/data/utf8.h"

namespace serp {
namespace {

constexpr std::size_t kMaxCharacters = 32768;

class CharTokenizer final : public Tokenizer {
 public:
  explicit CharTokenizer(std::vector<std::string> characters) : characters_(characters.size()), pieces_(std::move(characters)) {
    byteIds_.fill(-1);
    for (std::size_t i = 0; i < characters_; ++i) {
      const auto id = static_cast<std::int32_t>(i);
      if (pieces_[i].size() == 1) byteIds_[static_cast<unsigned char>(pieces_[i][0])] = id;
      else ids_.emplace(utf8At(pieces_[i], 0).codePoint, id);
    }
    for (std::size_t b = 0; b < 256; ++b) {
      if (byteIds_[b] >= 0) continue;
      byteIds_[b] = static_cast<std::int32_t>(pieces_.size());
      pieces_.emplace_back(1, static_cast<char>(b));
    }
  }
  std::string kind() const override { return "chars"; }
  std::int32_t vocabSize() const override { return static_cast<std::int32_t>(pieces_.size()); }
  void encode(std::string_view text, std::vector<std::int32_t>& out, bool) const override {
    for (std::size_t i = 0; i < text.size();) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const Utf8Char c = byte < 0x80 ? Utf8Char{} : utf8At(text, i);
      const auto found = c.length > 1 ? ids_.find(c.codePoint) : ids_.end();
      out.push_back(found == ids_.end() ? byteIds_[byte] : found->second);
      i += found == ids_.end() ? 1 : c.length;
    }
  }
  std::string_view piece(std::int32_t id) const override {
    return id >= 0 && id < vocabSize() ? std::string_view(pieces_[static_cast<std::size_t>(id)]) : std::string_view();
  }
  std::string fingerprint() const override { return tokenizerFingerprint(*this); }
  Result<Done> save(const std::filesystem::path& folder) const override {
    const std::vector<std::string> characters(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(characters_));
    return writeTokenizerFile(folder, *this, {{"characters", characters}});
  }
  /// Before a character that the end of `text` may have cut.
  std::size_t safeCut(std::string_view text) const override { return text.size() - utf8Unfinished(text); }

 private:
  std::size_t characters_;
  std::vector<std::string> pieces_;
  std::unordered_map<std::uint32_t, std::int32_t> ids_;  // characters of more than one byte
  std::array<std::int32_t, 256> byteIds_{};
};

}  // namespace

std::vector<std::string> collectCharacters(std::string_view sample) {
  std::unordered_map<std::uint32_t, std::uint64_t> counts;
  for (std::size_t i = 0; i < sample.size();) {
    const Utf8Char c = utf8At(sample, i);
    if (c.length > 0) ++counts[c.codePoint];
    i += std::max<std::size_t>(c.length, 1);
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> order(counts.begin(), counts.end());
  if (order.size() > kMaxCharacters) {
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
    order.resize(kMaxCharacters);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> characters;
  for (const auto& [codePoint, count] : order) characters.push_back(utf8Text(codePoint));
  return characters;
}

TokenizerPtr makeCharTokenizer(std::vector<std::string> characters) {
  return std::make_shared<CharTokenizer>(std::move(characters));
}

}  // namespace serp
