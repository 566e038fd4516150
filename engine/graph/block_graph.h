// SPDX-License-Identifier: GPL-3.0-or-later
// A graph of primitives from text to wired, ordered, measured nodes. Pure numbers; engine/model/graph_program computes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/block_graph.h"
#include "engine/spec/block_info.h"

namespace serp {

inline constexpr std::size_t kMaxGraphNodes = 1000;

/// What flows along a wire: numbers per token [B, T, w], a tensor without batch and time, or a router's decision (sizes: its experts).
struct GraphShape {
  enum class Kind { Tokens, Tensor, Routing };
  Kind kind = Kind::Tokens;
  std::vector<std::int64_t> sizes;
  std::int64_t width() const { return sizes.empty() ? 0 : sizes.back(); }
  /// "[B, T, 256]", "[256, 16]", "routing to 16 experts".
  std::string text() const;
};

/// Where a value comes from: a node by index, one part of a split, the block's input (kInput), or nowhere (an optional port).
struct GraphRef {
  static constexpr int kInput = -1, kNone = -2;
  int node = kNone, part = -1;
};

struct GraphNode {
  std::string name;
  const PrimitiveInfo* info = nullptr;
  std::vector<GraphRef> inputs;            ///< one per port, or the list of a variadic primitive
  std::vector<std::string> written;        ///< the same as text
  ParamSet params;                         ///< every key of the schema, formulas evaluated
  std::vector<std::pair<std::string, std::int64_t>> parts;  ///< split
  GraphShape shape;                        ///< of a split: of the whole
  Cost cost;
  const std::string& op() const { return info->op; }
};

struct BlockGraph {
  std::vector<GraphNode> nodes;            ///< in order of execution; only those that lead to the output
  GraphRef out;
  Cost cost;
  GraphShape shapeOf(GraphRef ref, std::int64_t in) const;
};

/// What a graph is built from: its text, the node that leaves it, and numbers that its formulas may name.
struct GraphSource {
  std::string nodes, out;
  ParamSet values;
  std::string self;   ///< the kind of a block of a person's own
};
/// Of a graph_block, or of a block of a person's own by its definition.
GraphSource graphSource(const std::string& kind, const ParamSet& params);

struct GraphWidths {
  std::int64_t in = 0, out = 0, dModel = 0, context = 0;
};

/// The graph, or null and every fault with path + ".nodes.NAME.KEY". The last few results are kept. Thread-safe.
std::shared_ptr<const BlockGraph> buildGraph(const GraphSource& source, const GraphWidths& widths, const std::string& path,
                                             Diagnostics& faults);

/// The graph as text with every key written out and every formula worked out; reading it gives the same graph.
std::string graphText(const BlockGraph& graph);
/// "halves.z" for a reference.
std::string refText(const BlockGraph& graph, GraphRef ref);

/// Shape and cost of one node whose inputs are known; faults go under `path` (of the node). False if it has none.
bool measureNode(GraphNode& node, const std::vector<GraphShape>& inputs, const std::vector<std::int64_t>& sizes, const GraphWidths& widths,
                 const std::string& path, Diagnostics& faults);

}  // namespace serp
