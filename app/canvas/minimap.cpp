// SPDX-License-Identifier: GPL-3.0-or-later
// Cards as small boxes in the colour of their family.
#include "app/canvas/minimap.h"

#include <QGraphicsView>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "app/canvas/canvas_layout.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kWidth = 64, kMargin = 4;

}  // namespace

Minimap::Minimap(QGraphicsView* view) : QWidget(view), view_(view) {
  setCursor(Qt::PointingHandCursor);
  setFixedWidth(kWidth);
  setAccessibleName(tr("Map of the design"));
  setToolTip(tr("The whole design; click or drag to go there"));
  for (QScrollBar* bar : {view->verticalScrollBar(), view->horizontalScrollBar()})
    connect(bar, &QScrollBar::valueChanged, this, [this] { update(); });
  hide();
}

QSize Minimap::sizeHint() const { return {kWidth, 200}; }

void Minimap::setLayout(const CanvasLayout& layout) {
  scene_ = layout.size;
  const int height = std::max(80, view_->height() - 88);
  setFixedSize(kWidth, height);
  // A long design is drawn narrower than it is: its length is what the map is for.
  scale_ = (height - 2.0 * kMargin) / std::max(1.0, scene_.height());
  const double across = (kWidth - 2.0 * kMargin) / std::max(1.0, scene_.width());
  const Theme& theme = Theme::instance();
  map_ = QPixmap(size() * devicePixelRatioF());
  map_.setDevicePixelRatio(devicePixelRatioF());
  map_.fill(theme.color(Tone::Surface));
  QPainter p(&map_);
  p.setPen(Qt::NoPen);
  for (const CanvasCard& card : layout.cards) {
    if (card.kind == CanvasCard::Kind::Slot) continue;
    const QRectF box(kMargin + card.rect.x() * across, kMargin + card.rect.y() * scale_, card.rect.width() * across, std::max(1.5, card.rect.height() * scale_ - 1));
    const bool frame = card.family.isEmpty();
    p.setBrush(frame ? Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Border), 0.5) : Theme::mix(theme.color(Tone::Surface), theme.family(card.family), card.bypassed ? 0.2 : 0.6));
    p.drawRect(box);
  }
  update();
}

void Minimap::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.drawPixmap(0, 0, map_);
  p.setBrush(Qt::NoBrush);
  p.setPen(theme.color(Tone::Border));
  p.drawRect(rect().adjusted(0, 0, -1, -1));
  const QRectF seen = view_->mapToScene(view_->viewport()->rect()).boundingRect();
  const double top = std::clamp(kMargin + seen.top() * scale_, 1.0, height() - 4.0), bottom = std::clamp(kMargin + seen.bottom() * scale_, top + 3, height() - 2.0);
  p.setPen(theme.color(Tone::Text));
  p.drawRect(QRectF(1.5, std::round(top) + 0.5, width() - 4, std::round(bottom - top)));
}

void Minimap::go(QPointF at) { view_->centerOn(QPointF(scene_.width() / 2, (at.y() - kMargin) / scale_)); }

void Minimap::mousePressEvent(QMouseEvent* event) { go(event->position()); }

void Minimap::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() & Qt::LeftButton) go(event->position());
}

}  // namespace serp::app
