// SPDX-License-Identifier: GPL-3.0-or-later
// Text the model writes: the newest sample beside an older one, a prompt, a temperature, and "Sample now".
#pragma once

#include "app/widgets/panel.h"

class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;

namespace serp::app {

struct Workspace;

class SamplesPane final : public Panel {
  Q_OBJECT
 public:
  explicit SamplesPane(Workspace& workspace, QWidget* parent = nullptr);
  void refresh();

 private:
  struct Side { QLabel* caption; QPlainTextEdit* text; };
  Side makeSide(bool older);
  void fill(const Side& side, int event, bool older);
  void enable();
  Workspace& workspace_;
  Side newest_, older_;
  QLineEdit* prompt_;
  QDoubleSpinBox* temperature_;
  QPushButton* now_;
  std::size_t read_ = 0;
  int generation_ = -1, newestEvent_ = -1, olderEvent_ = -1;
};

}  // namespace serp::app
