// SPDX-License-Identifier: GPL-3.0-or-later
// Rules that cross sections, and all rules of blocks: what parseRunSpec and planRun both ask.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/api/spec.h"

namespace serp {

/// Vocabulary of a tokenizer given as text: 256 for bytes, 50257 for gpt2, 0 where only its files or the text can tell.
std::int64_t tokenizerVocab(const std::string& tokenizer);

/// Faults and warnings of a whole design; paths are set, places only inside blocks. `skip` names blocks whose own keys are faulty.
Diagnostics checkDesign(const RunSpec& spec, const std::function<bool(const std::string& path)>& skip = {});

}  // namespace serp
