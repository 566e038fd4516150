// SPDX-License-Identifier: GPL-3.0-or-later
// What the pages share: the live session, the open design, the list of runs, one cursor, and the registered actions.
#pragma once

namespace serp::app {

class SessionController;
class DesignDocument;
class RunsModel;
class Cursor;
class ActionRegistry;
class Notices;
class Preferences;

/// Plain pointers to objects that main_window owns and that outlive every page. GUI thread only.
struct Workspace {
  SessionController* session = nullptr;
  DesignDocument* design = nullptr;
  RunsModel* runs = nullptr;
  Cursor* cursor = nullptr;
  ActionRegistry* actions = nullptr;
  Notices* notices = nullptr;
  Preferences* preferences = nullptr;
};

}  // namespace serp::app
