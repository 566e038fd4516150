// SPDX-License-Identifier: GPL-3.0-or-later
// What the window shows first: the last workspace or the start design, and on top of it what the arguments name.
#pragma once

#include "app/shell/command_line.h"
#include "engine/api/diagnostic.h"

namespace serp::app {

class MainWindow;

/// Opens, and starts what is to be trained. A picture begins without the last workspace, and trains the opened design where it waits
/// for steps that no opened run can give. No items: all is well, else why not and the exit code.
Diagnostics openFirst(MainWindow& window, const CommandLine& line);

}  // namespace serp::app
