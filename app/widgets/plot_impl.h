// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of PlotView: curves, their graphs, ranges and the overlay. Included by plot_*.cpp only.
#pragma once

#include <deque>

#include "app/widgets/plot_overlay.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/qcp.h"

namespace serp::app {

class PlotView::Impl {
 public:
  struct Curve {
    CurveStyle style;
    CurveData data;
    QCPGraph* raw = nullptr;
    QCPGraph* smooth = nullptr;
    QCPGraph* bandLow = nullptr;
    QCPGraph* bandHigh = nullptr;
    bool visible = true;
  };

  explicit Impl(PlotView* owner);
  void theme();                                      ///< axes, grid, pens
  void axes();                                       ///< tickers and scale types
  void rebuild();                                    ///< ranges, thinned points, one replot
  void feed(int columns);                            ///< thinned points into the graphs
  void moveCursor(double x);                         ///< redraws the cursor layer only
  void placeCursor();                                ///< dots and read-out
  void ranges();
  bool dataRange(double& from, double& to) const;
  int columns() const { return std::max(100, plot->axisRect()->width()); }

  PlotView* owner;
  QCustomPlot* plot;
  std::deque<Curve> curves;                          ///< deque: data() hands out references
  OverlayState overlay;
  std::function<std::vector<ReadoutRow>(double)> readout;
  double allFrom = 0, allTo = 0, smoothing = 0;
  bool zoomedX = false, zoomedY = false, logX = false, logY = false, showRaw = true, queued = false, dirty = true;
  QString xLabel, yLabel, name;
};

}  // namespace serp::app
