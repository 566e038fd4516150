// SPDX-License-Identifier: GPL-3.0-or-later
// Windows over spans of tokens that are read as if they lay one after another.
#include "engine/data/window_corpus.h"

#include <algorithm>
#include <cmath>

#include "engine/data/random.h"

namespace serp {
namespace {

constexpr std::uint64_t kOrderStream = 1, kOffsetStream = 2;
constexpr std::uint64_t kCountedTokens = 32 << 20, kCountedBlock = 64 << 10;

/// Spans of a store as one row.
class Row {
 public:
  Row() = default;
  explicit Row(const std::vector<TokenSpan>& spans) {
    for (const TokenSpan& span : spans) {
      if (span.begin == span.end) continue;
      begins_.push_back(size_);
      spans_.push_back(span);
      size_ += span.end - span.begin;
    }
  }
  std::uint64_t size() const { return size_; }
  /// Calls visit(place in the store, place in the stretch, count) for the parts of [at, at + count).
  template <class Visit>
  void parts(std::uint64_t at, std::uint64_t count, Visit visit) const {
    auto s = static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin()) - 1;
    for (std::uint64_t have = 0; have < count; ++s) {
      const std::uint64_t place = spans_[s].begin + (at + have - begins_[s]), n = std::min(count - have, spans_[s].end - place);
      visit(place, have, n);
      have += n;
    }
  }

 private:
  std::vector<TokenSpan> spans_;
  std::vector<std::uint64_t> begins_;
  std::uint64_t size_ = 0;
};

class WindowCorpus final : public Corpus {
 public:
  explicit WindowCorpus(WindowParts parts) : parts_(std::move(parts)), train_(parts_.train), validation_(parts_.validation) {
    const auto context = static_cast<std::uint64_t>(parts_.context);
    SERP_CHECK(train_.size() == 0 || train_.size() > context, "training part shorter than a window");
    if (train_.size() > 0) {
      // As many windows as fit wherever the epoch's offset falls; the offset shifts what the last one leaves over.
      windows_ = std::max<std::uint64_t>(1, (train_.size() - context) / context);
      offsets_ = std::min(context - 1, train_.size() - 1 - windows_ * context) + 1;
    }
    CorpusFacts& facts = parts_.facts;
    facts.trainTokens = static_cast<std::int64_t>(train_.size());
    facts.validationTokens = static_cast<std::int64_t>(validation_.size());
    const std::uint64_t all = train_.size() + validation_.size();
    facts.bytesPerToken = static_cast<double>(facts.textBytes) / static_cast<double>(std::max<std::uint64_t>(all, 1));
    countTokens(train_.size() > 0 ? train_ : validation_);
  }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  std::shared_ptr<const Tokenizer> sharedTokenizer() const override { return parts_.tokenizer; }
  const CorpusFacts& facts() const override { return parts_.facts; }

  void train(std::uint64_t index, Batch& out) const override {
    SERP_CHECK(windows_ > 0, "training batch of a text that is only for evaluation");
    begin(out);
    const auto rows = static_cast<std::uint64_t>(parts_.batch);
    for (std::uint64_t row = 0; row < rows; ++row) {
      const std::uint64_t number = index * rows + row, epoch = number / windows_;
      const Permutation order(windows_, parts_.seed, mix64(epoch) + kOrderStream);
      const std::uint64_t offset = Random(parts_.seed, kOffsetStream, epoch).below(offsets_);
      const auto context = static_cast<std::uint64_t>(parts_.context);
      fill(train_, offset + order(number % windows_) * context, context + 1, row, out);
    }
  }
  std::int64_t validationBatches() const override {
    const std::int64_t predicted = static_cast<std::int64_t>(validation_.size()) - 1, each = parts_.batch * parts_.context;
    return predicted <= 0 ? 0 : (predicted + each - 1) / each;
  }
  void validation(std::int64_t i, Batch& out) const override {
    SERP_CHECK(i >= 0 && i < validationBatches(), "number of a validation batch");
    begin(out);
    const auto context = static_cast<std::uint64_t>(parts_.context);
    for (std::uint64_t row = 0; row < static_cast<std::uint64_t>(parts_.batch); ++row) {
      const std::uint64_t at = (static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(parts_.batch) + row) * context;
      if (at + 1 < validation_.size()) fill(validation_, at, std::min(context + 1, validation_.size() - at), row, out);
    }
  }
  ProbeText probe(std::int64_t tokens) const override {
    if (parts_.probe) return parts_.probe(tokens);
    const Row& row = validation_.size() > 0 ? validation_ : train_;
    const std::uint64_t count = std::min(row.size(), static_cast<std::uint64_t>(std::max<std::int64_t>(tokens, 0)));
    std::vector<std::int64_t> ids(count);
    ProbeText text;
    read(row, &row == &train_ ? row.size() - count : 0, ids);
    text.tokens.assign(ids.begin(), ids.end());
    return text;
  }

