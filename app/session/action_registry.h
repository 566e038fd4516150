// SPDX-License-Identifier: GPL-3.0-or-later
// Every action of the program, registered once: menus, buttons, shortcuts and the command palette all show the same QAction.
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QString>
#include <functional>
#include <vector>

namespace serp::app {

/// One line of the palette: an action, or something that comes and goes (a preset, a run, an open tab).
struct PaletteEntry {
  QString text, category, hint;      ///< hint: shortcut or remark at the right
  std::function<void()> run;
  bool enabled = true;
};

/// GUI thread only. Ids used across rooms: "page.design", "page.train", "page.routing", "page.compare", "page.learn",
/// "page.settings", "palette.open", "train.toggle", "train.step", "train.stop", "train.discard", "train.save", "train.branch",
/// "train.design" (trains the open design in a new run and shows the Train page), "file.open".
class ActionRegistry final : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  using Provider = std::function<std::vector<PaletteEntry>()>;

  /// Registers an action; `run` is called when it is triggered and lives as long as `context`. The id must be new.
  /// To make the shortcut work add the action to a widget (QWidget::addAction); the main window does so for page and file actions.
  QAction* add(const QString& id, const QString& text, const QKeySequence& shortcut, const QString& category, QObject* context,
               std::function<void()> run);
  QAction* find(const QString& id) const;            ///< null if unknown
  void trigger(const QString& id) const;             ///< does nothing if unknown or disabled
  const std::vector<QAction*>& all() const { return actions_; }
  QString category(const QAction* action) const;
  void addProvider(Provider provider) { providers_.push_back(std::move(provider)); }
  /// Actions in order of registration, then what the providers give now.
  std::vector<PaletteEntry> entries() const;

 private:
  std::vector<QAction*> actions_;
  std::vector<Provider> providers_;
};

}  // namespace serp::app
