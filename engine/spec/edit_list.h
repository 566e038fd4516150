// SPDX-License-Identifier: GPL-3.0-or-later
// Putting entries into lists of blocks and taking them out, and keys into maps and out: the steps that edits of blocks are made of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/spec/block_text.h"

namespace serp {

/// One fault at a path.
Diagnostics refusal(const std::string& path, const std::string& why);

/// `entries`: "- {kind: mamba}\n- …" at column 0, as BlockText::extract() gives them. Lists with brackets get them with brackets.
Result<std::string> withEntries(const BlockText& text, const std::string& list, std::size_t index, const std::string& entries);
/// Without the entries or slots at `paths`; none may lie inside another. A list that loses all of them becomes [].
Result<std::string> withoutEntries(const BlockText& text, const std::vector<std::string>& paths);
/// Entries [first, last] of a list replaced by others.
Result<std::string> withReplaced(const BlockText& text, const std::string& list, std::size_t first, std::size_t last, const std::string& entries);
/// A map gets a key with a value on one line, behind its first key; `entry`: the value is a block, "- …" at column 0.
Result<std::string> withNewKey(const BlockText& text, const Spot& map, const std::string& path, const std::string& key, const std::string& value);
/// A map without one of its keys.
Result<std::string> withoutKey(const BlockText& text, const std::string& path);

}  // namespace serp
