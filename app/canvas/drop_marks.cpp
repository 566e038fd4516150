// SPDX-License-Identifier: GPL-3.0-or-later
// Amber lines across the wire and amber slots; 1 px where it fits, 2 px and a tint where it would land.
#include "app/canvas/drop_marks.h"

#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "app/style/theme.h"

namespace serp::app {
namespace {

bool inside(const QString& path, const QString& outer) {
  return path.startsWith(outer) && (path.size() == outer.size() || path[outer.size()] == QLatin1Char('.') || path[outer.size()] == QLatin1Char('['));
}

}  // namespace

DropMarks::DropMarks(const CanvasLayout& layout, const Dragged& dragged) : layout_(layout), dragged_(dragged) { setZValue(20); }

bool DropMarks::fits(const CanvasGap& gap) const {
  if (gap.branch && dragged_.container) return false;
  return std::none_of(dragged_.paths.begin(), dragged_.paths.end(), [&](const QString& path) { return inside(gap.list, path); });
}

bool DropMarks::fits(const CanvasCard& slot) const {
  if (slot.kind != CanvasCard::Kind::Slot || dragged_.container || dragged_.paths.size() > 1) return false;
  return std::none_of(dragged_.paths.begin(), dragged_.paths.end(), [&](const QString& path) { return inside(slot.id, path); });
}

DropTarget DropMarks::targetAt(QPointF at) const {
  DropTarget out;
  for (const CanvasCard& card : layout_.cards) {
    if (!fits(card) || !card.rect.adjusted(-4, -14, 4, 4).contains(at)) continue;
    const qsizetype dot = card.id.lastIndexOf(QLatin1Char('.'));
    out.owner = card.id.left(dot);
    out.slot = card.id.mid(dot + 1);
    return out;
  }
  CanvasLayout open;
  for (const CanvasGap& gap : layout_.gaps)
    if (fits(gap)) open.gaps.push_back(gap);
  if (const CanvasGap* gap = open.gapAt(at)) {
    out.list = gap->list;
    out.index = gap->index;
    out.branch = gap->branch;
  }
  return out;
}

void DropMarks::show(const DropTarget& target, QPointF pointer, const QString& label) {
  target_ = target;
  pointer_ = pointer;
  label_ = label;
  update();
}

void DropMarks::paint(QPainter* painter, const QStyleOptionGraphicsItem*, QWidget*) {
  QPainter& p = *painter;
  const Theme& theme = Theme::instance();
  const QColor amber = theme.color(Tone::Experts);
  QPen thin(amber, 1), thick(amber, 2);
  thin.setCosmetic(true);
  thick.setCosmetic(true);
  for (const CanvasGap& gap : layout_.gaps) {
    if (!fits(gap)) continue;
    const bool here = gap.list == target_.list && gap.index == target_.index;
    p.setPen(here ? thick : thin);
    if (!here) {  // short ticks: lines over the whole width would hide the diagram
      p.drawLine(QPointF(gap.left, std::round(gap.y) + 0.5), QPointF(gap.left + 14, std::round(gap.y) + 0.5));
      continue;
    }
    p.drawLine(QPointF(gap.left, gap.y), QPointF(gap.right, gap.y));
    p.setBrush(amber);
    p.drawEllipse(QPointF(gap.branch ? gap.left : kSpineX, gap.y), 4, 4);
  }
  for (const CanvasCard& card : layout_.cards) {
    if (!fits(card)) continue;
    const bool here = target_.isSlot() && card.id == target_.owner + QLatin1Char('.') + target_.slot;
    p.setPen(here ? thick : thin);
    p.setBrush(here ? QBrush(Theme::mix(theme.color(Tone::Surface), amber, 0.14)) : QBrush(Qt::NoBrush));
    p.drawRoundedRect(card.rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    if (!here) continue;
    p.setPen(theme.color(Tone::Text));
    p.setFont(theme.title());
    p.drawText(card.rect, Qt::AlignCenter, QFontMetricsF(theme.title()).elidedText(label_, Qt::ElideRight, card.rect.width() - 8));
  }
  if (label_.isEmpty() || target_.isSlot()) return;   // a slot shows the name itself
  const double width = QFontMetricsF(theme.body()).horizontalAdvance(label_) + 24;
  const QRectF ghost(pointer_ + QPointF(14, 12), QSizeF(width, 24));
  p.setPen(thin);
  p.setBrush(theme.color(Tone::Raised));
  p.drawRoundedRect(ghost, 4, 4);
  p.setPen(theme.color(Tone::Text));
  p.setFont(theme.body());
  p.drawText(ghost, Qt::AlignCenter, label_);
}

}  // namespace serp::app
