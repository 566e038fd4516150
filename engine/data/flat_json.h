// SPDX-License-Identifier: GPL-3.0-or-later
// The one JSON shape that vocabularies have, one object of texts to integers, read strictly and with places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

struct FlatEntry {
  std::string key;
  std::int64_t value = 0;
  int line = 0, column = 0;  ///< of the key
};

/// Reads {"text": integer, ...}. Refused with line and column: anything else, bad UTF-8, lone surrogates, duplicate keys,
/// values that are negative, no whole number, or above `maxValue`.
Result<std::vector<FlatEntry>> readFlatJson(std::string_view text, const std::string& file, std::int64_t maxValue);

}  // namespace serp
