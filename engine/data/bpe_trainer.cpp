// SPDX-License-Identifier: GPL-3.0-or-later
// Training of a byte-level BPE: count distinct words once, then merge the most frequent pair where it stands, word by word.
#include <algorithm>
#include <queue>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "engine/base/text.h"
#include "engine/data/byte_map.h"
#include "engine/data/pretokenizer.h"
#include "engine/data/random.h"
#include "engine/data/special_scanner.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

constexpr std::int32_t kMaxVocabulary = 1 << 20;
constexpr std::int64_t kMinCount = 2;  // a pair seen once compresses nothing

struct Pair {
  std::int32_t left = 0, right = 0;
  bool operator==(const Pair&) const = default;
};
struct PairHash {
  std::size_t operator()(const Pair& p) const {
    return mix64(std::uint64_t{static_cast<std::uint32_t>(p.left)} << 32 | static_cast<std::uint32_t>(p.right));
  }
};

struct Word {
  std::vector<std::int32_t> symbols;
  std::int64_t count = 0;
};

struct PairInfo {
  std::int64_t count = 0;
  std::vector<std::uint32_t> words;  // where it was seen; may have left since
};

class Trainer {
 public:
  Trainer(const BpeTraining& settings, Progress progress, void* context) : settings_(settings), progress_(progress), context_(context) {
    for (const std::string& special : settings.specials) {
      model_.specials.emplace_back(special, static_cast<std::int32_t>(model_.pieces.size()));
      model_.pieces.push_back(special);
    }
    for (const std::uint8_t b : gpt2ByteOrder()) {
      model_.byteIds[b] = static_cast<std::int32_t>(model_.pieces.size());
      model_.pieces.emplace_back(1, static_cast<char>(b));
    }
    total_ = settings.vocabSize - static_cast<std::int64_t>(model_.pieces.size());
  }

  /// False if cancelled.
  bool run(std::string_view text) {
    if (!countWords(text)) return false;
    for (std::uint32_t w = 0; w < words_.size(); ++w) addPairs(w);
    const auto later = [this](const Candidate& a, const Candidate& b) { return isLater(a, b); };
    std::priority_queue<Candidate, std::vector<Candidate>, decltype(later)> queue(later);
    for (const auto& [pair, info] : pairs_) queue.push({info.count, pair});
    for (std::int64_t done = 0; done < total_ && !queue.empty();) {
      const Candidate top = queue.top();
      queue.pop();
      const auto found = pairs_.find(top.pair);
      const std::int64_t count = found == pairs_.end() ? 0 : found->second.count;
      if (count < kMinCount) continue;
      if (count != top.count) {  // counts of old pairs only fall; look at it again in its place
        queue.push({count, top.pair});
        continue;
      }
      if (!report(done)) return false;
      for (const Pair& fresh : merge(top.pair)) queue.push({pairs_[fresh].count, fresh});
      ++done;
    }
    return report(total_);
  }
  BpeModel take() { return std::move(model_); }

 private:
  struct Candidate {
    std::int64_t count = 0;
    Pair pair;
  };

  bool report(std::int64_t done) const { return !progress_ || progress_(context_, done, total_); }

  /// Fewer occurrences come later; among equals the smaller pair of byte texts does.
  bool isLater(const Candidate& a, const Candidate& b) const {
    if (a.count != b.count) return a.count < b.count;
    const auto piece = [this](std::int32_t id) -> const std::string& { return model_.pieces[static_cast<std::size_t>(id)]; };
    if (const int order = piece(a.pair.left).compare(piece(b.pair.left)); order != 0) return order < 0;
    if (const int order = piece(a.pair.right).compare(piece(b.pair.right)); order != 0) return order < 0;
    return a.pair.left != b.pair.left ? a.pair.left < b.pair.left : a.pair.right < b.pair.right;
  }

  /// Counts the distinct pieces of the text between specials, in order of first sight.
  bool countWords(std::string_view text) {
    std::unordered_map<std::string_view, std::uint32_t> index;
    std::size_t sinceReport = 0;
    std::vector<std::string_view> specials(settings_.specials.begin(), settings_.specials.end());
    std::stable_sort(specials.begin(), specials.end(), [](auto a, auto b) { return a.size() > b.size(); });
    SpecialScanner scanner(text, specials);
    int special = 0;
    for (std::string_view ordinary; scanner.next(ordinary, special);) {
      PieceCursor cursor(ordinary);
      for (std::string_view piece; cursor.next(piece);) {
        const auto [entry, fresh] = index.emplace(piece, static_cast<std::uint32_t>(words_.size()));
        if (fresh) {
          words_.emplace_back();
          for (const char c : piece) words_.back().symbols.push_back(model_.byteIds[static_cast<unsigned char>(c)]);
        }
        ++words_[entry->second].count;
        if ((sinceReport += piece.size()) > (1 << 20)) {
          sinceReport = 0;
          if (!report(0)) return false;
        }
      }
    }
    return true;
  }

