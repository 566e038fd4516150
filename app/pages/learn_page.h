// SPDX-License-Identifier: GPL-3.0-or-later
// The Learn page: says plainly that lessons are still to come, and lists the shipped designs to try meanwhile.
#pragma once

#include "app/pages/page.h"

class QVBoxLayout;

namespace serp::app {

class LearnPage final : public Page {
  Q_OBJECT
 public:
  explicit LearnPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return nullptr; }
  QString statusText() const override;

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  QVBoxLayout* presets_;
  bool asked_ = false;
};

}  // namespace serp::app
