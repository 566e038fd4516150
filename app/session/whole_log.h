// SPDX-License-Identifier: GPL-3.0-or-later
// Reading all that a run's log holds now: a RunFollower gives a bounded piece with each call.
#pragma once

#include <atomic>
#include <iterator>
#include <vector>

#include "engine/api/runs.h"

namespace serp::app {

/// Asks until nothing new comes, or until `leave` is set. `log` is RunFollower::metrics or another of its logs. Blocks; any thread.
template <class Record>
std::vector<Record> wholeLog(RunFollower& follower, std::vector<Record> (RunFollower::*log)(), const std::atomic<bool>* leave = nullptr) {
  const auto left = [leave] { return leave && leave->load(); };
  std::vector<Record> all;
  while (!left()) {
    std::vector<Record> piece = (follower.*log)();
    if (piece.empty()) break;
    if (all.empty()) all = std::move(piece);
    else all.insert(all.end(), std::make_move_iterator(piece.begin()), std::make_move_iterator(piece.end()));
  }
  return all;
}

}  // namespace serp::app
