// SPDX-License-Identifier: GPL-3.0-or-later
// The workspace first, then the arguments: what was open at the last close stays open behind them.
#include "app/shell/open_first.h"

#include "app/main_window.h"
#include "app/session/design_document.h"
#include "app/session/run_commands.h"
#include "app/shell/open_files.h"

namespace serp::app {
namespace {

/// Why the session refused to start, as it says itself.
Diagnostics refusal(const Workspace& workspace) {
  if (workspace.design->faultCount() > 0) return workspace.design->diagnostics();
  if (!workspace.session->faults().items.empty()) return workspace.session->faults();
  return fault(ExitCode::Internal, "training did not start");
}

}  // namespace

Diagnostics openFirst(MainWindow& window, const CommandLine& line) {
  Workspace& workspace = window.workspace();
  const bool picture = !line.screenshot.isEmpty();
  const bool restored = !picture && window.restoreWorkspace();
  if (!line.start.isEmpty()) {
    auto spec = serp::loadRunSpec(line.start.toStdString(), line.overrides);
    if (!spec) return spec.faults();
    workspace.design->open(absolutePath(line.start));
    if (!window.commands().train(*spec)) return workspace.session->faults();
  } else if (!restored) {
    workspace.design->open(QStringLiteral("start/moe_mamba"));
  }
  for (const QString& path : line.paths) {
    QString why;
    if (!window.files().open(path, &why)) return fault(ExitCode::BadConfiguration, why.toStdString());
  }
  if (picture && line.afterSteps > 0 && workspace.session->runFolder().empty() && !window.commands().trainDesign()) return refusal(workspace);
  return {};
}

}  // namespace serp::app
