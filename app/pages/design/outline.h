// SPDX-License-Identifier: GPL-3.0-or-later
// The design as a tree: the same cards as on the canvas, for screen readers and for finding one's way in long designs.
#pragma once

#include <QTreeWidget>

#include "app/canvas/canvas_layout.h"

namespace serp::app {

/// Mirrors the canvas; selection goes both ways. Its items carry the card's id in Qt::UserRole.
class Outline final : public QTreeWidget {
  Q_OBJECT
 public:
  explicit Outline(QWidget* parent = nullptr);
  void setLayout(const CanvasLayout& layout);
  void setFaults(const QHash<QString, int>& faults);  ///< by card id
  void setSelection(const QStringList& ids);       ///< does not emit
  QTreeWidgetItem* item(const QString& id) const { return items_.value(id); }

 Q_SIGNALS:
  void selectionMade(const QStringList& ids);

 private:
  QHash<QString, QTreeWidgetItem*> items_;
  bool quiet_ = false;
};

}  // namespace serp::app
