// SPDX-License-Identifier: GPL-3.0-or-later
// Paints what stands over and under the curves.
#include "app/widgets/plot_overlay.h"

#include <algorithm>
#include <cmath>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kLabelGap = 15;  // rows at the margin are pushed apart to this

QColor tone(Tone t) { return Theme::instance().color(t); }

QPen linePen(const QColor& color, const QVector<qreal>& dashes = {}) {
  QPen pen(color, 1);
  pen.setCosmetic(true);
  if (!dashes.isEmpty()) pen.setDashPattern(dashes);
  return pen;
}

}  // namespace

void OverlayItem::draw(QCPPainter* painter) {
  const QRect area = parentPlot()->axisRect()->rect();
  painter->save();
  painter->setAntialiasing(false);
  if (part_ == Part::Shade) drawShade(*painter, area);
  if (part_ == Part::Marks) drawMarks(*painter, area);
  if (part_ == Part::Cursor) drawCursor(*painter, area);
  painter->restore();
}

void OverlayItem::drawShade(QCPPainter& p, const QRect& area) {
  if (!std::isfinite(state_.untrainedFrom)) return;
  const int from = std::max(area.left(), static_cast<int>(std::ceil(pixelX(state_.untrainedFrom))));
  if (from < area.right()) p.fillRect(QRect(QPoint(from, area.top()), area.bottomRight()), tone(Tone::Background));
}

void OverlayItem::drawMarks(QCPPainter& p, const QRect& area) {
  const Theme& theme = Theme::instance();
  struct Label { double y, at; QString text; bool strong; };
  std::vector<Label> labels;
  for (const ReferenceLine& line : state_.lines) {
    const double y = std::round(pixelY(line.y));
    if (!std::isfinite(y) || y < area.top() || y > area.bottom()) continue;
    p.setPen(linePen(theme.color(Tone::Muted), {4, 4}));
    p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    if (!state_.compact) labels.push_back({y, y, line.label, false});
  }
  if (std::isfinite(state_.now.y) && !state_.compact) {
    const double x = pixelX(state_.now.x), y = pixelY(state_.now.y);
    if (area.contains(QPoint(static_cast<int>(x), static_cast<int>(y)))) {
      p.setPen(linePen(state_.now.color, {1, 3}));
      p.drawLine(QPointF(x, std::round(y)), QPointF(area.right(), std::round(y)));
      p.setAntialiasing(true);
      p.setPen(Qt::NoPen);
      p.setBrush(state_.now.color);
      p.drawEllipse(QPointF(x, y), 3.5, 3.5);
      p.setAntialiasing(false);
      labels.push_back({y, y, state_.nowLabel, true});
    }
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < labels.size(); ++i) labels[i].at = std::max(labels[i].at, labels[i - 1].at + kLabelGap);
  for (std::size_t i = labels.size(); i-- > 0;) {
    const double bottom = i + 1 < labels.size() ? labels[i + 1].at - kLabelGap : area.bottom() - 2.0;
    labels[i].at = std::min(labels[i].at, bottom);
  }
  const int margin = parentPlot()->width() - area.right() - 12;
  for (const Label& label : labels) {
    QFont font = label.strong ? theme.title() : theme.caption();
    p.setFont(font);
    p.setPen(label.strong ? theme.color(Tone::Text) : theme.color(Tone::Muted));
    p.drawText(QRectF(area.right() + 8, label.at - 9, margin, 18), Qt::AlignLeft | Qt::AlignVCenter,
               QFontMetrics(font).elidedText(label.text, Qt::ElideRight, margin));
  }
  drawFlags(p, area);
  drawNotes(p, area);
  p.setPen(linePen(theme.color(Tone::Danger)));
  for (const double x : state_.bad) {
    const int at = static_cast<int>(std::lround(pixelX(x)));
    if (at >= area.left() && at <= area.right()) p.drawLine(QLineF(at, area.bottom() - 6, at, area.bottom()));
  }
  if (state_.empty && !state_.emptyText.isEmpty()) {
    p.setPen(theme.color(Tone::Muted));
    p.setFont(theme.body());
    p.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, state_.emptyText);
  }
  if (state_.focused) {
    p.setPen(linePen(theme.color(Tone::Attention)));
    p.setBrush(Qt::NoBrush);
    p.drawRect(area.adjusted(0, 0, 0, 0));
  }
}

