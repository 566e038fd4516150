// SPDX-License-Identifier: GPL-3.0-or-later
// A corpus without text: every window is made from its number when it is asked for.
#include <cmath>

#include "engine/base/error.h"
#include "engine/data/sources.h"
#include "engine/data/tokenizers.h"

namespace serp {
namespace {

constexpr std::int64_t kValidationBatches = 16;
constexpr std::uint64_t kTrain = 0x7461736b01, kValidation = 0x7461736b02, kProbe = 0x7461736b03;  // streams

class TaskCorpus final : public Corpus {
 public:
  TaskCorpus(const DataSettings& settings, ProbeTask task, std::shared_ptr<const Tokenizer> tokenizer)
      : settings_(settings), task_(task), tokenizer_(std::move(tokenizer)) {
    const double answers = static_cast<double>(taskAnswers(task, settings.taskSymbols));
    facts_.description = settings.source.front() + ", " + std::to_string(settings.taskSymbols) + " symbols, context " +
                         std::to_string(settings.context) + ", seed " + std::to_string(settings.seed);
    facts_.validationTokens = kValidationBatches * settings.batch * settings.context;
    facts_.uniformLoss = facts_.unigramLoss = std::log(answers);  // only answers count, and they are equally likely
    facts_.entropyRate = facts_.validationEntropy = 0.0;          // every answer is determined by what came before
    facts_.bytesPerToken = static_cast<double>(tokenizer_->piece(0).size());
    facts_.labelNames = {"filler", "content", "question"};
    if (settings.tokenizer != "bytes")
      facts_.notices.push_back("tokenizer " + settings.tokenizer + " is not used: a probe task has its own symbols");
  }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  std::shared_ptr<const Tokenizer> sharedTokenizer() const override { return tokenizer_; }
  const CorpusFacts& facts() const override { return facts_; }
  void train(std::uint64_t index, Batch& out) const override { fill(kTrain, index, out); }
  std::int64_t validationBatches() const override { return kValidationBatches; }
  void validation(std::int64_t i, Batch& out) const override {
    SERP_CHECK(i >= 0 && i < kValidationBatches, "number of a validation batch");
    fill(kValidation, static_cast<std::uint64_t>(i), out);
  }
  ProbeText probe(std::int64_t tokens) const override {
    ProbeText text;
    for (std::uint64_t index = 0; static_cast<std::int64_t>(text.tokens.size()) < tokens; ++index) {
      const TaskWindow window = make(kProbe, index);
      text.tokens.insert(text.tokens.end(), window.tokens.begin(), window.tokens.end());
      for (const TaskRole role : window.roles) text.labels.push_back(static_cast<std::uint8_t>(role));
    }
    return text;
  }

 private:
  TaskWindow make(std::uint64_t stream, std::uint64_t index) const {
    return makeTaskWindow(task_, settings_.context, settings_.taskSymbols, Random(settings_.seed, stream, index));
  }
  void fill(std::uint64_t stream, std::uint64_t index, Batch& out) const {
    const auto rows = static_cast<std::uint64_t>(settings_.batch), context = static_cast<std::uint64_t>(settings_.context);
    out.rows = settings_.batch;
    out.context = settings_.context;
    out.inputs.resize(rows * context);
    out.targets.resize(rows * context);
    out.labels.resize(rows * context);
    for (std::uint64_t row = 0; row < rows; ++row) {
      const TaskWindow window = make(stream, index * rows + row);
      for (std::uint64_t i = 0; i < context; ++i) {
        const bool counted = window.roles[i] == TaskRole::Question;
        out.inputs[row * context + i] = window.tokens[i];
        out.targets[row * context + i] = counted ? window.tokens[i + 1] : -1;
        out.labels[row * context + i] = static_cast<std::uint8_t>(window.roles[i]);
      }
    }
  }

  DataSettings settings_;
  ProbeTask task_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  CorpusFacts facts_;
};

}  // namespace

std::unique_ptr<Corpus> openTaskCorpus(const DataSettings& settings, ProbeTask task) {
  Diagnostics d;
  if (settings.context < kMinTaskContext)
    d.error("data.context", "found " + std::to_string(settings.context) + ", " + settings.source.front() + " needs at least " +
                                std::to_string(kMinTaskContext));
  if (settings.taskSymbols < 2 || settings.taskSymbols > 4096)
    d.error("data.task_symbols", "found " + std::to_string(settings.taskSymbols) + ", allowed are 2..4096");
  if (d.hasErrors()) throw Error(d);
  auto tokenizer = makeSymbolTokenizer(static_cast<std::int32_t>(settings.taskSymbols));
  if (!settings.tokenizerFolder.empty()) {
    const auto saved = openTokenizer("saved:" + settings.tokenizerFolder.string());
    if (!saved) throw Error(saved.faults());
    if ((*saved)->fingerprint() != tokenizer->fingerprint())
      throw Error(fault(ExitCode::BadData,
                        "the saved tokenizer (" + (*saved)->fingerprint() + ") is not that of " + settings.source.front() + " with " +
                            std::to_string(settings.taskSymbols) + " symbols (" + tokenizer->fingerprint() + ")",
                        settings.tokenizerFolder.string()));
  }
  return std::make_unique<TaskCorpus>(settings, task, std::move(tokenizer));
}

}  // namespace serp
