// SPDX-License-Identifier: GPL-3.0-or-later
// From records to places on an axis and back.
#include "app/pages/train/run_axis.h"

#include <algorithm>
#include <array>
#include <limits>

namespace serp::app {
namespace {

struct Key { const char* name; double (*value)(const StepRecord&); };
constexpr std::array<Key, 12> kKeys = {{
    {"loss", [](const StepRecord& r) { return r.loss; }},
    {"aux_loss", [](const StepRecord& r) { return r.auxLoss; }},
    {"z_loss", [](const StepRecord& r) { return r.zLoss; }},
    {"accuracy", [](const StepRecord& r) { return r.accuracy; }},
    {"learning_rate", [](const StepRecord& r) { return r.learningRate; }},
    {"grad_norm", [](const StepRecord& r) { return r.gradNorm; }},
    {"tokens_per_s", [](const StepRecord& r) { return r.tokensPerSecond; }},
    {"step_ms", [](const StepRecord& r) { return r.stepMs; }},
    {"step", [](const StepRecord& r) { return static_cast<double>(r.step); }},
    {"tokens", [](const StepRecord& r) { return static_cast<double>(r.tokens); }},
    {"seconds", [](const StepRecord& r) { return r.seconds; }},
    {"flops", [](const StepRecord& r) { return r.flops; }},
}};

double interpolate(double x, double x0, double y0, double x1, double y1) {
  return x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y1;
}

}  // namespace

QString axisName(RunAxis axis) {
  constexpr const char* kNames[] = {"step", "tokens", "seconds", "FLOPs"};
  return QString::fromLatin1(kNames[static_cast<int>(axis)]);
}

bool axisFromName(const QString& name, RunAxis& axis) {
  for (const RunAxis a : {RunAxis::Step, RunAxis::Tokens, RunAxis::Seconds, RunAxis::Flops})
    if (axisName(a).compare(name, Qt::CaseInsensitive) == 0) {
      axis = a;
      return true;
    }
  return false;
}

double axisValue(const StepRecord& r, RunAxis axis) {
  switch (axis) {
    case RunAxis::Tokens: return static_cast<double>(r.tokens);
    case RunAxis::Seconds: return r.seconds;
    case RunAxis::Flops: return r.flops;
    case RunAxis::Step: break;
  }
  return static_cast<double>(r.step);
}

double axisAtStep(const std::vector<StepRecord>& records, double step, RunAxis axis) {
  if (axis == RunAxis::Step) return step;
  if (records.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto at = std::lower_bound(records.begin(), records.end(), step,
                                   [](const StepRecord& r, double s) { return static_cast<double>(r.step) < s; });
  if (at == records.end()) {
    const StepRecord& last = records.back();
    return last.step > 0 ? axisValue(last, axis) * step / static_cast<double>(last.step) : axisValue(last, axis);
  }
  if (at == records.begin()) return interpolate(step, 0, 0, static_cast<double>(at->step), axisValue(*at, axis));
  const StepRecord& before = *(at - 1);
  return interpolate(step, static_cast<double>(before.step), axisValue(before, axis), static_cast<double>(at->step), axisValue(*at, axis));
}

double stepAtAxis(const std::vector<StepRecord>& records, double value, RunAxis axis) {
  if (axis == RunAxis::Step || records.empty()) return value;
  const auto at = std::lower_bound(records.begin(), records.end(), value,
                                   [axis](const StepRecord& r, double v) { return axisValue(r, axis) < v; });
  return static_cast<double>(at == records.end() ? records.back().step : at->step);
}

double recordValue(const StepRecord& record, const QString& key) {
  for (const Key& k : kKeys)
    if (key == QLatin1String(k.name)) return k.value(record);
  return std::numeric_limits<double>::quiet_NaN();
}

QStringList recordKeys() {
  QStringList out;
  for (const Key& k : kKeys) out << QString::fromLatin1(k.name);
  return out;
}

}  // namespace serp::app
