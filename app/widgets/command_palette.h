// SPDX-License-Identifier: GPL-3.0-or-later
// The command palette (Ctrl+K): type a few letters, Enter runs what fits best.
#pragma once

#include <QFrame>
#include <vector>

#include "app/session/action_registry.h"

class QLineEdit;
class QListWidget;

namespace serp::app {

/// How well `pattern` fits `text`: its letters in order, case ignored; starts of words and runs count more. -1: does not fit.
int fuzzyScore(const QString& pattern, const QString& text);

/// A child of the main window, in front of everything, gone on Esc, Enter or a click elsewhere.
class CommandPalette final : public QFrame {
  Q_OBJECT
 public:
  CommandPalette(ActionRegistry& actions, QWidget* window);
  void open();
  QLineEdit* field() const { return field_; }
  QListWidget* list() const { return list_; }

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void filter();
  void runCurrent();
  ActionRegistry& actions_;
  std::vector<PaletteEntry> entries_;
  QLineEdit* field_;
  QListWidget* list_;
};

}  // namespace serp::app
