// SPDX-License-Identifier: GPL-3.0-or-later
// A grid of coloured cells: one image pixel per cell, drawn without smoothing; labels, ring and hatch painted over it.
#include "app/widgets/heatmap_view.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <limits>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kBreak = 8;   // gap before a row break
constexpr int kFlagRoom = 10;

}  // namespace

/// Where things are for a given size.
struct HeatmapView::Layout {
  QRectF grid;
  double rowHeight = 0, columnWidth = 0;
  std::vector<double> tops;                          ///< of each row
};

HeatmapView::HeatmapView(const QString& accessibleName, QWidget* parent) : QWidget(parent) {
  setAccessibleName(accessibleName);
  setMouseTracking(true);
  setMinimumSize(120, 60);
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    imageWidth_ = -1;
    update();
  });
}

void HeatmapView::setGrid(int rows, int columns, std::vector<float> values) {
  rows_ = std::max(0, rows);
  columns_ = std::max(0, columns);
  values_ = std::move(values);
  values_.resize(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_), std::numeric_limits<float>::quiet_NaN());
  imageWidth_ = -1;
  update();
}

void HeatmapView::setScale(Scale scale, double low, double high) {
  scale_ = scale;
  low_ = low;
  high_ = high;
  imageWidth_ = -1;
  update();
}

void HeatmapView::setRowLabels(const QStringList& labels) { rowLabels_ = labels; update(); }
void HeatmapView::setRightLabels(const QStringList& labels) { rightLabels_ = labels; update(); }
void HeatmapView::setColumnLabels(const QStringList& labels) { columnLabels_ = labels; update(); }
void HeatmapView::setRowBreaks(std::vector<int> rows) { breaks_ = std::move(rows); update(); }
void HeatmapView::setFlags(std::vector<int> columns) { flags_ = std::move(columns); update(); }
void HeatmapView::setShowNumbers(bool on) { numbers_ = on; update(); }
void HeatmapView::setTip(std::function<QString(int, int, float)> tip) { tip_ = std::move(tip); }
void HeatmapView::setEmptyText(const QString& text) { emptyText_ = text; update(); }

void HeatmapView::setCursor(int row, int column) {
  if (row == cursorRow_ && column == cursorColumn_) return;
  cursorRow_ = row;
  cursorColumn_ = column;
  update();
}

float HeatmapView::value(int row, int column) const {
  if (row < 0 || row >= rows_ || column < 0 || column >= columns_) return std::numeric_limits<float>::quiet_NaN();
  return values_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column)];
}

QColor HeatmapView::cellColor(float value) const {
  const Theme& theme = Theme::instance();
  return scale_ == Scale::LoadRatio ? theme.load(value) : theme.viridis((value - low_) / std::max(1e-12, high_ - low_));
}

HeatmapView::Layout HeatmapView::layoutFor(QSize size) const {
  const QFontMetrics metrics(Theme::instance().caption());
  const auto widest = [&](const QStringList& labels) {
    int w = 0;
    for (const QString& label : labels) w = std::max(w, metrics.horizontalAdvance(label));
    return w;
  };
  Layout out;
  const int left = rowLabels_.isEmpty() ? 0 : std::min(widest(rowLabels_), size.width() / 3) + 8;
  const int right = rightLabels_.isEmpty() ? 0 : std::min(widest(rightLabels_), size.width() / 3) + 8;
  const int bottom = columnLabels_.isEmpty() ? 0 : metrics.height() + 4;
  const int top = !flags_.empty() ? kFlagRoom : rowLabels_.isEmpty() ? 0 : 6;  // the first row's label stands over its middle
  out.grid = QRectF(left, top, std::max(1, size.width() - left - right), std::max(1, size.height() - top - bottom));
  if (rows_ == 0 || columns_ == 0) return out;
  int gaps = 0;
  for (const int row : breaks_) gaps += row > 0 && row < rows_ ? 1 : 0;
  out.rowHeight = std::max(1.0, (out.grid.height() - gaps * kBreak) / rows_);
  out.columnWidth = out.grid.width() / columns_;
  double y = out.grid.top();
  for (int r = 0; r < rows_; ++r) {
    if (r > 0 && std::find(breaks_.begin(), breaks_.end(), r) != breaks_.end()) y += kBreak;
    out.tops.push_back(y);
    y += out.rowHeight;
  }
  return out;
}

