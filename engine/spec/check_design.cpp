// SPDX-License-Identifier: GPL-3.0-or-later
// Cross-section rules: tokenizer and vocabulary, windows, schedule, order of time.
#include "engine/spec/check_design.h"

#include "engine/spec/resolve.h"

namespace serp {
namespace {

constexpr std::int64_t kMaxTokensPerStep = std::int64_t{1} << 31;

void checkTokenizer(const RunSpec& spec, Diagnostics& d) {
  const std::string& t = spec.data.text("tokenizer");
  const bool folder = t.starts_with("bpe:") || t.starts_with("gpt2:") || t.starts_with("saved:");
  const bool named = t == "bytes" || t == "chars" || (folder && t.find(':') + 1 < t.size());
  if (!named) {
    d.error("data.tokenizer", "found \"" + t.substr(0, 80) + "\", expected bytes, chars, bpe:DIR or gpt2:DIR with the folder of the tokenizer's files");
    return;
  }
  const std::int64_t vocab = spec.model.integer("vocab"), needed = tokenizerVocab(t);
  if (vocab > 0 && needed > vocab)
    d.error("model.vocab", "found " + std::to_string(vocab) + ", but the tokenizer " + t + " has " + std::to_string(needed) +
                               " tokens; use 0 to take its size");
}

void checkWindows(const RunSpec& spec, Diagnostics& d) {
  const std::int64_t batch = spec.train.integer("batch"), context = spec.data.integer("context");
  if (batch * context > kMaxTokensPerStep)
    d.error("train.batch", "batch x context = " + std::to_string(batch * context) + " tokens in one step, at most " +
                               std::to_string(kMaxTokensPerStep));
}

void warn(const ResolvedBlock& block, std::string message, Diagnostics& d) {
  d.items.push_back({Severity::Warning, {}, block.place.line, block.place.column, block.path, std::move(message), {}, 0});
}

void checkCausal(const std::vector<ResolvedBlock>& blocks, Diagnostics& d) {
  for (const ResolvedBlock& b : blocks) {
    const BlockDefinition& def = *b.definition;
    const bool causal = def.hooks.causalFor != nullptr ? def.hooks.causalFor(b.params) : def.info.causal;
    if (!causal)
      warn(b, def.info.kind + " is not causal with these parameters: a token's output depends on later tokens, so losses look better "
              "than generation will be", d);
    checkCausal(b.children, d);
  }
}

}  // namespace

std::int64_t tokenizerVocab(const std::string& tokenizer) {
  if (tokenizer == "bytes") return 256;
  return tokenizer.starts_with("gpt2:") ? 50257 : 0;
}

Diagnostics checkDesign(const RunSpec& spec, const std::function<bool(const std::string& path)>& skip) {
  Diagnostics d;
  checkTokenizer(spec, d);
  checkWindows(spec, d);
  const std::vector<ResolvedBlock> blocks = resolveBlocks(spec.blocks, designContext(spec), d, skip);
  checkCausal(blocks, d);
  return d;
}

}  // namespace serp
