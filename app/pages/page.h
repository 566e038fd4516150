// SPDX-License-Identifier: GPL-3.0-or-later
// What a page is: a widget with a name, its own top bar, and the workspace it draws from.
#pragma once

#include <QWidget>

namespace serp::app {

struct Workspace;  // session controller, documents, runs, cursor, actions: see app/session/workspace.h

/// One page of the rail. Pages are made once, keep their state, and draw only while visible.
class Page : public QWidget {
  Q_OBJECT
 public:
  Page(QString name, Workspace& workspace, QWidget* parent = nullptr)
      : QWidget(parent), workspace_(workspace), name_(std::move(name)) {}
  const QString& name() const { return name_; }
  /// The 48 px bar above the page; owned by the page's window once asked for. Null: none.
  virtual QWidget* topBar() = 0;
  /// Left text of the status bar while the page is shown.
  virtual QString statusText() const { return {}; }

 Q_SIGNALS:
  void statusChanged();

 protected:
  Workspace& workspace_;

 private:
  QString name_;
};

}  // namespace serp::app
