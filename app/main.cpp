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
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/run_commands.h"
#include "app/shell/command_line.h"
#include "app/shell/open_files.h"
#include "app/shell/plot_command.h"
#include "app/shell/screenshot.h"
#include "app/shell/signals.h"
#include "app/style/theme.h"

using namespace serp::app;

namespace {

int complain(const QString& sentence) {
  std::fprintf(stderr, "serpentarium: %s\n", qUtf8Printable(sentence));
  return static_cast<int>(serp::ExitCode::BadConfiguration);
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

/// What the window shows first: the arguments, else the last workspace, else the start design. Empty: all is well.
QString openFirst(MainWindow& window, const CommandLine& line) {
  Workspace& workspace = window.workspace();
  const bool plain = line.start.isEmpty() && line.paths.isEmpty() && line.screenshot.isEmpty();
  if (plain && window.restoreWorkspace()) return {};
  if (!line.start.isEmpty()) {
    auto spec = serp::loadRunSpec(line.start.toStdString(), line.overrides);
    if (!spec) return QString::fromStdString(spec.faults().text());
    workspace.design->open(line.start);
    if (!window.commands().train(*spec)) return QString::fromStdString(workspace.session->faults().text());
  } else {
    workspace.design->open(QStringLiteral("start/moe_mamba"));
  }
  for (const QString& path : line.paths) {
    QString why;
    if (!window.files().open(path, &why)) return why;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  QStringList arguments;
  for (int i = 1; i < argc; ++i) arguments << QString::fromLocal8Bit(argv[i]);
  const CommandLine line = parseCommandLine(arguments);
  if (!line.error.isEmpty()) return complain(line.error);
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

  MainWindow window([](const auto&... args) { return serp::openSession(args...); }, preferences);
  window.rememberWorkspace(!picture);
  if (const QString fault = openFirst(window, line); !fault.isEmpty()) return complain(fault);
  if (picture) {
    window.resize(line.size);
    if (line.start.isEmpty() && line.paths.isEmpty() && line.afterSteps > 0) window.commands().trainDesign();
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
