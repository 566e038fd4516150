// SPDX-License-Identifier: GPL-3.0-or-later
// What lights up while something is dragged: every place it fits, and the one under the pointer.
#pragma once

#include <QGraphicsItem>

#include "app/canvas/canvas_layout.h"
#include "app/canvas/drop_target.h"

namespace serp::app {

class DropMarks final : public QGraphicsItem {
 public:
  DropMarks(const CanvasLayout& layout, const Dragged& dragged);
  /// The place at a point: a slot under the pointer if the block fits one, else the nearest gap. Places inside what is dragged do not count.
  DropTarget targetAt(QPointF at) const;
  void show(const DropTarget& target, QPointF pointer, const QString& label);
  const DropTarget& target() const { return target_; }
  QRectF boundingRect() const override { return QRectF(QPointF(), layout_.size).adjusted(-200, -40, 200, 40); }
  QPainterPath shape() const override { return {}; }
  void paint(QPainter* painter, const QStyleOptionGraphicsItem* option, QWidget* widget) override;

 private:
  bool fits(const CanvasGap& gap) const;
  bool fits(const CanvasCard& slot) const;
  const CanvasLayout layout_;
  Dragged dragged_;
  DropTarget target_;
  QPointF pointer_;
  QString label_;
};

}  // namespace serp::app
