// SPDX-License-Identifier: GPL-3.0-or-later
// A text routed as the model was trained: window after window of the training context, told as one text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp {

class LanguageModel;
class RoutingProbe;
class Tokenizer;

/// Labels may be empty. `tally`, where given, sums the decisions of all windows. The owner's thread; blocks for a pass over the text.
RoutedText routeWindows(LanguageModel& model, const Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens,
                        const std::vector<std::uint8_t>& labels, const std::vector<std::string>& labelNames, RoutingProbe* tally = nullptr);

}  // namespace serp