  void addPairs(std::uint32_t w) {
    const Word& word = words_[w];
    for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) count({word.symbols[i], word.symbols[i + 1]}, w, word.count);
  }
  void count(Pair pair, std::uint32_t w, std::int64_t times) {
    PairInfo& info = pairs_[pair];
    info.count += times;
    if (times > 0 && (info.words.empty() || info.words.back() != w)) info.words.push_back(w);
  }

  /// Replaces `pair` everywhere by a new id and returns the pairs that came into being.
  std::vector<Pair> merge(Pair pair) {
    const auto id = static_cast<std::int32_t>(model_.pieces.size());
    model_.pieces.push_back(model_.pieces[static_cast<std::size_t>(pair.left)] + model_.pieces[static_cast<std::size_t>(pair.right)]);
    model_.merges.push_back({pair.left, pair.right, id});
    const std::vector<std::uint32_t> places = std::move(pairs_[pair].words);
    pairs_.erase(pair);
    std::unordered_set<Pair, PairHash> fresh;
    for (const std::uint32_t w : places) mergeInWord(w, pair, id, fresh);
    pairs_.erase(pair);  // the last decrements may have brought it back, empty
    return {fresh.begin(), fresh.end()};
  }

  void mergeInWord(std::uint32_t w, Pair pair, std::int32_t id, std::unordered_set<Pair, PairHash>& fresh) {
    std::vector<std::int32_t>& symbols = words_[w].symbols;
    const std::int64_t times = words_[w].count;
    std::size_t out = 0;
    for (std::size_t in = 0; in < symbols.size(); ++out) {
      const bool here = in + 1 < symbols.size() && symbols[in] == pair.left && symbols[in + 1] == pair.right;
      if (!here) {
        symbols[out] = symbols[in++];
        continue;
      }
      if (out > 0) change({symbols[out - 1], pair.left}, {symbols[out - 1], id}, pair, w, times, fresh);
      in += 2;
      if (in < symbols.size()) change({pair.right, symbols[in]}, {id, symbols[in]}, pair, w, times, fresh);
      symbols[out] = id;
    }
    symbols.resize(out);
  }
  void change(Pair old, Pair now, Pair merged, std::uint32_t w, std::int64_t times, std::unordered_set<Pair, PairHash>& fresh) {
    if (!(old == merged)) {
      const auto found = pairs_.find(old);
      if (found != pairs_.end() && (found->second.count -= times) <= 0) {
        pairs_.erase(found);
        fresh.erase(old);
      }
    }
    count(now, w, times);
    fresh.insert(now);
  }

  const BpeTraining& settings_;
  Progress progress_;
  void* context_;
  BpeModel model_;
  std::int64_t total_ = 0;
  std::vector<Word> words_;
  std::unordered_map<Pair, PairInfo, PairHash> pairs_;
};

}  // namespace

Result<TokenizerPtr> trainBpe(std::string_view text, const BpeTraining& settings, Progress progress, void* context) {
  Diagnostics d;
  const auto least = 256 + static_cast<std::int64_t>(settings.specials.size());
  if (settings.vocabSize < least || settings.vocabSize > kMaxVocabulary)
    d.error("vocab", "found " + std::to_string(settings.vocabSize) + ", allowed are " + std::to_string(least) + ".." +
                         std::to_string(kMaxVocabulary) + " (256 bytes and the specials need an id each)");
  std::set<std::string> seen;
  for (const std::string& special : settings.specials) {
    if (special.empty() || firstBadUtf8(special)) d.error("specials", "a special must be a text of UTF-8 that is not empty");
    if (!seen.insert(special).second) d.error("specials", "\"" + special + "\" is given twice");
  }
  if (text.empty()) d.append(fault(ExitCode::BadData, "the text to learn from is empty"));
  if (d.hasErrors()) return d;
  Trainer trainer(settings, progress, context);
  if (!trainer.run(text)) return fault(ExitCode::Interrupted, "training of the tokenizer was cancelled");
  return makeBpeTokenizer("bpe", trainer.take());
}

}  // namespace serp
