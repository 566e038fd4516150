// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the newest activation and routing frames and paints them as cards.
#include "app/pages/train/architecture_strip.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <numeric>

#include "app/models/figures.h"
#include "app/session/cursor.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "engine/api/catalog.h"

namespace serp::app {
namespace {

constexpr int kEnd = 76, kBlock = 98, kGap = 8, kHeight = 98, kMargin = 6;
constexpr double kIdleShare = 0.02;  // below a fiftieth of the fair share an expert counts as idle

}  // namespace

ArchitectureStrip::ArchitectureStrip(Workspace& workspace, QWidget* parent) : QWidget(parent), workspace_(workspace) {
  setAccessibleName(tr("Architecture, live"));
  connect(&Theme::instance(), &Theme::changed, this, &ArchitectureStrip::refresh);
}

void ArchitectureStrip::refresh() {
  if (!isVisible()) return;
  const SeriesStore& series = workspace_.session->series();
  const Theme& theme = Theme::instance();
  const std::size_t before = cards_.size();
  cards_.clear();
  const RoutingFrame* routing = series.routing().empty() ? nullptr : series.routing().back().get();
  const auto addLoad = [&](Card& card) {
    if (!routing) return;
    for (std::size_t i = 0; i < routing->layers.size(); ++i) {
      const RoutingLayer& layer = routing->layers[i];
      const QString path = QString::fromStdString(layer.path);
      if (path != card.path && !path.startsWith(card.path + QLatin1Char('.'))) continue;
      const double total = std::accumulate(layer.assigned.begin(), layer.assigned.end(), 0.0);
      card.layer = static_cast<int>(i);
      for (const double n : layer.assigned) {
        card.load.push_back(total > 0 ? n * static_cast<double>(layer.experts) / total : 0);
        card.idle += card.load.back() < kIdleShare ? 1 : 0;
      }
      return;
    }
  };
  if (const auto& frame = series.activations()) {
    for (const BlockActivity& block : frame->blocks) {
      Card card;
      card.path = QString::fromStdString(block.path);
      card.label = QString::fromStdString(block.label);
      card.end = block.kind == "embedding" || block.kind == "head" || block.path == "embedding" || block.path == "head";
      if (card.label == QLatin1String("embedding")) card.label = tr("embed");
      const BlockInfo* info = findBlock(block.kind);
      card.hue = info ? theme.family(QString::fromLatin1(familyName(info->family))) : theme.color(Tone::Dense);
      card.norm = block.outputNorm, card.ratio = block.updateRatio, card.grad = block.gradNorm;
      if (!card.end) addLoad(card);
      cards_.push_back(std::move(card));
    }
  } else if (routing) {  // a recorded run keeps routing, not norms
    for (const RoutingLayer& layer : routing->layers) {
      Card card;
      card.path = QString::fromStdString(layer.path);
      card.label = QString::fromStdString(layer.label);
      card.hue = theme.color(Tone::Experts);
      card.measured = false;
      addLoad(card);
      cards_.push_back(std::move(card));
    }
  }
  if (cards_.size() != before) updateGeometry();
  update();
}

QSize ArchitectureStrip::sizeHint() const {
  int width = 2 * kMargin;
  for (const Card& card : cards_) width += (card.end ? kEnd : kBlock) + kGap;
  return {std::max(200, width - kGap), kHeight + 2 * 6};
}

std::vector<QRectF> ArchitectureStrip::boxes() const {
  // Cards spread over the width when there is room, as in a row of equal gaps.
  std::vector<QRectF> out;
  const double spare = cards_.empty() ? 0 : std::clamp((width() - sizeHint().width()) / static_cast<double>(cards_.size()), 0.0, 40.0);
  double x = kMargin;
  for (const Card& card : cards_) {
    const double w = (card.end ? kEnd : kBlock) + spare;
    out.emplace_back(x, (height() - kHeight) / 2.0, w, kHeight);
    x += w + kGap;
  }
  return out;
}

void ArchitectureStrip::paintCard(QPainter& p, const Card& card, const QRectF& box) const {
  const Theme& theme = Theme::instance();
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(theme.color(Tone::Border), 1));
  p.setBrush(theme.color(Tone::Raised));
  p.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
  p.setRenderHint(QPainter::Antialiasing, false);
  p.fillRect(QRectF(box.left() + 6, box.top(), box.width() - 12, 3), card.hue);
  const QRectF inner = box.adjusted(8, 6, -8, -4);
  const auto row = [&](double y, const QString& key, const QString& value) {
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Muted));
    p.drawText(QRectF(inner.left(), y, inner.width(), 15), Qt::AlignLeft | Qt::AlignVCenter, key);
    p.setPen(theme.color(Tone::Text));
    p.drawText(QRectF(inner.left(), y, inner.width(), 15), Qt::AlignRight | Qt::AlignVCenter, value);
  };
  QFont strong = theme.caption();
  strong.setWeight(QFont::DemiBold);
  p.setFont(strong);
  p.setPen(theme.color(Tone::Text));
  const QFontMetrics metrics(strong);
  const QString idle = card.idle > 0 ? tr("%1 idle").arg(card.idle) : QString();
  const int idleWidth = idle.isEmpty() ? 0 : metrics.horizontalAdvance(idle) + 6;
  p.drawText(QRectF(inner.left(), inner.top(), inner.width() - idleWidth, 18), Qt::AlignLeft | Qt::AlignVCenter,
             metrics.elidedText(card.label, Qt::ElideRight, static_cast<int>(inner.width()) - idleWidth));
  if (!idle.isEmpty()) {
    p.setPen(theme.color(Tone::Danger));
    p.setFont(theme.caption());
    p.drawText(QRectF(inner.left(), inner.top(), inner.width(), 18), Qt::AlignRight | Qt::AlignVCenter, idle);
  }
  const auto figure = [&](double v, int decimals) { return card.measured ? fixedText(v, decimals) : QStringLiteral("–"); };
  if (card.load.empty()) {
    row(inner.top() + 21, tr("norm"), figure(card.norm, 2));
    if (!card.end) {
      const QRectF track(inner.left(), inner.top() + 42, inner.width(), 4);
      p.fillRect(track, theme.color(Tone::Border));
      p.fillRect(QRectF(track.left(), track.top(), track.width() * std::clamp(card.ratio, 0.0, 1.0), 4), card.hue);
    }
  } else {
    const QRectF area(inner.left(), inner.top() + 20, inner.width(), 32);
    const double fair = area.height() * 0.55, n = static_cast<double>(card.load.size());
    const double pitch = area.width() / n;
    for (std::size_t e = 0; e < card.load.size(); ++e) {
      const double h = std::min(area.height(), card.load[e] * fair);
      const bool dead = card.load[e] < kIdleShare;
      const double left = area.left() + static_cast<double>(e) * pitch;
      p.fillRect(QRectF(std::round(left), area.bottom() - std::max(1.0, std::round(h)), std::max(1.0, std::floor(pitch) - (pitch >= 3 ? 1 : 0)),
                        std::max(1.0, std::round(h))), dead ? theme.color(Tone::Danger) : card.hue);
    }
    QPen pen(theme.color(Tone::Text), 1);
    pen.setDashPattern({2, 2});
    p.setPen(pen);
    const double y = std::round(area.bottom() - fair);
    p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
  }
  if (!card.end) row(inner.bottom() - 31, tr("update"), figure(card.ratio, 2));
  row(inner.bottom() - 16, tr("grad"), figure(card.grad, card.grad >= 1 ? 2 : 3));
}

