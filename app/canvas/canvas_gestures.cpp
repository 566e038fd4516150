// SPDX-License-Identifier: GPL-3.0-or-later
// The mouse on the canvas: select, draw a rubber band, drag blocks, and take what comes from the palette.
#include <QApplication>
#include <QDragEnterEvent>
#include <QMimeData>
#include <QMouseEvent>
#include <QRubberBand>
#include <QScrollBar>
#include <algorithm>

#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/canvas/drop_marks.h"
#include "app/models/catalog_model.h"

namespace serp::app {
namespace {

bool isBlock(const CanvasCard& card) { return card.kind != CanvasCard::Kind::Bar && (card.kind != CanvasCard::Kind::Slot || card.filled); }

bool isContainer(const CanvasCard& card) { return card.kind == CanvasCard::Kind::Repeat || card.kind == CanvasCard::Kind::Parallel; }

}  // namespace

void CanvasView::mousePressEvent(QMouseEvent* event) {
  press_ = Press::None;
  pressedAt_ = event->pos();
  if (event->button() == Qt::MiddleButton) {
    press_ = Press::Pan;
    return event->accept();
  }
  if (event->button() != Qt::LeftButton) return QGraphicsView::mousePressEvent(event);
  event->accept();
  const QPointF at = mapToScene(event->pos());
  CardItem* item = scene_->cardAt(at);
  if (!item) {
    press_ = Press::Empty;
    if (!(event->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier))) choose({});
    return;
  }
  const QString id = item->card().id;
  if (item->foldBox().contains(at)) return setFolded(id, !item->card().folded);
  if (item->lessBox().contains(at)) return Q_EMIT countWanted(id, -1);
  if (item->moreBox().contains(at)) return Q_EMIT countWanted(id, 1);
  press_ = Press::Card;
  QStringList ids = scene_->selection();
  if (event->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier)) {
    if (ids.contains(id)) ids.removeAll(id);
    else ids << id;
    return chooseAll(ids);
  }
  if (!ids.contains(id)) choose(id);  // a press on one of several may begin a drag of all; the release makes it the only one
}

void CanvasView::mouseMoveEvent(QMouseEvent* event) {
  const bool far = (event->pos() - pressedAt_).manhattanLength() >= QApplication::startDragDistance();
  if (press_ == Press::Pan) {
    const QPoint by = event->pos() - pressedAt_;
    horizontalScrollBar()->setValue(horizontalScrollBar()->value() - by.x());
    verticalScrollBar()->setValue(verticalScrollBar()->value() - by.y());
    pressedAt_ = event->pos();
    return;
  }
  if (marks_ && press_ == Press::Card) return dragTo(event->pos());
  if (!(event->buttons() & Qt::LeftButton) || !far) return QGraphicsView::mouseMoveEvent(event);
  if (press_ == Press::Card) {
    Dragged dragged;
    QString label;
    for (const QString& id : scene_->selection()) {
      const CardItem* item = scene_->card(id);
      if (!item || !isBlock(item->card())) continue;
      dragged.paths << id;
      dragged.container = dragged.container || isContainer(item->card());
      label = item->card().title;
    }
    if (dragged.paths.isEmpty()) return;
    startDrag(dragged, dragged.paths.size() > 1 ? tr("%1 blocks").arg(dragged.paths.size()) : label);
    return dragTo(event->pos());
  }
  if (press_ != Press::Empty) return;
  if (!band_) band_ = new QRubberBand(QRubberBand::Rectangle, viewport());
  band_->setGeometry(QRect(pressedAt_, event->pos()).normalized());
  band_->show();
}

