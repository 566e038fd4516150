// SPDX-License-Identifier: GPL-3.0-or-later
// Chips shrink to fit; below the width of a number only as many are drawn as can be read.
#include "app/routing_views/expert_chips.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {

ExpertChips::ExpertChips(std::function<QColor(int)> hue, QWidget* parent) : QWidget(parent), hue_(std::move(hue)) {
  setFixedHeight(22);
  setAccessibleName(tr("Experts; a click pins one to a colour"));
  setToolTip(tr("Up to eight experts have a colour of their own. A click pins an expert, or frees its colour; with eight experts or fewer all have one."));
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void ExpertChips::setExperts(int count, int chosen) {
  count_ = count;
  chosen_ = chosen;
  update();
}

double ExpertChips::step() const { return std::clamp((width() + 4.0) / std::max(1, count_), 21.0, 28.0); }

void ExpertChips::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.setFont(theme.caption());
  const int fits = static_cast<int>((width() + 4) / step());
  for (int e = 0; e < std::min(count_, fits); ++e) {
    const bool rest = e == fits - 1 && count_ > fits;
    const QRectF box(e * step() + 0.5, 0.5, step() - 5, 21);
    const QColor h = rest ? QColor() : hue_(e);
    const QColor base = theme.color(Tone::Raised);
    p.setPen(e == chosen_ ? theme.color(Tone::Text) : h.isValid() ? h : theme.color(Tone::Border));
    p.setBrush(h.isValid() ? Theme::mix(base, h, e == chosen_ ? 0.6 : 0.35) : base);
    p.drawRoundedRect(box, 4, 4);
    p.setPen(theme.color(h.isValid() || e == chosen_ ? Tone::Text : Tone::Muted));
    p.drawText(box, Qt::AlignCenter, rest ? QStringLiteral("…") : QString::number(e));
  }
}

void ExpertChips::mousePressEvent(QMouseEvent* event) {
  const int expert = static_cast<int>(event->position().x() / step());
  if (expert >= 0 && expert < count_) Q_EMIT clicked(expert);
}

}  // namespace serp::app