void ArchitectureStrip::paintEvent(QPaintEvent*) {
  QPainter p(this);
  const Theme& theme = Theme::instance();
  if (cards_.empty()) {
    p.setFont(theme.body());
    p.setPen(theme.color(Tone::Muted));
    p.drawText(rect(), Qt::AlignCenter, tr("The blocks appear here with the first window of statistics."));
    return;
  }
  const auto places = boxes();
  p.setPen(QPen(theme.color(Tone::Border), 1));
  const double wire = places.front().top() + 14;
  p.drawLine(QPointF(places.front().left(), wire), QPointF(places.back().right(), wire));
  for (std::size_t i = 0; i < cards_.size(); ++i) paintCard(p, cards_[i], places[i]);
}

void ArchitectureStrip::mousePressEvent(QMouseEvent* event) {
  const auto places = boxes();
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i].contains(event->position())) continue;
    if (cards_[i].layer >= 0) workspace_.cursor->setLayer(cards_[i].layer);
    Q_EMIT blockClicked(cards_[i].path);
  }
}

QString ArchitectureStrip::tip(const Card& card) const {
  QString text = tr("%1 (%2)").arg(card.label, card.path);
  if (card.measured)
    text += tr("\nnorm %1: root mean square of the stream after the block\nupdate %2: size of what it adds over what it adds to\ngrad %3")
                .arg(card.norm, 0, 'g', 4).arg(card.ratio, 0, 'g', 3).arg(card.grad, 0, 'g', 3);
  for (std::size_t e = 0; e < card.load.size() && card.load.size() <= 32; ++e)
    text += tr("\nexpert %1: × %2 of the fair share").arg(e).arg(card.load[e], 0, 'f', 2);
  return text;
}

bool ArchitectureStrip::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const auto places = boxes();
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i].contains(help->pos())) {
      QToolTip::showText(help->globalPos(), tip(cards_[i]), this);
      return true;
    }
  QToolTip::hideText();
  return true;
}

}  // namespace serp::app
