// SPDX-License-Identifier: GPL-3.0-or-later
// A workspace around a fake session, with preferences in a temporary folder.
#pragma once

#include <QApplication>
#include <QTemporaryDir>

#include "app/models/runs_model.h"
#include "app/session/action_registry.h"
#include "app/session/cursor.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/run_commands.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "tests/app/support/fake_session.h"

namespace serp::test {

struct TestWorkspace {
  explicit TestWorkspace(app::SessionController::Opener opener = fakeOpener())
      : preferences(folder.filePath("preferences.ini")), session(std::move(opener)) {
    preferences.overrideRunsFolder(folder.filePath("runs"));
    workspace.session = &session, workspace.cursor = &cursor, workspace.actions = &actions, workspace.notices = &notices;
    workspace.preferences = &preferences, workspace.design = &design, workspace.runs = &runs;
    design.setDesign(QString::fromStdString(smallSpec().text), "small");
    commands = std::make_unique<app::RunCommands>(workspace);
  }
  QTemporaryDir folder;
  app::Preferences preferences;
  app::ActionRegistry actions;
  app::Notices notices;
  app::Cursor cursor;
  app::SessionController session;
  app::DesignDocument design;
  app::RunsModel runs{std::filesystem::path("/nonexistent")};
  app::Workspace workspace;
  std::unique_ptr<app::RunCommands> commands;
};

}  // namespace serp::test
