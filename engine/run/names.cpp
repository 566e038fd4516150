// SPDX-License-Identifier: GPL-3.0-or-later
// The names of events and states as they stand in files, in logs and on the command line.
#include "engine/api/telemetry.h"

namespace serp {

const char* eventName(EventKind kind) {
  switch (kind) {
    case EventKind::Started: return "started";
    case EventKind::LiveEdit: return "live_edit";
    case EventKind::Paused: return "paused";
    case EventKind::Resumed: return "resumed";
    case EventKind::Saved: return "saved";
    case EventKind::Warning: return "warning";
    case EventKind::Skipped: return "skipped";
    case EventKind::Evaluated: return "evaluated";
    case EventKind::Sampled: return "sampled";
    case EventKind::Milestone: return "milestone";
    case EventKind::Finished: return "finished";
    case EventKind::Stopped: return "stopped";
    case EventKind::Failed: return "failed";
  }
  return "unknown";
}

const char* stateName(RunState state) {
  switch (state) {
    case RunState::Building: return "building";
    case RunState::Ready: return "ready";
    case RunState::Running: return "running";
    case RunState::Pausing: return "pausing";
    case RunState::Paused: return "paused";
    case RunState::Stopping: return "stopping";
    case RunState::Finished: return "finished";
    case RunState::Failed: return "failed";
  }
  return "unknown";
}

}  // namespace serp
