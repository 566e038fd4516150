// SPDX-License-Identifier: GPL-3.0-or-later
// Everything between the cards: wires with round corners, junctions, norm pills and the words on the wires.
#pragma once

#include <QGraphicsItem>

#include "app/canvas/canvas_layout.h"

namespace serp::app {

/// One item for all of them: none can be picked, and one paint call is cheaper than hundreds of items.
class WiringItem final : public QGraphicsItem {
 public:
  enum class Layer { Lines, Words };     ///< lines stand above the frames; words above everything
  WiringItem(const CanvasLayout& layout, Layer layer);
  QRectF boundingRect() const override { return QRectF(QPointF(), layout_.size); }
  QPainterPath shape() const override { return {}; }   ///< clicks go through
  void paint(QPainter* painter, const QStyleOptionGraphicsItem* option, QWidget* widget) override;

 private:
  CanvasLayout layout_;
  Layer layer_;
};

}  // namespace serp::app
