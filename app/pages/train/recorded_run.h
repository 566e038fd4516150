// SPDX-License-Identifier: GPL-3.0-or-later
// The demonstration run that is shipped with the program, as values.
#pragma once

#include "app/session/run_watcher.h"

namespace serp::app {

/// Unpacks a run folder of the engine's own, without checkpoints, from the program's resources, reads it with the ordinary reader
/// and removes it. Empty where the program was built without one. Blocks for milliseconds.
RunBatch readRecordedRun();

}  // namespace serp::app
