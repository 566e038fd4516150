// SPDX-License-Identifier: GPL-3.0-or-later
// Reading of GPT-2's two vocabulary files, strictly.
#pragma once

#include <filesystem>

#include "engine/data/tokenizers.h"

namespace serp {

/// `vocabulary`: encoder.json or vocab.json; `merges`: vocab.bpe or merges.txt. Every id from 0 to n-1 must occur once and be a
/// byte, the result of exactly one merge, or a special of the form <|...|>. Faults carry file and line.
Result<BpeModel> readGpt2Files(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

}  // namespace serp
