// SPDX-License-Identifier: GPL-3.0-or-later
// Placing of labels at the margin.
#include "app/pages/compare/direct_labels.h"

#include <algorithm>
#include <cmath>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kGap = 15, kLeader = 14;           // px between labels; from the axes' edge to the text

}  // namespace

DirectLabels::DirectLabels(QCustomPlot* plot) : QCPAbstractItem(plot) {
  setClipToAxisRect(false);
  setSelectable(false);
}

void DirectLabels::draw(QCPPainter* painter) {
  const Theme& theme = Theme::instance();
  const QRect area = parentPlot()->axisRect()->rect();
  struct Placed { const DirectLabel* label; double x, y, at; };
  std::vector<Placed> placed;
  for (const DirectLabel& label : labels_) {
    const double y = parentPlot()->yAxis->coordToPixel(label.y);
    const double x = label.published ? area.right() : parentPlot()->xAxis->coordToPixel(label.x);
    if (!std::isfinite(y) || !std::isfinite(x) || y < area.top() || y > area.bottom() || x < area.left()) continue;
    placed.push_back({&label, std::min<double>(x, area.right()), y, y});
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.y < b.y; });
  // More than fit: the best curves are the lowest ones.
  const auto room = static_cast<std::size_t>(std::max(1, area.height() / kGap));
  if (placed.size() > room) placed.erase(placed.begin(), placed.end() - static_cast<std::ptrdiff_t>(room));
  for (std::size_t i = 0; i < placed.size(); ++i) {
    placed[i].at = std::max(placed[i].at, area.top() + 4.0);
    if (i > 0) placed[i].at = std::max(placed[i].at, placed[i - 1].at + kGap);
  }
  for (std::size_t i = placed.size(); i-- > 0;)
    placed[i].at = std::min(placed[i].at, i + 1 < placed.size() ? placed[i + 1].at - kGap : area.bottom() - 2.0);

  painter->save();
  const int margin = parentPlot()->width() - area.right() - kLeader - 8;
  for (const Placed& p : placed) {
    const QColor colour = p.label->colour ? p.label->colour() : theme.color(Tone::Muted);
    painter->setAntialiasing(false);
    QPen pen(colour, 1);
    pen.setCosmetic(true);
    if (p.x < area.right() - 1) {
      QPen dots = pen;
      dots.setDashPattern({1, 3});
      painter->setPen(dots);
      painter->drawLine(QPointF(p.x, std::round(p.y)), QPointF(area.right(), std::round(p.y)));
    }
    painter->setAntialiasing(true);
    painter->setPen(pen);
    painter->drawLine(QPointF(area.right() + (p.label->published ? 5 : 1), p.y), QPointF(area.right() + kLeader - 3, p.at));
    if (p.label->published) {
      painter->setBrush(theme.color(Tone::Surface));
      painter->drawEllipse(QPointF(area.right(), p.y), 4, 4);
      painter->setBrush(Qt::NoBrush);
    }
    QFont font = theme.caption();
    if (p.label->strong) font.setWeight(QFont::DemiBold);
    painter->setFont(font);
    painter->setPen(theme.color(p.label->published ? Tone::Muted : Tone::Text));
    painter->drawText(QRectF(area.right() + kLeader, p.at - 9, margin, 18), Qt::AlignLeft | Qt::AlignVCenter,
                      QFontMetrics(font).elidedText(p.label->text, Qt::ElideMiddle, margin));
  }
  painter->restore();
}

}  // namespace serp::app
