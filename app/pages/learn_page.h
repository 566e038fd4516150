// SPDX-License-Identifier: GPL-3.0-or-later
// The Learn page: four things to try with buttons that lead there, and the shipped designs. Guided lessons are not written yet, and it says so.
#pragma once

#include "app/pages/page.h"

class QVBoxLayout;

namespace serp::app {

class LearnPage final : public Page {
  Q_OBJECT
 public:
  explicit LearnPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return bar_; }
  QString statusText() const override;

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  QWidget* bar_;
  QWidget* buildSteps();
  QWidget* buildDesigns();
  QVBoxLayout* presets_;
  bool asked_ = false;
};

}  // namespace serp::app
