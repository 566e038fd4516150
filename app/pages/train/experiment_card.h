// SPDX-License-Identifier: GPL-3.0-or-later
// One experiment as a card: what it changes, a drawing of the idea, and the button that branches.
#pragma once

#include "app/pages/train/experiments.h"
#include "app/widgets/panel.h"

class QAction;
class QLabel;

namespace serp::app {

class ExperimentCard final : public QFrame {
  Q_OBJECT
 public:
  explicit ExperimentCard(QAction* action, QWidget* parent = nullptr);
  void show(const Experiment& experiment);
  void setPictureShown(bool on);

 private:
  class Picture;
  QLabel *title_, *sentence_, *change_;
  Picture* picture_;
};

}  // namespace serp::app
