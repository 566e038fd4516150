// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges, thinning and drawing of a plot: the five plotting rules are kept here.
#include "app/widgets/plot_impl.h"

#include <algorithm>
#include <cmath>

#include "app/style/theme.h"
#include "app/widgets/plot_ticker.h"

namespace serp::app {
namespace {

constexpr int kRightMargin = 132, kFlagMargin = 22;

}  // namespace

PlotView::Impl::Impl(PlotView* o) : owner(o), plot(new QCustomPlot(o)) {
  plot->setNoAntialiasingOnDrag(true);
  plot->setSelectionRectMode(QCP::srmCustom);
  plot->setInteraction(QCP::iRangeZoom);
  plot->axisRect()->setRangeZoom(Qt::Horizontal);
  plot->axisRect()->setupFullAxesBox(false);
  for (QCPAxis* axis : {plot->xAxis2, plot->yAxis2}) axis->setVisible(false);
  plot->setFocusPolicy(Qt::NoFocus);                 // the PlotView takes the keys
  plot->addLayer(QStringLiteral("marks"), plot->layer(QStringLiteral("axes")), QCustomPlot::limAbove);
  plot->addLayer(QStringLiteral("cursor"), plot->layer(QStringLiteral("marks")), QCustomPlot::limAbove);
  plot->layer(QStringLiteral("cursor"))->setMode(QCPLayer::lmBuffered);
  (new OverlayItem(plot, OverlayItem::Part::Shade, overlay))->setLayer(QStringLiteral("background"));
  (new OverlayItem(plot, OverlayItem::Part::Marks, overlay))->setLayer(QStringLiteral("marks"));
  (new OverlayItem(plot, OverlayItem::Part::Cursor, overlay))->setLayer(QStringLiteral("cursor"));
}

void PlotView::Impl::axes() {
  const auto scale = [](QCPAxis* axis, bool log, int ticks) {
    axis->setScaleType(log ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis->setTicker(QSharedPointer<PlotTicker>::create(log, ticks));
  };
  scale(plot->xAxis, logX, overlay.compact ? 4 : 8);
  scale(plot->yAxis, logY, overlay.compact ? 4 : 8);
  plot->axisRect()->setAutoMargins(QCP::msLeft | QCP::msBottom);
  plot->axisRect()->setMinimumMargins(QMargins(36, 0, 0, 22));
  plot->axisRect()->setMargins(QMargins(0, overlay.compact ? 8 : kFlagMargin, overlay.compact ? 14 : kRightMargin, 0));
}

void PlotView::Impl::theme() {
  const Theme& t = Theme::instance();
  plot->setBackground(QBrush(t.color(Tone::Surface)));
  for (QCPAxis* axis : {plot->xAxis, plot->yAxis}) {
    axis->setBasePen(QPen(t.color(Tone::Border), 1));
    axis->setTickPen(Qt::NoPen);
    axis->setSubTickPen(Qt::NoPen);
    axis->setTickLabelColor(t.color(Tone::Muted));
    axis->setTickLabelFont(t.caption());
    axis->setLabelColor(t.color(Tone::Muted));
    axis->setLabelFont(t.caption());
    axis->setTickLengthIn(0);
    axis->setTickLengthOut(0);
    axis->setTickLabelPadding(6);
    axis->setNumberFormat(QStringLiteral("g"));      // 5e-4 as it stands in a design, not as a power of ten
    axis->grid()->setPen(QPen(t.grid(), 1));
    axis->grid()->setZeroLinePen(QPen(t.grid(), 1));
    axis->grid()->setSubGridVisible(false);
    axis->grid()->setAntialiased(false);
  }
  plot->xAxis->setLabel(xLabel);
  plot->yAxis->setLabel(yLabel);
  plot->selectionRect()->setPen(QPen(t.color(Tone::Attention), 1));
  plot->selectionRect()->setBrush(Qt::NoBrush);
  const QColor surface = t.color(Tone::Surface);
  for (Curve& curve : curves) {
    const QColor color = curve.style.color ? curve.style.color() : t.curve(0);
    QPen pen(color, 1);
    if (curve.style.kind == CurveStyle::Kind::Dashed) pen.setDashPattern({6, 4});
    curve.smooth->setPen(pen);
    curve.raw->setPen(curve.style.smoothed && smoothing > 0 ? QPen(Theme::mix(surface, color, 0.38), 1) : pen);
    if (curve.style.kind == CurveStyle::Kind::Discs) {
      curve.raw->setLineStyle(QCPGraph::lsNone);
      curve.raw->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(color, 1), QBrush(surface), 7));
    }
    if (curve.bandLow) {
      curve.bandLow->setPen(Qt::NoPen);
      curve.bandHigh->setPen(Qt::NoPen);
      curve.bandHigh->setBrush(Theme::mix(surface, color, 0.26));
      curve.bandHigh->setAntialiasedFill(false);
    }
  }
}

bool PlotView::Impl::dataRange(double& from, double& to) const {
  bool any = false;
  for (const Curve& curve : curves) {
    if (!curve.visible || curve.data.size() == 0) continue;
    const auto& x = curve.data.x();
    std::size_t first = 0;
    if (logX)
      while (first < x.size() && x[first] <= 0) ++first;
    if (first == x.size()) continue;
    from = any ? std::min(from, x[first]) : x[first];
    to = any ? std::max(to, x.back()) : x.back();
    any = true;
  }
  return any;
}

