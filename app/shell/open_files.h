// SPDX-License-Identifier: GPL-3.0-or-later
// Opens what a person hands over, by argument, dialog or drop: a design, a run, a folder of runs, a text to train on.
#pragma once

#include <QObject>
#include <QString>

namespace serp::app {

struct Workspace;

/// What exists, by its absolute path: it is kept for the next start, which may be somewhere else. Names of presets and runs stay.
QString absolutePath(const QString& pathOrName);

class OpenFiles final : public QObject {
  Q_OBJECT
 public:
  explicit OpenFiles(Workspace& workspace, QObject* parent = nullptr) : QObject(parent), workspace_(workspace) {}
  /// Opens and brings the page that shows it to the front. False: `error` says why in one sentence.
  bool open(const QString& path, QString* error);
  void choose(QWidget* window);                      ///< a file dialog that does not block

 private:
  bool showRun(const QString& folder, QString* error);
  bool useText(const QString& path, QString* error);
  Workspace& workspace_;
};

}  // namespace serp::app
