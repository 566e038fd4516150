// SPDX-License-Identifier: GPL-3.0-or-later
// A Mamba model as Hugging Face transformers saves it (config.json, model.safetensors) as a run folder with one checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

struct ImportedModel {
  std::filesystem::path run;
  std::string design;          ///< the design's text
  std::int64_t parameters = 0; ///< elements of all tensors
  std::vector<std::string> notes;
};

/// Reads the folder `source` and creates the run folder `run`, which must not exist or be empty. Only `model_type: mamba`; everything that
/// does not fit (missing or extra tensors, shapes, switches we do not have) is a fault, all at once. No code of the folder is run. Blocks.
Result<ImportedModel> importHuggingFaceMamba(const std::filesystem::path& source, const std::filesystem::path& run);

}  // namespace serp
