// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a graph as entries: names, operations, wires and keys checked one by one, blocks of a person's own written out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/block_graph.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

/// Where the formulas of a written-out block of a person's own are worked out: its keys in terms of the graph around it.
struct GraphScope {
  std::string inputText, to;                       ///< what feeds it; the formula of its output width, worked out outside
  GraphRef input;                                  ///< the same, once it is found
  std::vector<std::pair<std::string, std::string>> given, defaults;  ///< keys and formulas: worked out outside, and inside
  std::shared_ptr<GraphScope> outer;               ///< null: the block's own text
};

/// One node before it is measured.
struct GraphEntry {
  std::string name;
  const PrimitiveInfo* info = nullptr;
  YamlNode keys;                           ///< everything but op and from
  std::vector<std::string> from;           ///< per port, "" = left out; or the list of a variadic primitive
  std::vector<std::pair<std::string, std::string>> parts;  ///< split: names and the formulas of their widths
  std::vector<std::string> sizes;          ///< parameter, constant
  std::shared_ptr<GraphScope> scope;       ///< null: stands in the block's own text
  std::vector<GraphRef> inputs;
  bool usable = true;
};

/// Numbers that formulas of a node may name.
struct GraphNumbers {
  const ParamSet& values;
  const GraphWidths& widths;
  std::int64_t width = 0;   ///< of the node's first input
  std::function<std::int64_t(GraphRef)> widthOf;
};

/// All entries in the order of the text; faults under path + ".NAME". A node that is none leaves an
/// entry without info. `self` is the block of a
/// person's own whose text it is, or empty.
std::vector<GraphEntry> readGraph(const std::string& text, const std::string& self, const std::string& path, Diagnostics& faults);
/// Fills params, parts and sizes of `node` from the entry's keys. False if there were faults.
bool readKeys(const GraphEntry& entry, const GraphNumbers& numbers, const std::string& path, GraphNode& node,
              std::vector<std::int64_t>& sizes, Diagnostics& faults);
/// Changes whenever a block of a person's own does.
std::string ownBlocksState();

}  // namespace serp
