// SPDX-License-Identifier: GPL-3.0-or-later
// What stands over and under the curves: untrained part, reference lines, flags, labels at the margin, the cursor and its read-out.
#pragma once

#include <limits>
#include <vector>

#include "app/widgets/plot_view.h"
#include "app/widgets/qcp.h"

namespace serp::app {

/// Values the items paint; owned by the plot.
struct OverlayState {
  struct Dot { double x, y; QColor color; };
  std::vector<ReferenceLine> lines;
  std::vector<PlotFlag> flags;
  std::vector<PlotNote> notes;
  std::vector<double> bad;                           ///< x of points that are not numbers
  double untrainedFrom = std::numeric_limits<double>::quiet_NaN();
  double cursor = std::numeric_limits<double>::quiet_NaN();
  std::vector<Dot> dots;                             ///< curves at the cursor
  std::vector<ReadoutRow> rows;
  Dot now{0, std::numeric_limits<double>::quiet_NaN(), {}};
  QString nowLabel, emptyText;
  bool compact = false, empty = true, focused = false;
};

/// One of three layers: shade (under the grid), marks (over the curves), cursor (own buffered layer, 0.05 ms to redraw).
class OverlayItem final : public QCPAbstractItem {
 public:
  enum class Part { Shade, Marks, Cursor };
  OverlayItem(QCustomPlot* plot, Part part, const OverlayState& state) : QCPAbstractItem(plot), part_(part), state_(state) {
    setClipToAxisRect(false);
    setSelectable(false);
  }
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  void drawShade(QCPPainter& p, const QRect& area);
  void drawMarks(QCPPainter& p, const QRect& area);
  void drawFlags(QCPPainter& p, const QRect& area);
  void drawNotes(QCPPainter& p, const QRect& area);
  void drawCursor(QCPPainter& p, const QRect& area);
  void drawReadout(QCPPainter& p, const QRect& area, double x);
  double pixelX(double x) const { return parentPlot()->xAxis->coordToPixel(x); }
  double pixelY(double y) const { return parentPlot()->yAxis->coordToPixel(y); }
  Part part_;
  const OverlayState& state_;
};

}  // namespace serp::app
