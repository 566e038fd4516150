// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of a plot: curves in, mouse and keys handled, drawing asked for at most once per turn of the event loop.
#include "app/widgets/plot_view.h"

#include <QKeyEvent>
#include <QVBoxLayout>
#include <QWindow>
#include <cmath>

#include "app/style/theme.h"
#include "app/widgets/plot_impl.h"

namespace serp::app {

PlotView::PlotView(const QString& accessibleName, QWidget* parent) : QWidget(parent), impl_(std::make_unique<Impl>(this)) {
  impl_->name = accessibleName;
  setAccessibleName(accessibleName);
  setFocusPolicy(Qt::StrongFocus);
  setMinimumSize(160, 80);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(impl_->plot);
  impl_->axes();
  impl_->theme();

  QCustomPlot* plot = impl_->plot;
  connect(plot, &QCustomPlot::mouseMove, this, [this, plot](QMouseEvent* event) {
    if (event->buttons() != Qt::NoButton) return;
    const bool inside = plot->axisRect()->rect().contains(event->pos());
    Q_EMIT cursorMoved(inside ? plot->xAxis->pixelToCoord(event->position().x()) : std::numeric_limits<double>::quiet_NaN());
  });
  connect(plot, &QCustomPlot::mouseDoubleClick, this, &PlotView::showAll);
  connect(plot, &QCustomPlot::mousePress, this, [this] { setFocus(Qt::MouseFocusReason); });
  connect(plot, &QCustomPlot::mouseWheel, this, [this] {
    impl_->zoomedX = true;
    refresh();
  });
  connect(plot->selectionRect(), &QCPSelectionRect::accepted, this, [this, plot](const QRect& rect, QMouseEvent* event) {
    const QRect r = rect.normalized();
    if (r.width() < 5) {
      Q_EMIT clicked(plot->xAxis->pixelToCoord(event->position().x()));
      return;
    }
    plot->xAxis->setRange(plot->xAxis->pixelToCoord(r.left()), plot->xAxis->pixelToCoord(r.right()));
    impl_->zoomedX = true;
    if (r.height() > 16) {
      plot->yAxis->setRange(plot->yAxis->pixelToCoord(r.bottom()), plot->yAxis->pixelToCoord(r.top()));
      impl_->zoomedY = true;
    }
    refresh();
  });
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    impl_->theme();
    refresh();
  });
}

PlotView::~PlotView() = default;

int PlotView::addCurve(CurveStyle style) {
  Impl::Curve curve;
  curve.style = std::move(style);
  curve.raw = impl_->plot->addGraph();
  curve.smooth = impl_->plot->addGraph();
  for (QCPGraph* graph : {curve.raw, curve.smooth}) graph->setAdaptiveSampling(false);  // thinned already
  if (curve.style.smoothed) curve.data.setSmoothing(impl_->smoothing);
  impl_->curves.push_back(std::move(curve));
  impl_->theme();
  refresh();
  return static_cast<int>(impl_->curves.size()) - 1;
}

void PlotView::removeCurves() {
  impl_->plot->clearGraphs();
  impl_->curves.clear();
  refresh();
}

void PlotView::setCurveVisible(int id, bool visible) {
  impl_->curves[static_cast<std::size_t>(id)].visible = visible;
  refresh();
}

void PlotView::clearPoints() {
  for (Impl::Curve& curve : impl_->curves) {
    curve.data.clear();
    curve.raw->data()->clear();
    curve.smooth->data()->clear();
  }
  refresh();
}

void PlotView::append(int id, double x, double y, double t) { impl_->curves[static_cast<std::size_t>(id)].data.append(x, y, t); }

void PlotView::setPoints(int id, std::span<const double> x, std::span<const double> y, std::span<const double> t) {
  CurveData& data = impl_->curves[static_cast<std::size_t>(id)].data;
  data.clear();
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    data.append(x[i], y[i], i < t.size() ? t[i] : static_cast<double>(i));
  refresh();
}

void PlotView::setBand(int id, std::vector<double> x, std::vector<double> low, std::vector<double> high) {
  Impl::Curve& curve = impl_->curves[static_cast<std::size_t>(id)];
  if (!curve.bandLow) {
    curve.bandLow = impl_->plot->addGraph();
    curve.bandHigh = impl_->plot->addGraph();
    curve.bandHigh->setChannelFillGraph(curve.bandLow);
    for (QCPGraph* graph : {curve.bandLow, curve.bandHigh}) graph->setLayer(QStringLiteral("grid"));
  }
  curve.bandLow->setData(QVector<double>(x.begin(), x.end()), QVector<double>(low.begin(), low.end()), true);
  curve.bandHigh->setData(QVector<double>(x.begin(), x.end()), QVector<double>(high.begin(), high.end()), true);
  impl_->theme();
  refresh();
}

