// SPDX-License-Identifier: GPL-3.0-or-later
// A run as one self-contained PyTorch module: readable source that needs torch and nothing else, and the checkpoint's weights beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/plan.h"

namespace serp {

/// The module's source: `model.py` for a planned design. Tensor names are those of the checkpoint. Returns at once. Faults for kinds
/// that have no PyTorch counterpart, all at once.
Result<std::string> pytorchSource(const RunSpec& spec, const Plan& plan);

/// Writes DIR/model.py and DIR/model.safetensors (of checkpoint `step`, 0 = the newest good one). Gives the files written. Blocks.
Result<std::vector<std::filesystem::path>> exportPytorch(const std::filesystem::path& run, std::int64_t step,
                                                         const std::filesystem::path& folder);

}  // namespace serp