void PlotView::Impl::ranges() {
  double from = 0, to = 1;
  const bool any = dataRange(from, to);
  if (allTo > allFrom) {
    from = logX ? std::max(any ? from : 1.0, allFrom) : allFrom;
    to = std::max(allTo, any ? to : allTo);
  }
  if (!(to > from)) to = from + std::max(1.0, std::abs(from) * 0.1);
  if (!zoomedX) plot->xAxis->setRange(from, to);
  if (zoomedY) return;
  double low = 0, high = 1;
  bool found = false;
  const auto take = [&](double a, double b) {
    low = found ? std::min(low, a) : a;
    high = found ? std::max(high, b) : b;
    found = true;
  };
  const QCPRange x = plot->xAxis->range();
  for (const Curve& curve : curves) {
    double a = 0, b = 0;
    if (curve.visible && curve.data.range(x.lower, x.upper, logY, a, b)) take(a, b);
  }
  for (const ReferenceLine& line : overlay.lines)
    if (!zoomedX && (!logY || line.y > 0)) take(line.y, line.y);
  if (!found) low = logY ? 1 : 0, high = logY ? 10 : 1;
  if (logY) {
    const double pad = std::max(std::pow(high / low, 0.06), 1.02);
    plot->yAxis->setRange(low / pad, high * pad);
  } else {
    const double flat = high > low ? 1e-12 : std::max(std::abs(high) * 0.02, high == 0 ? 1.0 : 1e-12);  // all zero: 0 to 1
    const double pad = std::max((high - low) * 0.06, std::max(std::abs(high) * 0.02, flat));
    plot->yAxis->setRange(low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad);
  }
}

void PlotView::Impl::feed(int columnCount) {
  const QCPRange x = plot->xAxis->range();
  const auto fill = [&](QCPGraph* graph, CurveData::Points points) {
    QVector<QCPGraphData> out;
    out.reserve(static_cast<int>(points.x.size()));
    for (std::size_t i = 0; i < points.x.size(); ++i)
      if ((!logY || points.y[i] > 0) && (!logX || points.x[i] > 0)) out.push_back({points.x[i], points.y[i]});
    graph->data()->set(out, true);
  };
  overlay.empty = true;
  overlay.bad.clear();
  for (Curve& curve : curves) {
    const bool average = curve.style.smoothed && smoothing > 0;
    curve.raw->setVisible(curve.visible && (!average || showRaw));
    curve.smooth->setVisible(curve.visible && average);
    if (curve.bandHigh) curve.bandHigh->setVisible(curve.visible);
    if (!curve.visible) continue;
    if (curve.data.size() > 0) overlay.empty = false;
    const bool discs = curve.style.kind == CurveStyle::Kind::Discs;
    if (curve.raw->visible()) fill(curve.raw, curve.data.thinned(false, x.lower, x.upper, discs ? columnCount * 8 : columnCount, logX));
    if (average) fill(curve.smooth, curve.data.thinned(true, x.lower, x.upper, columnCount, logX));
    const auto& bad = curve.data.nonFinite();
    overlay.bad.insert(overlay.bad.end(), bad.begin(), bad.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(bad.size(), 500)));
  }
  overlay.now.y = std::numeric_limits<double>::quiet_NaN();
  if (!curves.empty() && curves.front().visible && curves.front().data.size() > 0 && !overlay.nowLabel.isEmpty()) {
    const Curve& c = curves.front();
    overlay.now = {c.data.x().back(), (smoothing > 0 && c.style.smoothed ? c.data.smoothed() : c.data.y()).back(), c.smooth->pen().color()};
  }
}

void PlotView::Impl::placeCursor() {
  overlay.dots.clear();
  overlay.rows.clear();
  if (!std::isfinite(overlay.cursor)) return;
  for (const Curve& curve : curves) {
    if (!curve.visible || curve.style.kind != CurveStyle::Kind::Line) continue;
    const auto i = curve.data.nearest(overlay.cursor);
    if (i < 0 || overlay.cursor > curve.data.x().back() || overlay.cursor < curve.data.x().front()) continue;
    const auto at = static_cast<std::size_t>(i);
    const double y = curve.style.smoothed && smoothing > 0 ? curve.data.smoothed()[at] : curve.data.y()[at];
    overlay.dots.push_back({curve.data.x()[at], y, curve.smooth->pen().color()});
  }
  if (readout && !overlay.dots.empty()) overlay.rows = readout(overlay.cursor);
}

void PlotView::Impl::moveCursor(double x) {
  const bool both = std::isnan(x) && std::isnan(overlay.cursor);
  if (both || x == overlay.cursor) return;
  overlay.cursor = x;
  if (!owner->isVisible() || dirty) return;          // a full draw is on its way
  placeCursor();
  plot->layer(QStringLiteral("cursor"))->replot();
}

void PlotView::Impl::rebuild() {
  dirty = false;
  plot->yAxis->ticker()->setTickCount(std::clamp(plot->axisRect()->height() / 24, 2, overlay.compact ? 4 : 8));  // labels must not touch
  ranges();
  feed(columns());
  placeCursor();
  plot->replot(QCustomPlot::rpQueuedRefresh);
}

}  // namespace serp::app
