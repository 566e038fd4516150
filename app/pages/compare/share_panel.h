// SPDX-License-Identifier: GPL-3.0-or-later
// Share of steps: how many of the baseline's steps each run needs to reach the baseline's loss, beside the paper's values.
#pragma once

#include "app/pages/compare/shown_run.h"
#include "app/widgets/panel.h"

namespace serp::app {

class Caption;

class SharePanel final : public Panel {
  Q_OBJECT
 public:
  explicit SharePanel(QWidget* parent = nullptr);
  void setRuns(const std::vector<ShownRun>& runs);
  QString csv() const;
  QString caption() const;                       ///< one sentence computed from what is drawn
  bool exportPicture(const QString& file, QString* error);

 private:
  class Rows;
  Rows* rows_;
  Caption* caption_;
};

/// Steps of `run` to reach the baseline's last loss over the baseline's steps; null if it never does, or without a baseline.
std::optional<double> shareOfSteps(const RunCurves& run, const RunCurves& baseline);

}  // namespace serp::app
