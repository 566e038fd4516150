// SPDX-License-Identifier: GPL-3.0-or-later
// Zoom, fit and keys of the canvas.
#include "app/canvas/canvas_view.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/style/theme.h"

namespace serp::app {

CanvasView::CanvasView(QWidget* parent) : QGraphicsView(parent), scene_(new DesignScene(this)) {
  setScene(scene_);
  setFrameShape(QFrame::NoFrame);
  setAlignment(Qt::AlignHCenter | Qt::AlignTop);
  setRenderHint(QPainter::Antialiasing);
  setRenderHint(QPainter::TextAntialiasing);
  setDragMode(QGraphicsView::NoDrag);
  setStyleSheet(QStringLiteral("QAbstractScrollArea::corner { background: transparent; border: none; }"));
  setViewportUpdateMode(QGraphicsView::SmartViewportUpdate);
  setAccessibleName(tr("Architecture canvas"));
  setAccessibleDescription(tr("Up and down walk along the wire, right enters a block's slots, left leaves them, Enter edits."));
  setMinimumWidth(320);

  controls_ = new QFrame(this);
  controls_->setProperty("role", "panel");
  auto* row = new QHBoxLayout(controls_);
  row->setContentsMargins(2, 2, 2, 2);
  row->setSpacing(0);
  const auto button = [&](const QString& text, const QString& name, auto act) {
    auto* b = new QPushButton(text);
    b->setProperty("role", "ghost");
    b->setProperty("small", true);
    b->setMinimumWidth(30);
    b->setFocusPolicy(Qt::NoFocus);               // the keys + - 0 F do the same
    b->setAccessibleName(name);
    b->setToolTip(name);
    connect(b, &QPushButton::clicked, this, act);
    row->addWidget(b);
    return b;
  };
  button(QStringLiteral("−"), tr("Zoom out (-)"), [this] { setZoom(zoom_ / 1.2); });
  percent_ = button(QStringLiteral("100 %"), tr("Back to the width of the window (0)"), [this] { resetZoom(); });
  percent_->setMinimumWidth(60);
  button(QStringLiteral("+"), tr("Zoom in (+)"), [this] { setZoom(zoom_ * 1.2); });
  button(tr("Fit"), tr("The whole design in the window (F)"), [this] { fit(); });

  hint_ = new QLabel(tr("↑ ↓ walk along the wire  ·  → ← in and out  ·  Enter edits  ·  / finds a block"), this);
  hint_->setProperty("role", "caption");
  hint_->setAttribute(Qt::WA_TransparentForMouseEvents);
  empty_ = new QLabel(this);
  empty_->setWordWrap(true);
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setProperty("role", "caption");
  empty_->hide();
}

void CanvasView::setDesign(const RunSpec& spec, const Plan& plan) {
  spec_ = spec;
  plan_ = plan;
  hasDesign_ = true;
  stale_ = true;
  empty_->hide();
  if (isVisible()) layOutNow();
}

void CanvasView::clearDesign(const QString& why) {
  hasDesign_ = false;
  stale_ = false;
  scene_->setLayout({});
  empty_->setText(why);
  empty_->show();
  placeControls();
}

void CanvasView::setFaults(const Diagnostics& diagnostics) { scene_->setFaults(diagnostics); }

void CanvasView::select(const QString& id) {
  scene_->select(id);
  if (CardItem* item = scene_->card(id)) ensureVisible(item->card().rect, 24, 60);  // clear of the zoom buttons
}

void CanvasView::layOutNow() {
  if (!hasDesign_) return;
  stale_ = false;
  if (ownZoom_ || laidOut_ <= 0) laidOut_ = room();
  const QPointF at(horizontalScrollBar()->value(), verticalScrollBar()->value());
  scene_->setLayout(layOut(spec_, plan_, laidOut_));
  horizontalScrollBar()->setValue(static_cast<int>(at.x()));
  verticalScrollBar()->setValue(static_cast<int>(at.y()));
  placeControls();
}

void CanvasView::setZoom(double factor) {
  ownZoom_ = false;
  setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
  scale(factor);
}

double CanvasView::room() const { return std::max(1, width() - verticalScrollBar()->sizeHint().width()); }

void CanvasView::resetZoom() {
  ownZoom_ = true;
  // At its own zoom the layout is as wide as the window: rounding must not bring a scroll bar. Narrower than the smallest layout
  // it shrinks a little instead of making people scroll sideways.
  setHorizontalScrollBarPolicy(room() >= 0.75 * kMinCanvasWidth ? Qt::ScrollBarAlwaysOff : Qt::ScrollBarAsNeeded);
  scale(std::clamp(room() / kMinCanvasWidth, 0.75, 1.0));
  if (hasDesign_ && isVisible() && std::abs(room() - laidOut_) >= 1) layOutNow();
}

void CanvasView::scale(double factor) {
  zoom_ = std::clamp(factor, 0.25, 4.0);
  setTransform(QTransform::fromScale(zoom_, zoom_));
  percent_->setText(QStringLiteral("%1 %").arg(std::lround(zoom_ * 100)));
  placeControls();
}

void CanvasView::fit() {
  const QSizeF all = scene_->sceneRect().size();
  if (all.isEmpty()) return;
  setZoom(std::min(1.5, std::min(viewport()->width() / all.width(), viewport()->height() / all.height())));
}

void CanvasView::showEvent(QShowEvent* event) {
  QGraphicsView::showEvent(event);
  if (stale_) layOutNow();
  placeControls();
}

void CanvasView::resizeEvent(QResizeEvent* event) {
  QGraphicsView::resizeEvent(event);
  placeControls();
  if (ownZoom_ && event->size().width() != event->oldSize().width()) resetZoom();
}

void CanvasView::placeControls() {
  controls_->setVisible(hasDesign_);
  controls_->adjustSize();
  controls_->move(viewport()->width() - controls_->width() - 16, viewport()->height() - controls_->height() - 12);
  hint_->adjustSize();
  hint_->move(24, viewport()->height() - hint_->height() - 18);
  // Only where it covers nothing.
  hint_->setVisible(hasDesign_ && hint_->width() + controls_->width() + 72 < viewport()->width() &&
                    scene_->sceneRect().height() * zoom_ + 20 <= viewport()->height());
  empty_->setGeometry(viewport()->rect().adjusted(48, 48, -48, -96));
}

void CanvasView::wheelEvent(QWheelEvent* event) {
  if (event->modifiers() & Qt::ControlModifier) {
    setTransformationAnchor(AnchorUnderMouse);
    setZoom(zoom_ * std::pow(1.0015, event->angleDelta().y()));
    event->accept();
    return;
  }
  QGraphicsView::wheelEvent(event);
}

void CanvasView::choose(const QString& id) {
  select(id);
  Q_EMIT selectionMoved(scene_->selected());
}

void CanvasView::keyPressEvent(QKeyEvent* event) {
  if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return event->ignore();
  using Step = DesignScene::Step;
  const auto go = [&](Step step) {
    if (const QString id = scene_->reach(step); !id.isEmpty()) choose(id);
  };
  switch (event->key()) {
    case Qt::Key_Down: return go(Step::Next);
    case Qt::Key_Up: return go(Step::Previous);
    case Qt::Key_Right: return go(Step::Into);
    case Qt::Key_Left: return go(Step::Out);
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (!scene_->selected().isEmpty()) Q_EMIT activated(scene_->selected());
      return;
    case Qt::Key_Escape: return choose({});
    case Qt::Key_Plus: return setZoom(zoom_ * 1.2);
    case Qt::Key_Minus: return setZoom(zoom_ / 1.2);
    case Qt::Key_0: return resetZoom();
    case Qt::Key_F: return fit();
    case Qt::Key_Home:
    case Qt::Key_End: {
      const auto& cards = scene_->canvasLayout().cards;
      if (!cards.empty()) choose(event->key() == Qt::Key_Home ? cards.front().id : cards.back().id);
      return;
    }
    case Qt::Key_PageUp:
    case Qt::Key_PageDown: return QAbstractScrollArea::keyPressEvent(event);
    default: event->ignore();  // the page has keys of its own
  }
}

void CanvasView::mousePressEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) {
    CardItem* item = scene_->cardAt(mapToScene(event->pos()));
    choose(item ? item->card().id : QString());
    event->accept();
    return;
  }
  QGraphicsView::mousePressEvent(event);
}

void CanvasView::mouseDoubleClickEvent(QMouseEvent* event) {
  if (const CardItem* item = scene_->cardAt(mapToScene(event->pos()))) Q_EMIT activated(item->card().id);
  event->accept();
}

}  // namespace serp::app
