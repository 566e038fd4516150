// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer "bytes": an id is a byte.
#include "engine/data/tokenizer_file.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

constexpr std::array<char, 256> allBytes() {
  std::array<char, 256> bytes{};
  for (int i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(i);
  return bytes;
}
constexpr std::array<char, 256> kBytes = allBytes();

class ByteTokenizer final : public Tokenizer {
 public:
  std::string kind() const override { return "bytes"; }
  std::int32_t vocabSize() const override { return 256; }
  void encode(std::string_view text, std::vector<std::int32_t>& out, bool) const override {
    // resize() grows by doubling where reserve() would not: a text comes in many small stretches.
    std::size_t at = out.size();
    out.resize(at + text.size());
    for (const char c : text) out[at++] = static_cast<unsigned char>(c);
  }
  std::string_view piece(std::int32_t id) const override {
    return id >= 0 && id < 256 ? std::string_view(&kBytes[static_cast<std::size_t>(id)], 1) : std::string_view();
  }
  std::string fingerprint() const override { return tokenizerFingerprint(*this); }
  Result<Done> save(const std::filesystem::path& folder) const override {
    return writeTokenizerFile(folder, *this, nlohmann::ordered_json::object());
  }
  std::size_t safeCut(std::string_view text) const override { return text.size(); }
};

}  // namespace

TokenizerPtr makeByteTokenizer() { return std::make_shared<ByteTokenizer>(); }

}  // namespace serp
