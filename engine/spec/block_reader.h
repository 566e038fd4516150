// SPDX-License-Identifier: GPL-3.0-or-later
// The list of blocks of a design: entries with a kind, slots that hold blocks, and the containers repeat and parallel.
#pragma once

#include <string>
#include <vector>

#include "engine/api/spec.h"
#include "engine/spec/fault_list.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

/// Reads a list of entries standing at `path` ("model.blocks"). Faulty keys are reported, marked and left at their defaults.
std::vector<BlockSpec> readBlocks(const YamlNode& list, const std::string& path, FaultList& faults);

/// The declaration of the optional key "norm" that every entry of a block list may give.
const Param& normOverride();
/// "share", of every entry with a kind: entries of the same name are one block with one set of weights, used at several places.
const Param& shareKey();
/// "bypass", of every entry of a list and every branch: the block is kept in the text, not built; the stream passes by unchanged.
const Param& bypassKey();

}  // namespace serp
