// SPDX-License-Identifier: GPL-3.0-or-later
// Documents out of JSON lines, with bounded memory and an account of the lines that were none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/data/byte_stream.h"

namespace serp {

/// Calls `document` with the text under `field` of each line. Blank lines do not count. A line is bad if it is longer than 64 MiB,
/// no JSON object, nested deeper than 64, or has no text (or two) under `field`. Returns a notice about bad lines or nothing;
/// throws Error(BadData) if they are more than 1 % of all.
std::string readJsonLines(ByteStream& stream, const std::string& name, const std::string& field,
                          const std::function<void(std::string_view)>& document);

}  // namespace serp
