// SPDX-License-Identifier: GPL-3.0-or-later
// Which source a design means, and babel as a corpus.
#include "engine/data/corpus.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/data/babel.h"
#include "engine/data/sources.h"
#include "engine/data/window_corpus.h"

namespace serp {
namespace {

constexpr std::uint64_t kProbeStream = 0x626162656c02ull;

void checkSettings(const DataSettings& s) {
  Diagnostics d;
  if (s.context < 1) d.error("data.context", "found " + std::to_string(s.context) + ", at least 1 is needed");
  if (s.batch < 1) d.error("train.batch", "found " + std::to_string(s.batch) + ", at least 1 is needed");
  if (!(s.validationFraction >= 0 && s.validationFraction <= 0.9))
    d.error("data.validation_fraction", "found " + numberText(s.validationFraction) + ", allowed are 0..0.9");
  if (s.source.empty()) d.error("data.source", "is empty, expected babel, a probe task, or files and folders of text");
  for (const std::string& source : s.source)
    if (s.source.size() > 1 && (source == "babel" || probeTaskNamed(source)))
      d.error("data.source", source + " is generated and cannot be mixed with other sources");
  if (d.hasErrors()) throw Error(d);
}

/// Encodes babel run by run: stretches end where every tokenizer cuts anyway, so the ids are those of the whole text.
void encodeRuns(const BabelText& babel, const Tokenizer& tokenizer, std::vector<std::int32_t>& ids, std::vector<LabelRun>& labels) {
  for (std::size_t r = 0; r < babel.runs.size(); ++r) {
    const std::uint64_t begin = babel.runs[r].begin, end = r + 1 < babel.runs.size() ? babel.runs[r + 1].begin : babel.text.size();
    labels.push_back({ids.size(), babel.runs[r].tongue});
    tokenizer.encode(std::string_view(babel.text).substr(begin, end - begin), ids);
  }
}

/// Held-out text with every tongue in it, from a stream of its own.
ProbeText babelProbe(const Tokenizer& tokenizer, std::uint64_t seed, std::int64_t tokens) {
  const std::vector<Tongue>& tongues = babelTongues();
  Random random(seed, kProbeStream);
  ProbeText probe;
  for (std::size_t t = 0; t < tongues.size(); ++t) {
    const std::size_t until = static_cast<std::size_t>(std::max<std::int64_t>(tokens, 1)) * (t + 1) / tongues.size() + 1;
    do {
      std::string stretch;
      tongues[t].grammar.sample(random, stretch);
      tokenizer.encode(stretch, probe.tokens);
      probe.labels.resize(probe.tokens.size(), static_cast<std::uint8_t>(t));
    } while (probe.tokens.size() < until);
  }
  return probe;
}

template <class Open>
Result<std::unique_ptr<Corpus>> guarded(Open open) {
  try {
    return open();
  } catch (const Error& error) {
    if (!error.faults().items.empty()) return error.faults();
    return fault(error.exitCode(), error.what());
  }
}

}  // namespace

std::unique_ptr<Corpus> openBabelCorpus(const DataSettings& settings) {
  BabelWriter writer(settings.seed);
  const auto validationBytes = static_cast<std::uint64_t>(std::llround(static_cast<double>(settings.babelBytes) * settings.validationFraction));
  BabelText train = writer.write(static_cast<std::uint64_t>(settings.babelBytes) - validationBytes);
  WindowParts parts;
  parts.tokenizer = chooseTokenizer(settings, [&] { return train.text; });
  const auto needed = static_cast<std::uint64_t>(settings.context) + 1;
  const int width = tokenWidth(parts.tokenizer->vocabSize());
  std::vector<std::int32_t> ids;
  std::string packed;
  encodeRuns(train, *parts.tokenizer, ids, parts.labels);
  const std::uint64_t trainTokens = ids.size();
  CorpusFacts& facts = parts.facts;
  facts.textBytes = static_cast<std::int64_t>(train.text.size());
  if (trainTokens < needed) refuseShort("babel", trainTokens, train.text.size(), needed, settings.context, false);
  double validationNats = 0;
  // The language goes on as long as one window needs, however small the fraction.
  for (std::uint64_t wanted = validationBytes; settings.validationFraction > 0 && (wanted > 0 || ids.size() - trainTokens < needed);) {
    const BabelText more = writer.write(std::max<std::uint64_t>(wanted, 1));
    encodeRuns(more, *parts.tokenizer, ids, parts.labels);
    validationNats += more.nats;
    facts.textBytes += static_cast<std::int64_t>(more.text.size());
    wanted = 0;
  }
  packTokens(ids, width, packed);
  parts.train = {{0, trainTokens}};
  parts.validation = {{trainTokens, ids.size()}};
  parts.tokens = makeMemoryTokens(std::move(packed), width);
  const BabelRates rates = babelRates();
  facts.entropyRate = rates.mixture * static_cast<double>(facts.textBytes) / static_cast<double>(ids.size());
  if (ids.size() > trainTokens) facts.validationEntropy = validationNats / static_cast<double>(ids.size() - trainTokens);
  facts.labelEntropy = rates.tongues;
  for (const Tongue& tongue : babelTongues()) facts.labelNames.push_back(tongue.name);
  facts.description = "babel, " + std::to_string(facts.labelNames.size()) + " tongues, seed " + std::to_string(settings.seed) + ", " +
                      bytesText(static_cast<double>(facts.textBytes));
  parts.context = settings.context;
  parts.batch = settings.batch;
  parts.seed = settings.seed;
  parts.probe = [tokenizer = parts.tokenizer, seed = settings.seed](std::int64_t tokens) { return babelProbe(*tokenizer, seed, tokens); };
  return makeWindowCorpus(std::move(parts));
}

std::shared_ptr<const Tokenizer> chooseTokenizer(const DataSettings& settings, const std::function<std::string()>& sample) {
  const bool saved = !settings.tokenizerFolder.empty();
  auto tokenizer = openTokenizer(saved ? "saved:" + settings.tokenizerFolder.string() : settings.tokenizer,
                                 !saved && settings.tokenizer == "chars" ? sample() : std::string());
  if (!tokenizer) throw Error(tokenizer.faults());
  if ((*tokenizer)->kind() == "symbols")
    throw Error(fault(ExitCode::BadData, "this is the alphabet of a probe task, no tokenizer for text", settings.tokenizerFolder.string()));
  return *tokenizer;
}

void refuseShort(const std::string& what, std::uint64_t tokens, std::uint64_t bytes, std::uint64_t needed, std::int64_t context, bool validation) {
  throw Error(fault(ExitCode::BadData,
                    std::to_string(tokens) + " tokens (" + std::to_string(bytes) + " bytes) are too few: at least " + std::to_string(needed) +
                        " are needed for one window of context " + std::to_string(context) + " and the token after it" +
                        (validation ? ", once for training and once for validation" : "") + "; give more text or a shorter data.context",
                    what));
}

Result<std::unique_ptr<Corpus>> openCorpus(const DataSettings& settings) {
  return guarded([&]() -> std::unique_ptr<Corpus> {
    checkSettings(settings);
    if (settings.source.front() == "babel") return openBabelCorpus(settings);
    if (const auto task = probeTaskNamed(settings.source.front())) return openTaskCorpus(settings, *task);
    return openTextCorpus(settings);
  });
}

Result<std::unique_ptr<Corpus>> openEvaluationText(const std::vector<std::string>& files, std::shared_ptr<const Tokenizer> tokenizer,
                                                   std::int64_t context, std::int64_t batch, const std::string& field) {
  return guarded([&]() -> std::unique_ptr<Corpus> {
    DataSettings settings;
    settings.source = files;
    settings.context = context;
    settings.batch = batch;
    settings.field = field;
    if (files.empty()) throw Error(fault(ExitCode::BadData, "no files to evaluate on"));
    checkSettings(settings);
    return openWholeText(settings, std::move(tokenizer));
  });
}

}  // namespace serp
