// SPDX-License-Identifier: GPL-3.0-or-later
// Means and bands over seeds.
#include "app/pages/compare/shown_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "app/widgets/plot_data.h"

namespace serp::app {
namespace {

using Runs = std::vector<std::shared_ptr<const RunCurves>>;

/// For each step that every run has (the last record of a step counts): its position in every run, in ascending order.
template <class Record>
std::vector<std::vector<std::size_t>> commonSteps(const Runs& runs, std::vector<Record> RunCurves::* list) {
  std::unordered_map<std::int64_t, std::vector<std::size_t>> seen;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const auto& records = (*runs[r]).*list;
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto& places = seen[records[i].step];
      if (places.size() < r) continue;           // an earlier run lacks this step
      if (places.size() == r) places.push_back(i);
      else places[r] = i;
    }
  }
  std::vector<std::pair<std::int64_t, std::vector<std::size_t>>> whole;
  for (auto& entry : seen)
    if (entry.second.size() == runs.size()) whole.emplace_back(entry.first, std::move(entry.second));
  std::sort(whole.begin(), whole.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::vector<std::size_t>> out;
  out.reserve(whole.size());
  for (auto& entry : whole) out.push_back(std::move(entry.second));
  return out;
}

template <class Record, class Value>
double mean(const Runs& runs, std::vector<Record> RunCurves::* list, const std::vector<std::size_t>& places, Value value) {
  double sum = 0;
  for (std::size_t r = 0; r < runs.size(); ++r) sum += static_cast<double>(((*runs[r]).*list)[places[r]].*value);
  return sum / static_cast<double>(runs.size());
}

}  // namespace

std::shared_ptr<const RunCurves> meanOf(const Runs& runs) {
  auto out = std::make_shared<RunCurves>();
  if (runs.empty()) return out;
  out->settings = runs.front()->settings;
  out->reference = runs.front()->reference;
  for (const auto& places : commonSteps(runs, &RunCurves::steps)) {
    StepRecord record = runs.front()->steps[places.front()];
    for (const auto field : {&StepRecord::loss, &StepRecord::seconds, &StepRecord::tokensPerSecond, &StepRecord::gradNorm, &StepRecord::auxLoss, &StepRecord::accuracy})
      record.*field = mean(runs, &RunCurves::steps, places, field);
    out->steps.push_back(record);
  }
  for (const auto& places : commonSteps(runs, &RunCurves::evals)) {
    EvalRecord record = runs.front()->evals[places.front()];
    for (const auto field : {&EvalRecord::loss, &EvalRecord::bitsPerByte, &EvalRecord::accuracy, &EvalRecord::seconds})
      record.*field = mean(runs, &RunCurves::evals, places, field);
    out->evals.push_back(record);
  }
  return out;
}

SeedBand seedBand(const Runs& runs, double weight, std::size_t most) {
  SeedBand out;
  if (runs.size() < 2) return out;
  std::vector<std::vector<double>> smooth;
  for (const auto& run : runs) {
    MovingAverage average(weight);
    auto& values = smooth.emplace_back();
    values.reserve(run->steps.size());
    for (const StepRecord& s : run->steps) values.push_back(average.next(static_cast<double>(s.step), s.loss));
  }
  const auto common = commonSteps(runs, &RunCurves::steps);
  const std::size_t stride = std::max<std::size_t>(1, common.size() / std::max<std::size_t>(1, most));
  for (std::size_t i = 0; i < common.size(); ++i) {
    if (i % stride != 0 && i + 1 != common.size()) continue;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (std::size_t r = 0; r < runs.size(); ++r) {
      const double value = smooth[r][common[i][r]];
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (low > high) continue;
    out.at.push_back(i);
    out.low.push_back(low);
    out.high.push_back(high);
  }
  return out;
}

std::vector<ShownRun> seedsTogether(const std::vector<ShownRun>& runs) {
  const auto keyOf = [](const ShownRun& run) {
    const QString key = run.curves ? designKey(*run.curves) : QString();
    return key.isEmpty() ? key : run.design + QLatin1Char('\n') + key;
  };
  const auto length = [](const ShownRun& run) { return run.curves && !run.curves->steps.empty() ? run.curves->steps.back().step : 0; };
  std::vector<QString> keys;
  QHash<QString, std::int64_t> longest;
  for (const ShownRun& run : runs) {
    keys.push_back(keyOf(run));
    if (!keys.back().isEmpty()) longest[keys.back()] = std::max<std::int64_t>(longest.value(keys.back(), 0), length(run));
  }
  std::vector<std::vector<std::size_t>> members;
  QHash<QString, std::size_t> known;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool joins = !keys[i].isEmpty() && 2 * length(runs[i]) >= longest.value(keys[i]);
    if (joins && known.contains(keys[i])) {
      members[known.value(keys[i])].push_back(i);
      continue;
    }
    if (joins) known.insert(keys[i], members.size());
    members.push_back({i});
  }
  std::vector<ShownRun> out;
  QHash<QString, int> names;
  for (const auto& group : members) {
    ShownRun one = runs[group.front()];
    ++names[one.design];
    if (group.size() > 1) {
      one.name = QObject::tr("%1 ×%2").arg(one.design).arg(group.size());
      for (const std::size_t i : group) {
        one.baseline |= runs[i].baseline;
        one.seeds.push_back(runs[i].curves);
      }
      one.colour = runs[group.back()].colour;    // of the oldest: newest runs come first
      one.curves = meanOf(one.seeds);
    }
    out.push_back(std::move(one));
  }
  for (ShownRun& run : out)
    if (run.seeds.empty() && names.value(run.design) == 1) run.name = run.design;
  return out;
}

double axisValue(const StepRecord& record, CurveAxis axis) {
  switch (axis) {
    case CurveAxis::Step: return static_cast<double>(record.step);
    case CurveAxis::Tokens: return static_cast<double>(record.tokens);
    case CurveAxis::Seconds: return record.seconds;
    case CurveAxis::Flops: return record.flops;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double axisValue(const EvalRecord& record, CurveAxis axis, const RunCurves& of) {
  if (axis == CurveAxis::Step) return static_cast<double>(record.step);
  if (axis == CurveAxis::Tokens) return static_cast<double>(record.tokens);
  // Training time and FLOPs stand in the step's record: an evaluation's own seconds are how long it took.
  const auto at = std::lower_bound(of.steps.begin(), of.steps.end(), record.step, [](const StepRecord& s, std::int64_t step) { return s.step < step; });
  if (at != of.steps.end()) return axisValue(*at, axis);
  return of.steps.empty() ? std::numeric_limits<double>::quiet_NaN() : axisValue(of.steps.back(), axis);
}

}  // namespace serp::app
