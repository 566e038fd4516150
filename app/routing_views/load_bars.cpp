// SPDX-License-Identifier: GPL-3.0-or-later
// Painting without antialiased fills: a few dozen rectangles.
#include "app/routing_views/load_bars.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {

LoadBars::LoadBars(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Experts sorted by load"));
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void LoadBars::setLoads(std::vector<double> ratios, double capacity, int chosen, const QString& title) {
  ratios_ = std::move(ratios);
  capacity_ = capacity;
  chosen_ = chosen;
  title_ = title;
  update();
}

QRectF LoadBars::plot() const { return QRectF(36, 24, width() - 44, height() - 44); }

double LoadBars::top() const {
  double most = 1.5;
  for (const double u : ratios_)
    if (std::isfinite(u)) most = std::max(most, u * 1.08);
  return std::isfinite(capacity_) && capacity_ < 4 ? std::max(most, capacity_ * 1.15) : most;
}

int LoadBars::fitting() const { return std::max(4, static_cast<int>((plot().width() - kCut) / kStep) / 2 * 2); }

std::vector<LoadBars::Bar> LoadBars::bars() const {
  std::vector<int> order(ratios_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return ratios_[static_cast<std::size_t>(a)] > ratios_[static_cast<std::size_t>(b)]; });
  const QRectF area = plot();
  const int room = fitting();
  // More than fit: the busiest and the idlest are what one looks for.
  const bool cut = static_cast<int>(order.size()) > room;
  if (cut) order.erase(order.begin() + room / 2, order.end() - room / 2);
  std::vector<Bar> out;
  const double step = (area.width() - (cut ? kCut : 0)) / std::max<double>(1.0, static_cast<double>(order.size())), high = top();
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double u = ratios_[static_cast<std::size_t>(order[i])];
    const double h = std::isfinite(u) ? area.height() * u / high : 0;
    const double left = std::floor(area.left() + static_cast<double>(i) * step + (cut && static_cast<int>(i) >= room / 2 ? kCut : 0));
    out.push_back({order[i], QRectF(left, std::floor(area.bottom() - h), std::max(1.0, std::floor(step) - 3), std::ceil(h))});
  }
  return out;
}

void LoadBars::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  const QColor muted = theme.color(Tone::Muted), text = theme.color(Tone::Text), danger = theme.color(Tone::Danger);
  p.setFont(theme.caption());
  const QFontMetrics metrics(theme.caption());
  const QRectF area = plot();
  p.setPen(muted);
  const bool cut = static_cast<int>(ratios_.size()) > fitting();
  p.drawText(QRectF(0, 0, width(), 18), Qt::AlignLeft | Qt::AlignVCenter, cut ? tr("%1: u of the busiest and the idlest experts").arg(title_) : tr("%1: u of each expert, sorted").arg(title_));
  if (ratios_.empty()) return;
  const auto placed = bars();
  bool labels = !placed.empty() && placed.front().rect.width() >= 9;
  for (const Bar& bar : placed) {
    const double u = ratios_[static_cast<std::size_t>(bar.expert)];
    const bool chosen = bar.expert == chosen_;
    p.fillRect(bar.rect, chosen ? text : Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Experts), 0.75));
    if (labels) {
      p.setPen(chosen ? text : u == 0 ? danger : muted);
      p.drawText(QRectF(bar.rect.left() - 6, area.bottom() + 2, bar.rect.width() + 12, 16), Qt::AlignHCenter | Qt::AlignTop, QString::number(bar.expert));
    }
  }
  p.setPen(muted);
  if (cut) {
    const double left = placed[placed.size() / 2 - 1].rect.right(), right = placed[placed.size() / 2].rect.left();
    p.drawText(QRectF(left, area.bottom() - 16, right - left, 16), Qt::AlignCenter, QStringLiteral("…"));
  }
  p.drawText(QRectF(0, area.bottom() + 2, 32, 16), Qt::AlignRight | Qt::AlignTop, QStringLiteral("e"));
  const auto rule = [&](double ratio, const QColor& color, const QString& label, bool right) {
    const double y = std::round(area.bottom() - area.height() * ratio / top()) + 0.5;
    if (y < area.top() - 2) return;
    QPen pen(color, 1);
    pen.setDashPattern({4, 4});
    p.setPen(pen);
    p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    p.setPen(color);
    if (right) {
      const QRectF box(area.right() - metrics.horizontalAdvance(label) - 6, y - 16, metrics.horizontalAdvance(label) + 6, 15);
      p.fillRect(box, theme.color(Tone::Surface));
      p.drawText(box, Qt::AlignCenter, label);
    } else {
      p.drawText(QRectF(0, y - 8, 32, 16), Qt::AlignRight | Qt::AlignVCenter, label);
    }
  };
  rule(1.0, text, tr("fair"), false);
  if (std::isfinite(capacity_)) rule(capacity_, danger, tr("capacity %1: above is dropped").arg(capacity_), true);
}

void LoadBars::mousePressEvent(QMouseEvent* event) {
  for (const Bar& bar : bars())
    if (event->position().x() >= bar.rect.left() && event->position().x() <= bar.rect.right() + 3) return Q_EMIT clicked(bar.expert);
}

bool LoadBars::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    auto* help = static_cast<QHelpEvent*>(event);
    for (const Bar& bar : bars())
      if (help->pos().x() >= bar.rect.left() && help->pos().x() <= bar.rect.right() + 3) {
        QToolTip::showText(help->globalPos(), tr("expert %1: u = %2").arg(bar.expert).arg(fixedText(ratios_[static_cast<std::size_t>(bar.expert)], 2)), this);
        return true;
      }
    QToolTip::hideText();
    return true;
  }
  return QWidget::event(event);
}

}  // namespace serp::app
