// SPDX-License-Identifier: GPL-3.0-or-later
// One card on the canvas: a bar, a block, a slot or a container frame, with its chips, share bars, selection ring and fault tag.
#pragma once

#include <QGraphicsItem>

#include "app/canvas/canvas_layout.h"

namespace serp::app {

/// Paints itself from the layout; knows nothing of the document. Colours come from the theme at paint time.
class CardItem final : public QGraphicsItem {
 public:
  enum { Type = UserType + 1 };
  CardItem(const CanvasCard& card, const double* shareX);
  int type() const override { return Type; }
  QRectF boundingRect() const override;
  QPainterPath shape() const override;
  void paint(QPainter* painter, const QStyleOptionGraphicsItem* option, QWidget* widget) override;

  const CanvasCard& card() const { return card_; }
  void setChosen(bool chosen);
  bool isChosen() const { return chosen_; }
  /// Where a click folds the card; where it takes one from the count of a repeat, or adds one. Empty where there is no such place.
  QRectF foldBox() const;
  QRectF lessBox() const, moreBox() const;
  void setFaults(int count);
  int faults() const { return faults_; }

 private:
  void paintFrame(QPainter& p) const;
  void paintTitle(QPainter& p) const;
  void paintShares(QPainter& p) const;
  void paintChips(QPainter& p) const;
  void paintSlot(QPainter& p) const;
  double paintFaults(QPainter& p, double x) const;
  QRectF countBox() const;

  CanvasCard card_;
  double shareX_[3];
  bool chosen_ = false;
  int faults_ = 0;
};

/// A flat box with one word in the middle; used for chips and norm pills.
void paintChip(QPainter& p, const CanvasChip& chip, const QColor& hue);

}  // namespace serp::app
