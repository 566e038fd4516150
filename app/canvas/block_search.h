// SPDX-License-Identifier: GPL-3.0-or-later
// The search that opens where somebody types on the canvas: blocks that fit there, the best match first.
#pragma once

#include <QFrame>

#include "app/canvas/drop_target.h"

class QLabel;
class QLineEdit;
class QListWidget;

namespace serp::app {

/// A child of the canvas; gone on Esc, Enter or when the focus leaves it.
class BlockSearch final : public QFrame {
  Q_OBJECT
 public:
  explicit BlockSearch(QWidget* canvas);
  /// `words`: what was typed already. `where`: one line that says where the block goes.
  void open(const DropTarget& target, const QString& words, const QString& where);
  const DropTarget& target() const { return target_; }
  QLineEdit* field() const { return field_; }
  QListWidget* list() const { return list_; }

 Q_SIGNALS:
  void chosen(const QString& kind);

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void filter();
  void take();
  DropTarget target_;
  QLineEdit* field_;
  QListWidget* list_;
  QLabel* where_;
};

}  // namespace serp::app
