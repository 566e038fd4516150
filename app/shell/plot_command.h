// SPDX-License-Identifier: GPL-3.0-or-later
// `serpentarium --plot`: curves of runs as a file, without a window.
#pragma once

#include "app/shell/command_line.h"

namespace serp::app {

/// The exit code; a fault is one line on stderr.
int plotRuns(const CommandLine& line);

}  // namespace serp::app
