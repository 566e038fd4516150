// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks made of primitives: the primitives there are, built-in blocks opened into them, and blocks of a person's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/param.h"
#include "engine/api/plan.h"

namespace serp {

/// What a primitive takes under its key `from`.
struct PrimitivePort {
  std::string name;       ///< "u"; the key in `from: {u: conv}` where a primitive has several
  bool optional = false;
  std::string meaning;    ///< "step size [B, T, D]"
};

/// One operation of a graph. All are causal.
struct PrimitiveInfo {
  std::string op;         ///< "selective_scan"
  std::string group;      ///< "Linear maps", "State", "Pointwise", "Norms", "Structure", "Experts"
  std::string summary;    ///< one sentence with the formula
  std::vector<PrimitivePort> ports;
  bool variadic = false;  ///< `from` is a list of any length from 2 on
  ParamSchema schema;  ///< the node's other keys; numbers may be formulas over d_in, d_out, d_model, context and width (of the first input)
};
/// All primitives in the order of a palette. Thread-safe, returns at once.
const std::vector<PrimitiveInfo>& primitiveCatalog();
const PrimitiveInfo* findPrimitive(const std::string& op);  ///< null if unknown

/// A node of a graph as it was counted: what a canvas draws.
struct GraphNodeView {
  std::string name, op;
  std::vector<std::string> inputs;  ///< per port, as written ("halves.z"), empty where an optional one is left out
  std::string shape;                ///< "[B, T, 256]", "[256, 16]"
  std::string detail;               ///< "128 → 512", "k 4", "256 | 256", "8 heads"
  Cost cost;
  Place place;                      ///< set by whoever has the text; else 0
};
/// The nodes of a planned graph_block, or of a block of a person's own, in order of execution. Empty for other kinds.
std::vector<GraphNodeView> graphNodes(const PlanNode& node, const Plan& plan);

/// A planned block written with primitives only, as an entry of a design ("kind: graph_block" and its nodes, block style, ending in a
/// newline). It computes the same numbers from the same tensors: they keep their names, but that those of experts stand under their
/// node ("experts.w1") and qkv of attention is three matrices. A fault where the kind does not open or a slot holds another block.
Result<std::string> openedBlock(const PlanNode& node);
/// Kinds that openedBlock() opens.
std::vector<std::string> openableKinds();

/// $XDG_DATA_HOME/serpentarium/blocks, or ~/.local/share/serpentarium/blocks: one YAML file per block, named after its kind.
std::filesystem::path ownBlocksFolder();
/// Reads every *.yaml of the folder into the catalogue and takes blocks out whose files are gone. The faults of unreadable files are
/// given back as warnings, and told again where a design asks for the block. Blocks for a few small reads.
Diagnostics loadOwnBlocks(const std::filesystem::path& folder = ownBlocksFolder());
/// Checks `text` as a block of a person's own and writes it to FOLDER/NAME.yaml, atomically; the catalogue has it at once.
Result<std::filesystem::path> saveOwnBlock(const std::string& text, const std::filesystem::path& folder = ownBlocksFolder());
/// The text of an own-block file made from an entry of kind graph_block, as openedBlock() gives it or a design holds it.
Result<std::string> ownBlockText(const std::string& kind, const std::string& summary, Family family, const std::string& graphEntry);

}  // namespace serp
