// SPDX-License-Identifier: GPL-3.0-or-later
// The trained tensors of a node of a graph, with their initial values.
#pragma once

#include "engine/model/graph_program.h"

namespace serp {

/// Draws and registers what the node trains. The stream of a tensor follows from its full name, so a node named like a part of a
/// built-in block starts with that part's values. Empty for nodes that train nothing; of a constant, the constant.
GraphTensors makeGraphTensors(const GraphNode& node, const std::vector<GraphShape>& inputs, const BuildingSite& site,
                              const GraphProgram::AddParameter& add);

}  // namespace serp
