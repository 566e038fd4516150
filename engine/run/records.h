// SPDX-License-Identifier: GPL-3.0-or-later
// Records as lines of JSON and back: the one place that spells the keys of metrics, eval, events and samples.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/api/telemetry.h"

namespace serp {

// Lines end without '\n'. Numbers are written with the fewest digits that read back equal, whatever the locale; what is not
// finite is null. Text that is not valid UTF-8 (bytes a model made) has U+FFFD in the place of each bad sequence.
std::string metricsLine(const StepRecord& record);
std::string evalLine(const EvalRecord& record);
std::string eventLine(const RunEvent& event);
std::string sampleLine(std::int64_t step, double seconds, const std::string& prompt, const std::string& text);

// Nothing for a line that is torn or damaged: not one whole JSON object, or without a step. Missing and null numbers are NaN.
std::optional<StepRecord> parseMetricsLine(std::string_view line);
std::optional<EvalRecord> parseEvalLine(std::string_view line);
std::optional<RunEvent> parseEventLine(std::string_view line);
/// The step of a line of any of the four logs.
std::optional<std::int64_t> lineStep(std::string_view line);

/// "2026-11-24T10:15:00Z" of now.
std::string utcNow();

}  // namespace serp
