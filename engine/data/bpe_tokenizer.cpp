// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizers "bpe" and "gpt2": pieces of the pre-tokenizer, each merged by rank; words seen before come from a cache.
#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "engine/base/error.h"
#include "engine/data/merge_table.h"
#include "engine/data/pretokenizer.h"
#include "engine/data/special_scanner.h"
#include "engine/data/tokenizer_file.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

constexpr std::size_t kCachedWords = 1 << 17, kCachedLength = 32;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// Ids of words met before, as stretches of one array. Belongs to one call of encode() at a time.
struct WordCache {
  struct Stretch {
    std::uint32_t begin = 0, count = 0;
  };
  std::unordered_map<std::string, Stretch, TextHash, std::equal_to<>> words;
  std::vector<std::int32_t> ids;
};

class BpeTokenizer final : public Tokenizer {
 public:
  BpeTokenizer(std::string kind, BpeModel model) : kind_(std::move(kind)), model_(std::move(model)), merges_(model_.merges) {
    // The longest special first, so that one that begins like another is found.
    std::stable_sort(model_.specials.begin(), model_.specials.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }
  std::string kind() const override { return kind_; }
  std::int32_t vocabSize() const override { return static_cast<std::int32_t>(model_.pieces.size()); }

  void encode(std::string_view text, std::vector<std::int32_t>& out, bool specials) const override {
    std::unique_ptr<WordCache> cache = takeCache();
    if (!specials) {
      encodeOrdinary(text, out, *cache);
    } else {
      std::vector<std::string_view> names;
      for (const auto& special : model_.specials) names.push_back(special.first);
      SpecialScanner scanner(text, names);
      int found = 0;
      for (std::string_view ordinary; scanner.next(ordinary, found);) {
        encodeOrdinary(ordinary, out, *cache);
        if (found >= 0) out.push_back(model_.specials[static_cast<std::size_t>(found)].second);
      }
    }
    giveCache(std::move(cache));
  }

  std::string_view piece(std::int32_t id) const override {
    return id >= 0 && id < vocabSize() ? std::string_view(model_.pieces[static_cast<std::size_t>(id)]) : std::string_view();
  }
  std::string fingerprint() const override { return tokenizerFingerprint(*this); }
  std::int32_t endOfText() const override {
    for (const auto& [text, id] : model_.specials)
      if (text == "<|endoftext|>") return id;
    return -1;
  }
  Result<Done> save(const std::filesystem::path& folder) const override {
    nlohmann::ordered_json body = nlohmann::ordered_json::object();
    body["size"] = vocabSize();
    body["bytes"] = model_.byteIds;
    body["merges"] = nlohmann::ordered_json::array();
    for (const BpeMerge& m : model_.merges) body["merges"].push_back({m.left, m.right, m.id});
    body["specials"] = nlohmann::ordered_json::array();
    for (const auto& [text, id] : model_.specials) body["specials"].push_back({{"text", text}, {"id", id}});
    return writeTokenizerFile(folder, *this, std::move(body));
  }
  std::size_t safeCut(std::string_view text) const override { return pieceCut(text); }

 private:
  void encodeOrdinary(std::string_view text, std::vector<std::int32_t>& out, WordCache& cache) const {
    PieceCursor cursor(text);
    std::vector<std::int32_t> symbols;
    for (std::string_view piece; cursor.next(piece);) {
      const bool cached = piece.size() <= kCachedLength;
      if (cached) {
        if (const auto found = cache.words.find(piece); found != cache.words.end()) {
          const auto begin = cache.ids.begin() + found->second.begin;
          out.insert(out.end(), begin, begin + found->second.count);
          continue;
        }
      }
      symbols.clear();
      for (const char c : piece) symbols.push_back(model_.byteIds[static_cast<unsigned char>(c)]);
      merges_.apply(symbols);
      out.insert(out.end(), symbols.begin(), symbols.end());
      if (!cached || cache.words.size() >= kCachedWords) continue;
      cache.words.emplace(piece, WordCache::Stretch{static_cast<std::uint32_t>(cache.ids.size()),
                                                    static_cast<std::uint32_t>(symbols.size())});
      cache.ids.insert(cache.ids.end(), symbols.begin(), symbols.end());
    }
  }
  std::unique_ptr<WordCache> takeCache() const {
    const std::lock_guard lock(mutex_);
    if (caches_.empty()) return std::make_unique<WordCache>();
    std::unique_ptr<WordCache> cache = std::move(caches_.back());
    caches_.pop_back();
    return cache;
  }
  void giveCache(std::unique_ptr<WordCache> cache) const {
    const std::lock_guard lock(mutex_);
    if (caches_.size() < 4) caches_.push_back(std::move(cache));
  }

  std::string kind_;
  BpeModel model_;
  MergeTable merges_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<WordCache>> caches_;
};

}  // namespace

TokenizerPtr makeBpeTokenizer(std::string kind, BpeModel model) {
  return std::make_shared<BpeTokenizer>(std::move(kind), std::move(model));
}

}  // namespace serp
