// SPDX-License-Identifier: GPL-3.0-or-later
// The left rail: one checkable button per page, settings at the bottom.
#pragma once

#include <QWidget>

class QButtonGroup;
class QVBoxLayout;

namespace serp::app {

class Rail final : public QWidget {
  Q_OBJECT
 public:
  explicit Rail(QWidget* parent = nullptr);
  /// `page` is the number handed to pageWished(); the last page added with atBottom stands at the bottom.
  void add(int page, const QString& text, const QString& icon, const QString& tip, bool atBottom = false);
  void setCurrent(int page);

 Q_SIGNALS:
  void pageWished(int page);

 private:
  QButtonGroup* group_;
  QVBoxLayout* column_;
};

}  // namespace serp::app
