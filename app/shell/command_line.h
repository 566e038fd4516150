// SPDX-License-Identifier: GPL-3.0-or-later
// The program's arguments, contract.md §5.
#pragma once

#include <QSize>
#include <QString>
#include <QStringList>
#include <string>
#include <utility>
#include <vector>

namespace serp::app {

struct CommandLine {
  QStringList paths;                                 ///< designs, runs, folders; with --plot: runs
  QString start;                                     ///< --start PRESET
  std::vector<std::pair<std::string, std::string>> overrides;  ///< --set k=v
  QString out;                                       ///< --out: folder for runs; with --plot: the file
  QString screenshot, page, theme;                   ///< theme: "dark", "light" or empty
  QSize size{1280, 800};
  qint64 afterSteps = 0;
  bool plot = false, logX = false, logY = false, help = false, version = false;
  QString x = QStringLiteral("step"), y = QStringLiteral("loss");
  QString error;                                     ///< one sentence; empty: all is well
};

/// Arguments without the program's name. Never touches the disk.
CommandLine parseCommandLine(const QStringList& arguments);
QString usageText();

}  // namespace serp::app