 private:
  void begin(Batch& out) const {
    out.rows = parts_.batch;
    out.context = parts_.context;
    const auto size = static_cast<std::size_t>(out.rows * out.context);
    out.inputs.assign(size, 0);
    out.targets.assign(size, -1);
    out.labels.assign(parts_.labels.empty() ? 0 : size, 0);
  }
  void read(const Row& row, std::uint64_t at, std::span<std::int64_t> ids) const {
    row.parts(at, ids.size(), [&](std::uint64_t place, std::uint64_t have, std::uint64_t n) {
      parts_.tokens->read(place, ids.subspan(have, n));
    });
    for (const std::int64_t id : ids)
      if (id >= parts_.tokenizer->vocabSize())
        throw Error(ExitCode::BadData, "token " + std::to_string(id) + " is outside the vocabulary of " +
                                           std::to_string(parts_.tokenizer->vocabSize()) + ": the token cache is damaged, remove it");
  }
  /// `count` tokens from `at` on: inputs are all but the last, targets all but the first.
  void fill(const Row& source, std::uint64_t at, std::uint64_t count, std::uint64_t row, Batch& out) const {
    std::vector<std::int64_t> ids(count);
    read(source, at, ids);
    const auto begin = static_cast<std::ptrdiff_t>(row) * parts_.context;
    std::copy(ids.begin(), ids.end() - 1, out.inputs.begin() + begin);
    std::copy(ids.begin() + 1, ids.end(), out.targets.begin() + begin);
    if (out.labels.empty()) return;
    source.parts(at, count - 1, [&](std::uint64_t place, std::uint64_t have, std::uint64_t n) {
      auto run = std::upper_bound(parts_.labels.begin(), parts_.labels.end(), place,
                                  [](std::uint64_t p, const LabelRun& r) { return p < r.begin; }) - 1;
      for (std::uint64_t k = 0; k < n; ++k) {
        if (run + 1 != parts_.labels.end() && (run + 1)->begin <= place + k) ++run;
        out.labels[static_cast<std::size_t>(begin) + have + k] = run->label;
      }
    });
  }
  void countTokens(const Row& row) {
    if (row.size() == 0) return;
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(parts_.tokenizer->vocabSize()), 0);
    const std::uint64_t blocks = (row.size() + kCountedBlock - 1) / kCountedBlock;
    const std::uint64_t taken = std::min(blocks, kCountedTokens / kCountedBlock);
    std::vector<std::int64_t> ids;
    std::uint64_t total = 0;
    for (std::uint64_t b = 0; b < taken; ++b) {
      const std::uint64_t at = b * blocks / taken * kCountedBlock;
      ids.resize(std::min(kCountedBlock, row.size() - at));
      read(row, at, ids);
      for (const std::int64_t id : ids) ++counts[static_cast<std::size_t>(id)];
      total += ids.size();
    }
    double entropy = 0;
    int distinct = 0;
    bool blank = true;
    for (std::size_t id = 0; id < counts.size(); ++id) {
      if (counts[id] == 0) continue;
      ++distinct;
      const double p = static_cast<double>(counts[id]) / static_cast<double>(total);
      entropy -= p * std::log(p);
      blank = blank && parts_.tokenizer->piece(static_cast<std::int32_t>(id)).find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
    }
    if (blank) throw Error(ExitCode::BadData, parts_.facts.description + ": nothing but white space");
    parts_.facts.uniformLoss = std::log(static_cast<double>(distinct));
    parts_.facts.unigramLoss = std::abs(entropy);
  }

  WindowParts parts_;
  Row train_, validation_;
  std::uint64_t windows_ = 0, offsets_ = 1;
};

}  // namespace

std::unique_ptr<Corpus> makeWindowCorpus(WindowParts parts) { return std::make_unique<WindowCorpus>(std::move(parts)); }

}  // namespace serp
