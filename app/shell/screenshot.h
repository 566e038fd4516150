// SPDX-License-Identifier: GPL-3.0-or-later
// `serpentarium --screenshot`: waits until the page shows what was asked for, writes the picture, and ends the program.
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>

class QWidget;

namespace serp::app {

struct Workspace;

class Screenshot final : public QObject {
  Q_OBJECT
 public:
  /// Quits the application with 0, or with the failed run's exit code.
  Screenshot(Workspace& workspace, QWidget* window, QString file, qint64 afterSteps, QObject* parent = nullptr);

 private:
  void look();
  void take();
  Workspace& workspace_;
  QWidget* window_;
  QString file_;
  qint64 afterSteps_;
  QTimer timer_;
  int settled_ = 0;
};

}  // namespace serp::app
