// SPDX-License-Identifier: GPL-3.0-or-later
// The Settings page: theme, the folder of runs, how curves are drawn.
#pragma once

#include "app/pages/page.h"

namespace serp::app {

class SettingsPage final : public Page {
  Q_OBJECT
 public:
  explicit SettingsPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return nullptr; }
  QString statusText() const override;

 private:
  QWidget* appearance();
  QWidget* folders();
  QWidget* curves();
};

}  // namespace serp::app
