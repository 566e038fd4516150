// SPDX-License-Identifier: GPL-3.0-or-later
// What the panels of the Compare page draw: one run, or several that differ in their seed alone, as one.
#pragma once

#include <QColor>
#include <QString>
#include <memory>
#include <vector>

#include "app/pages/compare/compare_curves.h"

namespace serp::app {

struct ShownRun {
  QString id, name;
  QColor colour;
  std::shared_ptr<const RunCurves> curves;              ///< null while they are read; of several seeds: their mean
  bool baseline = false;
  bool dashed = false;                                  ///< the hue serves a second design
  QString design;                                       ///< name without the seed
  std::int64_t parameters = 0, activeParameters = 0;
  std::vector<std::shared_ptr<const RunCurves>> seeds;  ///< more than one: what the mean was taken of
};

/// Runs with the same design key and name become one, with the mean of their losses at the steps all of them have reached. A run
/// that got less than half as far as its longest sibling stays apart: it would cut the mean short. The order is that of the first
/// of each; a name loses its seed where nothing else has that name.
std::vector<ShownRun> seedsTogether(const std::vector<ShownRun>& runs);

/// Means at the steps that every run has: losses, seconds and tokens per second of a step, losses of an evaluation.
std::shared_ptr<const RunCurves> meanOf(const std::vector<std::shared_ptr<const RunCurves>>& runs);

/// The lowest and highest smoothed training loss over the seeds, at the steps of meanOf(). `weight` as in MovingAverage.
struct SeedBand { std::vector<std::size_t> at; std::vector<double> low, high; };  ///< at: indices into the mean's steps
SeedBand seedBand(const std::vector<std::shared_ptr<const RunCurves>>& runs, double weight, std::size_t most);

/// The record at an axis' unit.
double axisValue(const StepRecord& record, CurveAxis axis);
double axisValue(const EvalRecord& record, CurveAxis axis, const RunCurves& of);

}  // namespace serp::app
