// SPDX-License-Identifier: GPL-3.0-or-later
// What may be asked of a running session. Values only; applied between steps and answered by a RunEvent.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace serp {

struct Pause {};
struct Resume {};
struct StepOnce { int steps = 1; };                          ///< run n steps, then pause
struct SetLive { std::string path; double value = 0; };      ///< "train.learning_rate_scale", "**.balance", "blocks.1.balance"
struct Save {};
struct Stop { bool save = true, interrupted = false; };      ///< save false: stop without saving; interrupted: by Ctrl-C
struct Sample { std::string prompt; int tokens = 160; double temperature = 0.8; std::uint64_t seed = 0; };
struct Probe { std::string text; };                          ///< route this text instead of the standing probe; empty: back to it

using Command = std::variant<Pause, Resume, StepOnce, SetLive, Save, Stop, Sample, Probe>;

}  // namespace serp