void CanvasView::mouseReleaseEvent(QMouseEvent* event) {
  const Press press = std::exchange(press_, Press::None);
  if (event->button() != Qt::LeftButton || press == Press::Pan) return QGraphicsView::mouseReleaseEvent(event);
  event->accept();
  if (marks_) {
    const DropTarget target = marks_->target();
    const Dragged dragged = dragged_;
    endDrag();
    if (target.isValid()) Q_EMIT dropped(dragged, target, event->modifiers() & Qt::ControlModifier);
    return;
  }
  if (press == Press::Empty && band_ && band_->isVisible()) {
    band_->hide();
    const QRectF area = mapToScene(band_->geometry()).boundingRect();
    QStringList ids = event->modifiers() & Qt::ShiftModifier ? scene_->selection() : QStringList();
    for (const CanvasCard& card : scene_->canvasLayout().cards) {
      if (!isBlock(card) || card.kind == CanvasCard::Kind::Slot || !area.contains(card.rect)) continue;
      const bool covered = std::any_of(ids.begin(), ids.end(), [&](const QString& id) { return card.id.startsWith(id + QLatin1Char('.')); });
      if (!covered && !ids.contains(card.id)) ids << card.id;   // a frame stands for what is in it
    }
    return chooseAll(ids);
  }
  if (press == Press::Card && scene_->selection().size() > 1 && !(event->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier)))
    if (const CardItem* item = scene_->cardAt(mapToScene(event->pos()))) choose(item->card().id);
}

void CanvasView::mouseDoubleClickEvent(QMouseEvent* event) {
  event->accept();
  const QPointF at = mapToScene(event->pos());
  const CardItem* item = scene_->cardAt(at);
  if (!item) return Q_EMIT searchWanted({});
  if (item->lessBox().contains(at)) return Q_EMIT countWanted(item->card().id, -1);   // the second of two quick clicks
  if (item->moreBox().contains(at)) return Q_EMIT countWanted(item->card().id, 1);
  Q_EMIT activated(item->card().id);
}

void CanvasView::startDrag(const Dragged& dragged, const QString& label) {
  endDrag();
  dragged_ = dragged;
  dragLabel_ = label;
  marks_ = new DropMarks(scene_->canvasLayout(), dragged);
  scene_->addItem(marks_);
}

void CanvasView::dragTo(QPoint at) {
  if (!marks_) return;
  const QPointF point = mapToScene(at);
  const DropTarget target = marks_->targetAt(point);
  const bool same = target == marks_->target();
  marks_->show(target, point, dragLabel_);
  if (!same) {
    const QString words = target.isValid() && describe_ ? describe_(dragged_, target) : QString();
    showHint(words.isEmpty() ? tr("Esc puts it back") : words + tr("  ·  Esc puts it back"));
  }
  // Near the upper and lower edge the design scrolls along.
  const int edge = 28, step = at.y() < edge ? -16 : at.y() > viewport()->height() - edge ? 16 : 0;
  if (step != 0) verticalScrollBar()->setValue(verticalScrollBar()->value() + step);
}

void CanvasView::endDrag() {
  if (!marks_) return;
  scene_->removeItem(marks_);
  delete std::exchange(marks_, nullptr);
  showHint({});
}

DropTarget CanvasView::dropTarget() const { return marks_ ? marks_->target() : DropTarget(); }

void CanvasView::dragEnterEvent(QDragEnterEvent* event) {
  if (!hasDesign_ || !event->mimeData()->hasFormat(QLatin1String(kKindMime))) return event->ignore();
  Dragged dragged;
  dragged.kind = QString::fromUtf8(event->mimeData()->data(QLatin1String(kKindMime)));
  const BlockInfo* info = findBlock(dragged.kind.toStdString());
  dragged.container = info && info->family == Family::Container;
  startDrag(dragged, dragged.kind);
  event->acceptProposedAction();
}

void CanvasView::dragMoveEvent(QDragMoveEvent* event) {
  if (!marks_) return event->ignore();
  dragTo(event->position().toPoint());
  event->acceptProposedAction();
}

void CanvasView::dragLeaveEvent(QDragLeaveEvent*) { endDrag(); }

void CanvasView::dropEvent(QDropEvent* event) {
  if (!marks_) return event->ignore();
  dragTo(event->position().toPoint());
  const DropTarget target = marks_->target();
  const Dragged dragged = dragged_;
  endDrag();
  event->acceptProposedAction();
  if (target.isValid()) Q_EMIT dropped(dragged, target, false);
  setFocus(Qt::MouseFocusReason);
}

}  // namespace serp::app
