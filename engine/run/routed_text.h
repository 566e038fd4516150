// SPDX-License-Identifier: GPL-3.0-or-later
// The probe text of a run and where its tokens went, as one JSON file of the run folder: what the views of a finished run show.
#pragma once

#include <cstdint>
#include <string>

#include "engine/api/runs.h"

namespace serp {

inline constexpr const char* kRoutedTextFile = "routed_text.json";

/// {"step", "pieces", "labels", "label_names", "expert", "weight", "entropy"}. Pieces are bytes, not always whole characters: each
/// byte stands as the character of the same number. Weights and entropies are rounded to 1e-3.
std::string routedTextJson(const RoutedText& text, std::int64_t step);
/// What routedTextJson() wrote; no text if anything in it is damaged, of another length or out of range.
StoredText parseRoutedText(const std::string& json);

}  // namespace serp
