// SPDX-License-Identifier: GPL-3.0-or-later
// The overlay of losses: every shown run on one plot, over steps, tokens, seconds or FLOPs.
#pragma once

#include <vector>

#include "app/pages/compare/shown_run.h"
#include "app/widgets/panel.h"

class QPushButton;
class QSlider;

namespace serp::app {

class Caption;
class DirectLabels;
class PlotView;

class LossPanel final : public Panel {
  Q_OBJECT
 public:
  explicit LossPanel(QWidget* parent = nullptr);
  void setRuns(std::vector<ShownRun> runs, Measure by);   ///< `by`: what the caption compares
  PlotView* plot() const { return plot_; }
  const DirectLabels* labels() const { return labels_; }
  CurveAxis axis() const { return axis_; }
  void setAxis(CurveAxis axis);
  void setSmoothing(double weight);              ///< 0 = off
  QString caption() const;                       ///< one sentence computed from what is drawn
  /// Every logged point of every shown run, seeds apart: training and held-out, full precision.
  QString csv() const;

 private:
  struct Drawn { std::size_t run; int curve; };
  void draw();
  void drawBand(const Drawn& drawn);
  void label();
  PlotView* plot_;
  DirectLabels* labels_;
  QSlider* smoothing_;
  Caption* caption_;
  QPushButton* segments_[4];
  std::vector<ShownRun> runs_;
  std::vector<Drawn> drawn_;
  CurveAxis axis_ = CurveAxis::Tokens;
  Measure by_;
  double weight_ = 0;
};

}  // namespace serp::app
