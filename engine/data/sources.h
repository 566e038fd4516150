// SPDX-License-Identifier: GPL-3.0-or-later
// The three kinds of sources behind openCorpus. All throw serp::Error; openCorpus turns that into a Result.
#pragma once

#include <functional>
#include <string>

#include "engine/data/corpus.h"
#include "engine/data/probe_tasks.h"

namespace serp {

std::unique_ptr<Corpus> openTaskCorpus(const DataSettings& settings, ProbeTask task);
std::unique_ptr<Corpus> openBabelCorpus(const DataSettings& settings);
std::unique_ptr<Corpus> openTextCorpus(const DataSettings& settings);
/// All of it as validation part, encoded by `tokenizer`.
std::unique_ptr<Corpus> openWholeText(const DataSettings& settings, std::shared_ptr<const Tokenizer> tokenizer);

/// The tokenizer of a run: the saved one if settings.tokenizerFolder names a folder, else the one of the design. `sample` is asked
/// for text only if characters have to be collected.
std::shared_ptr<const Tokenizer> chooseTokenizer(const DataSettings& settings, const std::function<std::string()>& sample);

/// Throws: `tokens` are fewer than the `needed` ones, with the reason for that number.
[[noreturn]] void refuseShort(const std::string& what, std::uint64_t tokens, std::uint64_t bytes, std::uint64_t needed, std::int64_t context,
                              bool validation);

}  // namespace serp
