// SPDX-License-Identifier: GPL-3.0-or-later
// Our own tokenizer.json: written for every kind, read back with every number checked.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/data/tokenizers.h"

namespace serp {

/// Writes folder/tokenizer.json atomically: format, kind, fingerprint and the members of `body`. Makes the folder if needed.
Result<Done> writeTokenizerFile(const std::filesystem::path& folder, const Tokenizer& tokenizer, nlohmann::ordered_json body);

/// Reads what writeTokenizerFile wrote. Anything missing, out of range or not matching its own fingerprint is refused.
Result<TokenizerPtr> readTokenizerFile(const std::filesystem::path& file);

/// Whether a JSON text says that it is such a file, or is some other program's tokenizer.json.
bool isTokenizerFile(const std::filesystem::path& file);

}  // namespace serp