const CurveData& PlotView::data(int id) const { return impl_->curves[static_cast<std::size_t>(id)].data; }
int PlotView::curveCount() const { return static_cast<int>(impl_->curves.size()); }

void PlotView::setSmoothing(double weight) {
  impl_->smoothing = weight;
  for (Impl::Curve& curve : impl_->curves)
    if (curve.style.smoothed) curve.data.setSmoothing(weight);
  impl_->theme();
  refresh();
}

void PlotView::setShowRaw(bool on) {
  impl_->showRaw = on;
  refresh();
}

void PlotView::setAxisLabels(const QString& x, const QString& y) {
  impl_->xLabel = x;
  impl_->yLabel = y;
  impl_->theme();
  refresh();
}

void PlotView::setLogX(bool on) {
  if (impl_->logX != on) impl_->zoomedX = false;
  impl_->logX = on;
  impl_->axes();
  refresh();
}

void PlotView::setLogY(bool on) {
  if (impl_->logY != on) impl_->zoomedY = false;
  impl_->logY = on;
  impl_->axes();
  refresh();
}

bool PlotView::logX() const { return impl_->logX; }
bool PlotView::logY() const { return impl_->logY; }

void PlotView::setXRange(double from, double to) {
  impl_->allFrom = from;
  impl_->allTo = to;
  refresh();
}

void PlotView::setReferenceLines(std::vector<ReferenceLine> lines) {
  impl_->overlay.lines = std::move(lines);
  refresh();
}

void PlotView::setFlags(std::vector<PlotFlag> flags) {
  impl_->overlay.flags = std::move(flags);
  refresh();
}

void PlotView::setNotes(std::vector<PlotNote> notes) {
  impl_->overlay.notes = std::move(notes);
  refresh();
}

void PlotView::setUntrainedFrom(double x) { impl_->overlay.untrainedFrom = x; }
void PlotView::setNowLabel(const QString& text) { impl_->overlay.nowLabel = text; }

void PlotView::setCompact(bool on) {
  impl_->overlay.compact = on;
  impl_->axes();
  refresh();
}

void PlotView::setReadout(std::function<std::vector<ReadoutRow>(double)> rows) { impl_->readout = std::move(rows); }
void PlotView::setEmptyText(const QString& text) { impl_->overlay.emptyText = text; }
void PlotView::setCursor(double x) { impl_->moveCursor(x); }
double PlotView::cursor() const { return impl_->overlay.cursor; }

void PlotView::showAll() {
  impl_->zoomedX = impl_->zoomedY = false;
  refresh();
}

void PlotView::refresh() {
  impl_->dirty = true;
  if (impl_->queued || !isVisible()) return;
  impl_->queued = true;
  QMetaObject::invokeMethod(
      this,
      [this] {
        impl_->queued = false;
        if (isVisible() && impl_->dirty) impl_->rebuild();
      },
      Qt::QueuedConnection);
}

void PlotView::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (QWindow* handle = window()->windowHandle())
    // Qt 6 leaves QCustomPlot's buffers at the old screen's ratio.
    connect(handle, &QWindow::screenChanged, this, &PlotView::adoptScreen, Qt::UniqueConnection);
  refresh();
}

void PlotView::adoptScreen() {
  impl_->plot->setBufferDevicePixelRatio(devicePixelRatioF());
  refresh();
}

void PlotView::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::EnabledChange) refresh();
}

void PlotView::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  impl_->overlay.focused = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
  refresh();
}

void PlotView::focusOutEvent(QFocusEvent* event) {
  QWidget::focusOutEvent(event);
  impl_->overlay.focused = false;
  refresh();
}

void PlotView::leaveEvent(QEvent* event) {
  QWidget::leaveEvent(event);
  Q_EMIT cursorMoved(std::numeric_limits<double>::quiet_NaN());
}

void PlotView::keyPressEvent(QKeyEvent* event) {
  const QCPRange range = impl_->plot->xAxis->range();
  const double at = std::isfinite(impl_->overlay.cursor) ? impl_->overlay.cursor : range.center();
  const double nudge = range.size() / (event->modifiers() & Qt::ShiftModifier ? 20 : 200);
  switch (event->key()) {
    case Qt::Key_Left: Q_EMIT cursorMoved(std::max(range.lower, at - nudge)); return;
    case Qt::Key_Right: Q_EMIT cursorMoved(std::min(range.upper, at + nudge)); return;
    case Qt::Key_Plus: case Qt::Key_Minus:
      impl_->plot->xAxis->scaleRange(event->key() == Qt::Key_Plus ? 0.8 : 1.25, at);
      impl_->zoomedX = true;
      refresh();
      return;
    case Qt::Key_0: case Qt::Key_Escape: showAll(); return;
    default: QWidget::keyPressEvent(event);
  }
}

}  // namespace serp::app
