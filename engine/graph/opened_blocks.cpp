// SPDX-License-Identifier: GPL-3.0-or-later
// Built-in blocks as graphs, and the nodes of a planned graph as a canvas lists them.
#include <algorithm>

#include "engine/graph/block_graph.h"

namespace serp {
namespace {

/// What tells a node from others of its kind.
std::string detailOf(const BlockGraph& graph, const GraphNode& node, std::int64_t in) {
  const std::string& op = node.op();
  const auto whole = [&](const char* key) { return std::to_string(node.params.integer(key)); };
  if (op == "linear" || op == "experts") return std::to_string(graph.shapeOf(node.inputs[0], in).width()) + " → " + whole("to");
  if (op == "causal_conv1d") return "k " + whole("taps");
  if (op == "attention") return whole("heads") + " heads";
  if (op == "router") return whole("experts") + " experts, top " + whole("top_k");
  if (op == "delay") return whole("by") + " tokens";
  if (op == "gate") return node.params.text("activation");
  std::string parts;
  for (const auto& [name, width] : node.parts) parts += (parts.empty() ? "" : " | ") + std::to_string(width);
  return parts;
}

}  // namespace

Result<std::string> openedBlock(const PlanNode& node) {
  const BlockDefinition* definition = findDefinition(node.kind);
  Diagnostics faults;
  if (definition == nullptr || definition->hooks.open == nullptr) {
    std::string kinds;
    for (const std::string& kind : openableKinds()) kinds += (kinds.empty() ? "" : ", ") + kind;
    faults.error(node.specPath, node.kind + " does not open into primitives; those that do: " + kinds);
    return faults;
  }
  for (const PlanNode& child : node.children)
    faults.error(node.specPath + "." + child.slot, "the slot holds " + child.kind + "; empty it first: a graph is made of primitives only");
  if (faults.hasErrors()) return faults;
  return "kind: graph_block\nnodes:\n" + definition->hooks.open(node.params);
}

std::vector<std::string> openableKinds() {
  std::vector<std::string> kinds;
  for (const BlockInfo& info : blockCatalog())
    if (const BlockDefinition* d = findDefinition(info.kind); d != nullptr && d->hooks.open != nullptr) kinds.push_back(info.kind);
  return kinds;
}

std::vector<GraphNodeView> graphNodes(const PlanNode& node, const Plan& plan) {
  const BlockDefinition* definition = findDefinition(node.kind);
  if (definition == nullptr || (node.kind != "graph_block" && definition->own.base != "graph_block")) return {};
  Diagnostics faults;
  const auto graph = buildGraph(graphSource(node.kind, node.params), {node.in, node.out, node.dModel, plan.context}, "", faults);
  std::vector<GraphNodeView> views;
  if (graph == nullptr) return views;
  for (const GraphNode& n : graph->nodes) {
    GraphNodeView view{n.name, n.op(), {}, n.shape.text(), detailOf(*graph, n, node.in), n.cost, {}};
    for (const GraphRef ref : n.inputs) view.inputs.push_back(refText(*graph, ref));
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace serp
