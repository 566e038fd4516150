// SPDX-License-Identifier: GPL-3.0-or-later
// The Settings page: theme, the folder of runs, how curves are drawn.
#pragma once

#include "app/pages/page.h"

class QGridLayout;

namespace serp::app {

class SettingsPage final : public Page {
  Q_OBJECT
 public:
  explicit SettingsPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return bar_; }
  QString statusText() const override;

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  QWidget* bar_;
  QWidget* appearance();
  QWidget* folders();
  QWidget* curves();
  QWidget* keys();
  void fillKeys();
  QGridLayout* keys_ = nullptr;
};

}  // namespace serp::app
