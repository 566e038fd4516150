// SPDX-License-Identifier: GPL-3.0-or-later
// Wires: corner radius 6, arrow 6 by 7, branch dots, sums and products.
#include "app/canvas/wiring_item.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>
#include <QStyleOptionGraphicsItem>
#include <algorithm>
#include <cmath>

#include "app/canvas/card_item.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr double kCorner = 6;

double length(const QPointF& v) { return std::hypot(v.x(), v.y()); }

QPainterPath rounded(const std::vector<QPointF>& points) {
  QPainterPath path;
  if (points.empty()) return path;
  // Half pixels: a 1 px line then covers one row of pixels.
  const auto at = [&](std::size_t i) { return QPointF(std::round(points[i].x()) + 0.5, std::round(points[i].y()) + 0.5); };
  path.moveTo(at(0));
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const QPointF before = at(i - 1), here = at(i), after = at(i + 1);
    const double a = length(here - before), b = length(after - here);
    if (a < 1 || b < 1) continue;
    const double r = std::min({kCorner, a / 2, b / 2});
    path.lineTo(here - (here - before) / a * r);
    path.quadTo(here, here + (after - here) / b * r);
  }
  path.lineTo(at(points.size() - 1));
  return path;
}

void arrowHead(QPainter& p, const std::vector<QPointF>& points, const QColor& color) {
  if (points.size() < 2) return;
  const QPointF tip = points.back() + QPointF(0.5, 0.5), from = points[points.size() - 2] + QPointF(0.5, 0.5);
  const double all = length(tip - from);
  if (all < 4) return;
  const QPointF along = (tip - from) / all, across(-along.y(), along.x());
  p.setPen(Qt::NoPen);
  p.setBrush(color);
  p.drawPolygon(QPolygonF{tip, tip - along * 7 + across * 3, tip - along * 7 - across * 3});
}

}  // namespace

WiringItem::WiringItem(const CanvasLayout& layout, Layer layer) : layout_(layout), layer_(layer) {
  setAcceptedMouseButtons(Qt::NoButton);
  setFlag(ItemUsesExtendedStyleOption);  // exposedRect: of a thousand blocks only the few in sight are drawn
  setZValue(layer == Layer::Lines ? 0.5 : 3);
  layout_.cards.clear();
}

void WiringItem::paint(QPainter* painter, const QStyleOptionGraphicsItem* option, QWidget*) {
  QPainter& p = *painter;
  const double top = option->exposedRect.top() - 20, bottom = option->exposedRect.bottom() + 20;
  const auto seen = [&](double from, double to) { return std::max(from, to) >= top && std::min(from, to) <= bottom; };
  const Theme& theme = Theme::instance();
  const QColor muted = theme.color(Tone::Muted), text = theme.color(Tone::Text), back = theme.color(Tone::Background);
  QPen pen(muted, 1);
  pen.setCosmetic(true);
  if (layer_ == Layer::Words) {
    for (const CanvasWord& word : layout_.words) {
      if (!seen(word.at.y(), word.at.y())) continue;
      const QFont font = word.look == CanvasWord::Look::Code ? theme.code() : word.look == CanvasWord::Look::Body ? theme.body() : theme.caption();
      const QFontMetricsF metrics(font);
      const QString shown = word.room > 0 ? metrics.elidedText(word.text, Qt::ElideRight, word.room) : word.text;
      p.setFont(font);
      p.setPen(word.look == CanvasWord::Look::Body ? text : muted);
      p.drawText(word.rightAligned ? word.at - QPointF(metrics.horizontalAdvance(shown), 0) : word.at, shown);
    }
    return;
  }
  for (const CanvasWire& wire : layout_.wires) {
    const auto [low, high] = std::minmax_element(wire.points.begin(), wire.points.end(), [](QPointF a, QPointF b) { return a.y() < b.y(); });
    if (low == wire.points.end() || !seen(low->y(), high->y())) continue;
    p.setBrush(Qt::NoBrush);
    p.setPen(pen);
    p.drawPath(rounded(wire.points));
    if (wire.arrow) arrowHead(p, wire.points, muted);
  }
  for (const CanvasChip& hole : layout_.holes) {
    if (!seen(hole.rect.top(), hole.rect.bottom())) continue;
    QPen dashes(theme.color(Tone::Muted), 1, Qt::CustomDashLine);
    dashes.setCosmetic(true);
    dashes.setDashPattern({4, 3});
    p.setPen(dashes);
    p.setBrush(back);
    p.drawRoundedRect(hole.rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
    p.setPen(muted);
    p.setFont(theme.caption());
    p.drawText(hole.rect.adjusted(12, 0, -12, 0), Qt::AlignCenter | Qt::TextWordWrap, hole.text);
  }
  for (const CanvasChip& pill : layout_.pills)
    if (seen(pill.rect.top(), pill.rect.bottom())) paintChip(p, pill, muted);
  for (const CanvasNode& node : layout_.nodes) {
    if (!seen(node.centre.y(), node.centre.y())) continue;
    const QPointF c = node.centre + QPointF(0.5, 0.5);
    if (node.kind == CanvasNode::Kind::Dot) {
      p.setPen(Qt::NoPen);
      p.setBrush(text);
      p.drawEllipse(c, 2.5, 2.5);
      continue;
    }
    p.setPen(QPen(text, 1));
    p.setBrush(back);
    p.drawEllipse(c, 8, 8);
    const double r = 4, d = node.kind == CanvasNode::Kind::Times ? 3 : 0;
    if (d > 0) {
      p.drawLine(c - QPointF(d, d), c + QPointF(d, d));
      p.drawLine(c + QPointF(-d, d), c + QPointF(d, -d));
    } else {
      p.drawLine(c - QPointF(r, 0), c + QPointF(r, 0));
      p.drawLine(c - QPointF(0, r), c + QPointF(0, r));
    }
  }
}

}  // namespace serp::app