void HeatmapView::rebuildImage(int width) const {
  const int columns = std::min(columns_, std::max(1, width));
  image_ = QImage(columns, std::max(1, rows_), QImage::Format_ARGB32);
  for (int r = 0; r < rows_; ++r) {
    auto* line = reinterpret_cast<QRgb*>(image_.scanLine(r));
    for (int c = 0; c < columns; ++c) {
      const int from = static_cast<int>(static_cast<std::int64_t>(c) * columns_ / columns);
      const int to = std::max(from + 1, static_cast<int>(static_cast<std::int64_t>(c + 1) * columns_ / columns));
      double sum = 0;
      int n = 0;
      for (int k = from; k < to; ++k)
        if (const float v = value(r, k); std::isfinite(v)) sum += v, ++n;
      line[c] = n ? cellColor(static_cast<float>(sum / n)).rgb() : 0;  // transparent: the hatch below shows
    }
  }
  imageWidth_ = width;
}

void HeatmapView::draw(QPainter& painter, QSize size) const {
  const Theme& theme = Theme::instance();
  painter.setFont(theme.caption());
  if (rows_ == 0 || columns_ == 0) {
    painter.setPen(theme.color(Tone::Muted));
    painter.drawText(QRect(QPoint(), size), Qt::AlignCenter | Qt::TextWordWrap, emptyText_);
    return;
  }
  const Layout layout = layoutFor(size);
  if (const int width = static_cast<int>(layout.grid.width()); imageWidth_ != width) rebuildImage(width);
  const QFontMetrics metrics(painter.font());
  const QColor hatch = Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.55);
  int labelled = -1000;
  for (int r = 0; r < rows_; ++r) {
    const double top = layout.tops[static_cast<std::size_t>(r)];
    const QRectF row(layout.grid.left(), std::round(top), layout.grid.width(), std::max(1.0, std::round(top + layout.rowHeight) - std::round(top)));
    painter.fillRect(row, QBrush(hatch, Qt::BDiagPattern));
    painter.drawImage(row, image_, QRectF(0, r, image_.width(), 1));
    const double middle = row.center().y();
    if (middle - labelled >= metrics.height() - 2 || r == cursorRow_) {
      painter.setPen(r == cursorRow_ ? theme.color(Tone::Text) : theme.color(Tone::Muted));
      const QRectF left(0, middle - 9, layout.grid.left() - 6, 18);
      if (r < rowLabels_.size() && (r != cursorRow_ || middle - labelled >= metrics.height() - 2)) {
        painter.drawText(left, Qt::AlignRight | Qt::AlignVCenter, metrics.elidedText(rowLabels_[r], Qt::ElideRight, static_cast<int>(left.width())));
        labelled = static_cast<int>(middle);
      }
    }
    if (r < rightLabels_.size() && !rightLabels_[r].isEmpty()) {
      painter.setPen(theme.color(Tone::Muted));
      painter.drawText(QRectF(layout.grid.right() + 6, middle - 9, size.width() - layout.grid.right() - 6, 18),
                       Qt::AlignLeft | Qt::AlignVCenter, rightLabels_[r]);
    }
    if (!numbers_ || layout.columnWidth < 20 || layout.rowHeight < 14) continue;
    for (int c = 0; c < columns_; ++c) {
      const float v = value(r, c);
      if (!std::isfinite(v)) continue;
      const QColor back = cellColor(v);
      painter.setPen(back.lightnessF() > 0.5 ? QColor(Qt::black) : QColor(Qt::white));
      QString number = QString::number(v, 'f', 1);
      if (number.startsWith(QLatin1String("0."))) number.remove(0, 1);
      painter.drawText(QRectF(layout.grid.left() + c * layout.columnWidth, row.top(), layout.columnWidth, row.height()), Qt::AlignCenter, number);
    }
  }
  int free = -1000;
  painter.setPen(theme.color(Tone::Muted));
  for (int c = 0; c < std::min<int>(columns_, static_cast<int>(columnLabels_.size())); ++c) {
    const int width = metrics.horizontalAdvance(columnLabels_[c]);
    const double centre = layout.grid.left() + (c + 0.5) * layout.columnWidth;
    if (columnLabels_[c].isEmpty() || centre - width / 2.0 < free) continue;
    painter.drawText(QRectF(centre - width, layout.grid.bottom() + 2, 2.0 * width, metrics.height()), Qt::AlignCenter, columnLabels_[c]);
    free = static_cast<int>(centre + width / 2.0 + 8);
  }
  painter.setPen(Qt::NoPen);
  painter.setBrush(theme.color(Tone::Experts));
  for (const int c : flags_) {
    const double x = layout.grid.left() + (c + 0.5) * layout.columnWidth;
    painter.drawPolygon(QPolygonF({{x - 4, 1}, {x + 4, 1}, {x, 7}}));
  }
  painter.setBrush(Qt::NoBrush);
  painter.setPen(QPen(theme.color(Tone::Text), 1));
  if (cursorColumn_ >= 0 && cursorColumn_ < columns_) {
    const double x = std::round(layout.grid.left() + (cursorColumn_ + 0.5) * layout.columnWidth);
    if (layout.columnWidth < 12) painter.drawLine(QPointF(x, layout.grid.top()), QPointF(x, layout.grid.bottom()));
    else painter.drawRect(QRectF(layout.grid.left() + cursorColumn_ * layout.columnWidth, layout.grid.top(), layout.columnWidth, layout.grid.height() - 1));
  }
  if (cursorRow_ >= 0 && cursorRow_ < rows_)
    painter.drawRect(QRectF(layout.grid.left(), std::round(layout.tops[static_cast<std::size_t>(cursorRow_)]), layout.grid.width() - 1,
                            std::max(2.0, std::round(layout.rowHeight) - 1)));
}

