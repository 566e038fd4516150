// SPDX-License-Identifier: GPL-3.0-or-later
// The verbs of training, registered as actions: train or pause, one step, stop, stop without saving, save, branch.
#pragma once

#include <QObject>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/spec.h"

class QAction;

namespace serp::app {

struct Workspace;

/// Keeps the actions' texts and states in step with what the runner acknowledged. GUI thread only.
class RunCommands final : public QObject {
  Q_OBJECT
 public:
  using Overrides = std::vector<std::pair<std::string, std::string>>;
  explicit RunCommands(Workspace& workspace, QObject* parent = nullptr);

  void toggle();                                   ///< trains, pauses or resumes, whichever is possible
  /// Trains a design in a new run under the preferred folder. False: a notice says why.
  bool train(const RunSpec& spec);
  bool trainDesign();                              ///< false: a notice says why
  /// A new run of the shown design with the live values as they are and `changes` applied; its parent is recorded.
  bool branch(const Overrides& changes = {});
  void setLive(const std::string& path, double value);
  /// What live edits have made of the run, as overrides of its text.
  Overrides liveValues() const;

 Q_SIGNALS:
  void startRequested();                           ///< the page that shows the run should come to the front

 private:
  void update();
  bool canContinue() const;
  Workspace& workspace_;
  QAction *toggle_, *step_, *stop_, *discard_, *save_, *branch_, *design_;
};

}  // namespace serp::app
