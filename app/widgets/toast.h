// SPDX-License-Identifier: GPL-3.0-or-later
// Shows notices at the lower right of the window, one above the other; they go by themselves, errors stay until closed.
#pragma once

#include <QFrame>
#include <QList>

#include "app/session/notices.h"

namespace serp::app {

class ToastStack final : public QObject {
  Q_OBJECT
 public:
  ToastStack(Notices& notices, QWidget* window);
  const QList<QFrame*>& shown() const { return shown_; }

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void add(const Notice& notice);
  void drop(QFrame* toast);
  void place();
  QWidget* window_;
  QList<QFrame*> shown_;
};

}  // namespace serp::app
