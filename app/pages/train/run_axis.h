// SPDX-License-Identifier: GPL-3.0-or-later
// What the x axis of a training curve counts: steps, tokens, seconds or FLOPs; every record holds all four.
#pragma once

#include <QString>
#include <QStringList>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp::app {

enum class RunAxis { Step, Tokens, Seconds, Flops };

/// "step", "tokens", "seconds", "FLOPs".
QString axisName(RunAxis axis);
/// From "step", "tokens", "seconds", "flops"; false if it is none of them.
bool axisFromName(const QString& name, RunAxis& axis);
double axisValue(const StepRecord& record, RunAxis axis);
/// Where a step lies on the axis, between the records around it; beyond the last one at the mean pace so far.
double axisAtStep(const std::vector<StepRecord>& records, double step, RunAxis axis);
/// The step at a place of the axis.
double stepAtAxis(const std::vector<StepRecord>& records, double value, RunAxis axis);
/// One of the numbers of a record by its key in metrics.jsonl; NaN for an unknown key.
double recordValue(const StepRecord& record, const QString& key);
/// Keys that recordValue() knows.
QStringList recordKeys();

}  // namespace serp::app
