// SPDX-License-Identifier: GPL-3.0-or-later
// Every action of the program, registered once.
#include "app/session/action_registry.h"

#include <QVariant>

namespace serp::app {

QAction* ActionRegistry::add(const QString& id, const QString& text, const QKeySequence& shortcut, const QString& category,
                             QObject* context, std::function<void()> run) {
  Q_ASSERT_X(!find(id), "ActionRegistry", "an action id is registered twice");
  auto* action = new QAction(text, this);
  action->setObjectName(id);
  action->setShortcut(shortcut);
  action->setProperty("category", category);
  if (!shortcut.isEmpty())
    action->setToolTip(QStringLiteral("%1 (%2)").arg(text, shortcut.toString(QKeySequence::NativeText)));
  QObject::connect(action, &QAction::triggered, context, [call = std::move(run)] { call(); });
  actions_.push_back(action);
  return action;
}

QAction* ActionRegistry::find(const QString& id) const {
  for (QAction* action : actions_)
    if (action->objectName() == id) return action;
  return nullptr;
}

void ActionRegistry::trigger(const QString& id) const {
  if (QAction* action = find(id); action && action->isEnabled()) action->trigger();
}

QString ActionRegistry::category(const QAction* action) const { return action->property("category").toString(); }

std::vector<PaletteEntry> ActionRegistry::entries() const {
  std::vector<PaletteEntry> out;
  for (QAction* action : actions_)
    out.push_back({action->text(), category(action), action->shortcut().toString(QKeySequence::NativeText),
                   [action] { action->trigger(); }, action->isEnabled()});
  for (const Provider& provider : providers_)
    for (PaletteEntry& entry : provider()) out.push_back(std::move(entry));
  return out;
}

}  // namespace serp::app
