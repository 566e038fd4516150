// SPDX-License-Identifier: GPL-3.0-or-later
// The panel of live knobs, made anew for every run from the declarations of its blocks.
#pragma once

#include <vector>

#include "app/widgets/panel.h"

class QPushButton;
class QVBoxLayout;

namespace serp::app {

class Knob;
class RunCommands;
struct Workspace;

class LiveKnobs final : public Panel {
  Q_OBJECT
 public:
  LiveKnobs(Workspace& workspace, RunCommands& commands, QWidget* parent = nullptr);
  const std::vector<Knob*>& knobs() const { return knobs_; }
  void refresh();                                  ///< remarks and values that follow the run

 private:
  void rebuild();
  void enable();
  void stage();
  void follow();
  Workspace& workspace_;
  RunCommands& commands_;
  std::vector<Knob*> knobs_;
  QWidget* list_ = nullptr;
  QVBoxLayout* column_ = nullptr;
  QPushButton *reset_, *branch_;
  std::string shownText_;
  int generation_ = -1;
};

}  // namespace serp::app
