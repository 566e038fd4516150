// SPDX-License-Identifier: GPL-3.0-or-later
// The scene of one design: items made from a layout, one selected card, fault tags, and the way along the wires.
#pragma once

#include <QGraphicsScene>
#include <QHash>
#include <QString>
#include <vector>

#include "app/canvas/canvas_layout.h"
#include "engine/api/diagnostic.h"

namespace serp::app {

class CardItem;

class DesignScene final : public QGraphicsScene {
  Q_OBJECT
 public:
  enum class Step { Next, Previous, Into, Out };   ///< along the wire; into a block's slots and back out
  explicit DesignScene(QObject* parent = nullptr);

  void setLayout(const CanvasLayout& layout);      ///< keeps the selection where its place still exists
  const CanvasLayout& canvasLayout() const { return layout_; }
  void setFaults(const Diagnostics& diagnostics);
  const QHash<QString, int>& faultCounts() const { return faultCounts_; }   ///< by card id
  void select(const QString& id);                  ///< this card alone; does not emit
  void setSelection(QStringList ids);              ///< the last one is what keys act from; unknown ones are left out
  const QString& selected() const { return selected_; }
  const QStringList& selection() const { return selection_; }
  CardItem* card(const QString& id) const { return cards_.value(id); }
  CardItem* cardAt(QPointF position) const;        ///< the innermost one
  /// The card reached from the selected one; empty if there is none that way.
  QString reach(Step step) const;

 protected:
  void drawBackground(QPainter* painter, const QRectF& rect) override;

 private:
  CanvasLayout layout_;
  QHash<QString, CardItem*> cards_;
  QString selected_;
  QStringList selection_;
  Diagnostics diagnostics_;
  QHash<QString, int> faultCounts_;
};

}  // namespace serp::app