void OverlayItem::drawFlags(QCPPainter& p, const QRect& area) {
  const Theme& theme = Theme::instance();
  const QColor amber = theme.color(Tone::Experts);
  p.setFont(theme.caption());
  const QFontMetrics metrics(theme.caption());
  int taken = area.left() - 100;  // right edge of the last number drawn
  for (std::size_t i = 0; i < state_.flags.size(); ++i) {
    const PlotFlag& flag = state_.flags[i];
    const int x = static_cast<int>(std::lround(pixelX(flag.x)));
    if (x < area.left() || x > area.right()) continue;
    p.setPen(linePen(amber, {2, 3}));
    p.drawLine(QLineF(x, area.top(), x, area.bottom()));
    if (state_.compact || x - 8 < taken) continue;
    const QString number = QString::number(flag.number);
    const int width = std::max(15, metrics.horizontalAdvance(number) + 8);
    const QRect box(x - width / 2, area.top() - 17, width, 14);
    p.setAntialiasing(true);
    p.setPen(linePen(amber));
    p.setBrush(theme.color(Tone::Surface));
    p.drawRoundedRect(QRectF(box).translated(0.5, 0.5), 3, 3);
    p.setAntialiasing(false);
    p.drawText(box.translated(0, 0), Qt::AlignCenter, number);
    taken = box.right() + 2;
    int next = area.right();
    if (i + 1 < state_.flags.size()) next = std::min(next, static_cast<int>(pixelX(state_.flags[i + 1].x)));
    const int room = next - x - 14;
    if (room < 24 || flag.label.isEmpty()) continue;
    p.setPen(theme.color(Tone::Muted));
    p.drawText(QRect(x + 8, area.top() + 4, room, 16), Qt::AlignLeft | Qt::AlignVCenter,
               metrics.elidedText(flag.label, Qt::ElideRight, room));
  }
}

void OverlayItem::drawNotes(QCPPainter& p, const QRect& area) {
  const Theme& theme = Theme::instance();
  const QFontMetrics metrics(theme.caption());
  double below = -1e9;
  for (const PlotNote& note : state_.notes) {
    const double x = pixelX(note.x), y = pixelY(note.y);
    if (!std::isfinite(y) || x < area.left() || x > area.right() || y < area.top() || y > area.bottom()) continue;
    p.setAntialiasing(true);
    p.setPen(Qt::NoPen);
    p.setBrush(theme.curve(0));
    p.drawEllipse(QPointF(x, y), 3.5, 3.5);
    p.setAntialiasing(false);
    // Above and to the right of a falling curve there is nothing; near the edge the sentence ends at the dot. Sentences of dots that
    // lie close together are stacked.
    const double wanted = metrics.horizontalAdvance(note.text) + 4;
    double left = x + 10;
    if (left + wanted > area.right() && x - wanted - 6 >= area.left()) left = x - wanted - 6;
    QRectF box(left, std::max(y - 20, area.top() + 1.0), std::min(wanted, area.right() - left), 15);
    if (box.top() < below + 1) box.moveTop(below + 1);
    below = box.bottom();
    p.fillRect(box, theme.color(Tone::Surface));
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Text));
    p.drawText(box.adjusted(2, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
               metrics.elidedText(note.text, Qt::ElideRight, static_cast<int>(box.width()) - 2));
  }
}

void OverlayItem::drawCursor(QCPPainter& p, const QRect& area) {
  if (!std::isfinite(state_.cursor)) return;
  const double x = std::round(pixelX(state_.cursor));
  if (x < area.left() || x > area.right()) return;
  p.setPen(linePen(tone(Tone::Text)));
  p.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
  p.setAntialiasing(true);
  p.setPen(Qt::NoPen);
  for (const OverlayState::Dot& dot : state_.dots) {
    const double y = pixelY(dot.y);
    if (!std::isfinite(y) || y < area.top() || y > area.bottom()) continue;
    p.setBrush(dot.color);
    p.drawEllipse(QPointF(pixelX(dot.x), y), 3.5, 3.5);
  }
  p.setAntialiasing(false);
  if (!state_.rows.empty()) drawReadout(p, area, x);
}

void OverlayItem::drawReadout(QCPPainter& p, const QRect& area, double x) {
  const Theme& theme = Theme::instance();
  const QFontMetrics metrics(theme.caption());
  QFont strong = theme.caption();
  strong.setWeight(QFont::DemiBold);
  const QFontMetrics strongMetrics(strong);
  int keys = 0, values = 0;
  for (const ReadoutRow& row : state_.rows) {
    keys = std::max(keys, metrics.horizontalAdvance(row.key));
    values = std::max(values, strongMetrics.horizontalAdvance(row.value));
  }
  constexpr int kRow = 18;
  const int width = keys + values + 40, height = static_cast<int>(state_.rows.size()) * kRow + 12;
  // Beside the cursor, on the side with room, below the flags' labels.
  int left = static_cast<int>(x) - width - 10;
  if (left < area.left() + 4) left = static_cast<int>(x) + 10;
  const QRect box(left, std::min(area.top() + 28, std::max(area.top(), area.bottom() - height - 4)), width, height);
  p.setAntialiasing(true);
  p.setPen(linePen(theme.color(Tone::Border)));
  p.setBrush(theme.color(Tone::Raised));
  p.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
  p.setAntialiasing(false);
  int y = box.top() + 6;
  for (const ReadoutRow& row : state_.rows) {
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Muted));
    p.drawText(QRect(box.left() + 10, y, keys + 4, kRow), Qt::AlignLeft | Qt::AlignVCenter, row.key);
    p.setFont(row.strong ? strong : theme.caption());
    p.setPen(theme.color(Tone::Text));
    p.drawText(QRect(box.right() - 10 - values, y, values, kRow), Qt::AlignRight | Qt::AlignVCenter, row.value);
    y += kRow;
  }
}

}  // namespace serp::app
