// SPDX-License-Identifier: GPL-3.0-or-later
// Closing while a run trains: a checkpoint is saved first, with a notice and a bound; a second close leaves at once.
#pragma once

#include <QObject>
#include <QTimer>

namespace serp::app {

struct Workspace;

class Closing final : public QObject {
  Q_OBJECT
 public:
  explicit Closing(Workspace& workspace, QObject* parent = nullptr);
  /// True: close now. False: the run is being saved; ready() follows.
  bool mayClose();

 Q_SIGNALS:
  void ready();

 private:
  Workspace& workspace_;
  QTimer bound_;
  bool asked_ = false, done_ = false;
};

}  // namespace serp::app
