// SPDX-License-Identifier: GPL-3.0-or-later
// The four plots of the Train page: loss above, learning rate, gradient norm and tokens per second below, one cursor for all.
#pragma once

#include <QWidget>
#include <vector>

#include "app/pages/train/run_axis.h"

class QLabel;
class QPushButton;
class QSlider;

namespace serp::app {

class Panel;
class PlotView;
struct Workspace;

class CurvesPanel final : public QWidget {
  Q_OBJECT
 public:
  explicit CurvesPanel(Workspace& workspace, QWidget* parent = nullptr);
  void refresh();                                  ///< new points; called once a tick while visible
  PlotView* loss() const { return loss_; }
  PlotView* gradNorm() const { return gradNorm_; }
  void setAxis(RunAxis axis);
  void setCompactHeight(bool on);                  ///< the small plots are hidden when the page is very low

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void buildLoss();
  void buildSmall();
  void appendNew();
  void showMarks();
  void moveCursor(double x);
  void exportLoss();
  Workspace& workspace_;
  RunAxis axis_ = RunAxis::Step;
  Panel *lossPanel_, *ratePanel_, *gradPanel_, *speedPanel_;
  PlotView *loss_, *rate_, *gradNorm_, *speed_;
  QLabel *rateNow_, *gradNow_, *speedNow_, *smoothingNow_;
  QPushButton* logY_ = nullptr;
  QSlider* smoothing_ = nullptr;
  QWidget* small_;
  QWidget* legend_ = nullptr;
  std::size_t stepsTaken_ = 0, evalsTaken_ = 0, eventsTaken_ = 0;
  int generation_ = -1;
  bool marksStale_ = true;
};

}  // namespace serp::app
