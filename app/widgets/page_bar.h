// SPDX-License-Identifier: GPL-3.0-or-later
// A plain top bar: the page's name, a remark, and the way into the command palette.
#pragma once

#include <QString>
#include <QWidget>

namespace serp::app {

class ActionRegistry;

class PageBar final : public QWidget {
  Q_OBJECT
 public:
  PageBar(const QString& title, const QString& remark, ActionRegistry& actions, QWidget* parent = nullptr);
};

}  // namespace serp::app
