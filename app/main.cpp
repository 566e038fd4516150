// SPDX-License-Identifier: GPL-3.0-or-later
// The window's program: arguments, theme, window. Contract.md §5.
#include <unistd.h>

#include <QApplication>
#include <QDir>
#include <QTemporaryDir>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/main_window.h"
#include "app/session/preferences.h"
#include "app/shell/command_line.h"
#include "app/shell/open_first.h"
#include "app/shell/plot_command.h"
#include "app/shell/screenshot.h"
#include "app/shell/signals.h"
#include "app/style/theme.h"
#include "engine/api/block_graph.h"

using namespace serp::app;

namespace {

int complain(const std::string& sentence, serp::ExitCode code = serp::ExitCode::BadConfiguration) {
  std::fprintf(stderr, "serpentarium: %s\n", sentence.c_str());
  return static_cast<int>(code);
}

/// OpenMP's threads wait for each other by spinning for milliseconds. Beside a window, or any other busy program, the spinners keep the
/// very thread they wait for off its core: training then runs at a small part of its speed. The runtime reads its spin count when it
/// is loaded, before main(), so the program starts itself once more with a short one.
void spinBriefly(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || ::setenv("GOMP_SPINCOUNT", "10000", 1) != 0) return;
  ::execv(self.c_str(), argv);                       // comes back only if it fails, and then things are as they were
}

}  // namespace

int main(int argc, char** argv) {
  QStringList arguments;
  for (int i = 1; i < argc; ++i) arguments << QString::fromLocal8Bit(argv[i]);
  const CommandLine line = parseCommandLine(arguments);
  if (!line.error.isEmpty()) return complain(line.error.toStdString());
  if (line.help) return std::fputs(qPrintable(usageText()), stdout), 0;
  if (line.version) return std::puts("serpentarium " SERP_VERSION), 0;
  if (!line.plot) spinBriefly(argv);
  if ((line.plot || !line.screenshot.isEmpty()) && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
    qputenv("QT_QPA_PLATFORM", "offscreen");         // neither needs a display

  QApplication application(argc, argv);
  QApplication::setOrganizationName(QStringLiteral("serpentarium"));
  QApplication::setApplicationName(QStringLiteral("serpentarium"));
  QApplication::setApplicationVersion(QStringLiteral(SERP_VERSION));

  // A picture must not depend on, or change, what a person prefers, and its run is thrown away unless --out keeps it.
  QTemporaryDir scratch;
  const bool picture = !line.screenshot.isEmpty();
  Preferences preferences(picture ? scratch.filePath(QStringLiteral("preferences.ini")) : QString());
  if (picture) preferences.overrideRunsFolder(scratch.filePath(QStringLiteral("runs")));
  if (!line.out.isEmpty() && !line.plot) preferences.overrideRunsFolder(QDir(line.out).absolutePath());
  const bool dark = line.theme.isEmpty() ? preferences.darkTheme() : line.theme == QLatin1String("dark");
  Theme::instance().setKind(dark ? ThemeKind::Dark : ThemeKind::Light);
  Theme::instance().apply(application);
  if (line.plot) return plotRuns(line);

  const serp::Diagnostics ownFaults = serp::loadOwnBlocks();  // a block that cannot be read is told where a design asks for it
  for (const serp::Diagnostic& d : ownFaults.items) std::fprintf(stderr, "%s\n", d.text().c_str());
  MainWindow window([](const auto&... args) { return serp::openSession(args...); }, preferences);
  window.rememberWorkspace(!picture);
  if (const serp::Diagnostics faults = openFirst(window, line); faults.hasErrors()) return complain(faults.text(), faults.exit);
  if (picture) {
    window.resize(line.size);
    window.showPage(line.page.isEmpty() ? QStringLiteral("train") : line.page);
    new Screenshot(window.workspace(), &window, line.screenshot, line.afterSteps, &window);
  } else if (preferences.bytes(QStringLiteral("window/geometry")).isEmpty()) {
    window.resize(1440, 900);
  }
  Signals signals;
  QObject::connect(&signals, &Signals::closeWished, &window, &QWidget::close);
  window.show();
  return QApplication::exec();
}
