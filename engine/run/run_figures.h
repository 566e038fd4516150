// SPDX-License-Identifier: GPL-3.0-or-later
// How a run stands by its logs, from their last few kilobytes.
#pragma once

#include <filesystem>

#include "engine/run/run_meta.h"

namespace serp {

/// Sets steps, tokens, lastLoss, bestLoss, trainLoss and tokensPerSecond of `meta` from the ends of metrics.jsonl and eval.jsonl;
/// what the logs do not tell stays. Reads at most 320 KiB.
void readFigures(const std::filesystem::path& run, RunMeta& meta);

}  // namespace serp
