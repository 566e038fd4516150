// SPDX-License-Identifier: GPL-3.0-or-later
// What the Routing page does beyond showing: keys that move the cursor, actions for the palette, files of pictures and numbers.
#include <QAbstractButton>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QKeyEvent>
#include <QLineEdit>
#include <QPushButton>
#include <algorithm>

#include "app/pages/picture.h"
#include "app/pages/routing_page.h"
#include "app/routing_views/routing_view.h"
#include "app/session/action_registry.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"

namespace serp::app {

void RoutingPage::moveStep(int by) {
  if (history_->empty()) return;
  const auto now = static_cast<qint64>(history_->indexAt(workspace_.cursor->step()));
  const qint64 to = std::clamp<qint64>(now + by, 0, static_cast<qint64>(history_->frames().size()) - 1);
  workspace_.cursor->setFollowLive(false);
  workspace_.cursor->setStep(history_->frames()[static_cast<std::size_t>(to)]->step);
}

bool RoutingPage::handleKey(int key, Qt::KeyboardModifiers modifiers) {
  Cursor& cursor = *workspace_.cursor;
  const int experts = history_->experts(cursor.layer());
  const bool control = modifiers & Qt::ControlModifier;
  if (modifiers & ~(Qt::ControlModifier | Qt::ShiftModifier | Qt::KeypadModifier)) return false;
  const int far = modifiers & Qt::ShiftModifier ? 10 : 1;
  switch (key) {
    case Qt::Key_Left:
    case Qt::Key_Right: {
      const int by = (key == Qt::Key_Left ? -1 : 1) * far;
      const int last = history_->text() ? static_cast<int>(history_->text()->pieces.size()) - 1 : -1;
      if (control) cursor.setToken(std::min(last, std::max(0, cursor.token() + by)));
      else moveStep(by);
      break;
    }
    case Qt::Key_Tab:
    case Qt::Key_Backtab: {
      // The next token; past either end of the text, and without one, Tab moves the focus as everywhere.
      const RoutedText* text = history_->text();
      const int to = cursor.token() + (key == Qt::Key_Backtab ? -1 : 1);
      if (!text || to < 0 || to >= static_cast<int>(text->pieces.size())) return false;
      cursor.setToken(to);
      break;
    }
    case Qt::Key_Escape:
      if (cursor.token() < 0 && cursor.expert() < 0) return false;
      cursor.setToken(-1);
      cursor.setExpert(-1);
      break;
    case Qt::Key_Up: cursor.setExpert(std::max(0, cursor.expert() - 1)); break;
    case Qt::Key_Down: cursor.setExpert(std::min(experts - 1, cursor.expert() + 1)); break;
    case Qt::Key_PageUp: cursor.setLayer(std::max(0, cursor.layer() - 1)); break;
    case Qt::Key_PageDown: cursor.setLayer(std::min(static_cast<int>(history_->layers()) - 1, cursor.layer() + 1)); break;
    default: return false;
  }
  if (cursor.expert() >= history_->experts(cursor.layer())) cursor.setExpert(-1);
  return true;
}

bool RoutingPage::eventFilter(QObject* object, QEvent* event) {
  if (event->type() == QEvent::KeyPress && !qobject_cast<QLineEdit*>(object) && !qobject_cast<QComboBox*>(object)) {
    auto* key = static_cast<QKeyEvent*>(event);
    // Buttons and fields keep Tab for the focus; the views hand it to the cursor.
    const bool tab = key->key() == Qt::Key_Tab || key->key() == Qt::Key_Backtab;
    if (!(tab && qobject_cast<QAbstractButton*>(object)) && handleKey(key->key(), key->modifiers())) return true;
  }
  return Page::eventFilter(object, event);
}

bool RoutingPage::focusNextPrevChild(bool next) {
  // Tab on the page itself arrives here before any key event.
  if (hasFocus() && !history_->empty() && handleKey(next ? Qt::Key_Tab : Qt::Key_Backtab, {})) return true;
  return Page::focusNextPrevChild(next);
}

void RoutingPage::keyPressEvent(QKeyEvent* event) {
  if (!handleKey(event->key(), event->modifiers())) Page::keyPressEvent(event);
}

void RoutingPage::askExport() {
  const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder for pictures and numbers"));
  if (folder.isEmpty()) return;
  const QString wrong = exportAll(folder);
  if (!workspace_.notices) return;
  if (wrong.isEmpty()) workspace_.notices->success(tr("Routing views were written to %1").arg(folder));
  else workspace_.notices->error(wrong);
}

void RoutingPage::registerActions() {
  if (!workspace_.actions || workspace_.actions->find(QStringLiteral("routing.export"))) return;
  ActionRegistry& actions = *workspace_.actions;
  const QString category = tr("Routing");
  actions.add(QStringLiteral("routing.export"), tr("Export the routing views…"), {}, category, this, [this] { askExport(); });
  actions.add(QStringLiteral("routing.follow"), tr("Follow the live run"), {}, category, this, [this] { follow_->click(); });
}

QString RoutingPage::exportAll(const QString& folder) {
  if (!QDir().mkpath(folder)) return tr("%1 cannot be created").arg(folder);
  QString wrong;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const QString base = QDir(folder).filePath(QStringLiteral("routing_") + routingViews()[i].id);
    if (!views_[i]->exportPicture(base + QStringLiteral(".png"), &wrong) || !views_[i]->exportPicture(base + QStringLiteral(".svg"), &wrong) ||
        !writeText(views_[i]->csv(), base + QStringLiteral(".csv"), &wrong))
      return wrong;
  }
  return {};
}

}  // namespace serp::app