void HeatmapView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  draw(painter, size());
}

bool HeatmapView::cellAt(QPointF position, int& row, int& column) const {
  row = column = -1;
  if (rows_ == 0 || columns_ == 0) return false;
  const Layout layout = layoutFor(size());
  if (position.x() < layout.grid.left() || position.x() >= layout.grid.right()) return false;
  for (int r = 0; r < rows_; ++r) {
    const double top = layout.tops[static_cast<std::size_t>(r)];
    if (position.y() < top || position.y() >= top + layout.rowHeight) continue;
    row = r;
    column = std::clamp(static_cast<int>((position.x() - layout.grid.left()) / layout.columnWidth), 0, columns_ - 1);
    return true;
  }
  return false;
}

void HeatmapView::mouseMoveEvent(QMouseEvent* event) {
  int row = -1, column = -1;
  cellAt(event->position(), row, column);
  Q_EMIT hovered(row, column);
}

void HeatmapView::mousePressEvent(QMouseEvent* event) {
  if (int row = -1, column = -1; event->button() == Qt::LeftButton && cellAt(event->position(), row, column)) Q_EMIT clicked(row, column);
}

void HeatmapView::leaveEvent(QEvent*) { Q_EMIT hovered(-1, -1); }

bool HeatmapView::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  int row = -1, column = -1;
  if (!cellAt(help->pos(), row, column)) {
    QToolTip::hideText();
    return true;
  }
  const float v = value(row, column);
  const QString plain = std::isfinite(v) ? QString::number(v, 'g', 3) : QStringLiteral("not logged");
  QToolTip::showText(help->globalPos(), tip_ ? tip_(row, column, v) : plain, this);
  return true;
}

}  // namespace serp::app
