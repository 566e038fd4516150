// SPDX-License-Identifier: GPL-3.0-or-later
// A design as values: what a YAML file says after strict reading, with the place of every key.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/param.h"

namespace serp {

struct Place { int line = 0, column = 0; };

/// One entry of a block list: a block, or a container ("repeat", "parallel") with children.
struct BlockSpec {
  std::string kind;                          ///< registered kind, "repeat" or "parallel"
  ParamSet params;                           ///< explicit values only; the plan fills in defaults
  std::map<std::string, Place> places;       ///< of each explicit key
  std::vector<BlockSpec> children;           ///< repeat and parallel
  std::map<std::string, BlockSpec> filled;   ///< slots the design fills
  std::string path;                          ///< "model.blocks[0].blocks[1]"
  Place place;
  Place endPlace;                            ///< just past the entry's text
};

/// The published result a preset is compared with; plots draw it. Every field optional.
struct ReferenceResult {
  std::optional<double> loss;
  std::optional<double> steps;
  std::optional<double> speedup;             ///< in steps over the baseline
  std::string source;                        ///< "MoE-Mamba v2, Table 1"
  std::string baseline;
};

/// A whole run: design, training, data. Copyable value; safe to hand between threads.
struct RunSpec {
  std::string name;
  ParamSet top;                              ///< device, threads, precision, kernels
  ParamSet model;                            ///< every key, defaults filled in
  std::vector<BlockSpec> blocks;
  ParamSet train;
  ParamSet data;
  ReferenceResult reference;
  std::string text;                          ///< the user's bytes
  std::string file;                          ///< where they came from, or empty
  std::vector<std::pair<std::string, std::string>> overrides;  ///< --set key=value, already applied
  Diagnostics notes;                         ///< warnings and notes of reading
};

/// Reads a design strictly; on failure every fault at once, with line, column and nearest key. Does not touch torch or the disk.
Result<RunSpec> parseRunSpec(const std::string& text, const std::string& file = {},
                             const std::vector<std::pair<std::string, std::string>>& overrides = {});
/// A design that is being made: `spec` is there as soon as every key can be read, even if the design breaks a rule yet (an empty list
/// of blocks, widths that do not fit); `faults` says which. Without errors it is what parseRunSpec() gives.
struct DraftSpec {
  std::optional<RunSpec> spec;
  Diagnostics faults;
};
DraftSpec draftRunSpec(const std::string& text, const std::string& file = {},
                       const std::vector<std::pair<std::string, std::string>>& overrides = {});
/// `config` is a path or the name of a shipped preset ("start/moe_mamba"). Blocks for one small read.
Result<RunSpec> loadRunSpec(const std::string& config,
                            const std::vector<std::pair<std::string, std::string>>& overrides = {});
/// Every default written out; parsing it again gives an equal RunSpec.
std::string resolvedText(const RunSpec& spec);
/// "(ME)8": the design as a pattern string; '?' for kinds without a letter.
std::string patternText(const RunSpec& spec);
/// The text with one key's value replaced, everything else byte for byte; adds the key where it is missing.
/// `path` as in diagnostics: "train.learning_rate", "model.blocks[0].experts".
Result<std::string> withValue(const std::string& text, const std::string& path, const std::string& value);

struct PresetInfo { std::string name, title, text; std::filesystem::path file; };
/// Shipped presets by name ("paper/v2/moe_mamba_25m"), sorted. Read from the preset folder next to the program or the sources.
std::vector<PresetInfo> listPresets();
std::filesystem::path presetFolder();

}  // namespace serp
