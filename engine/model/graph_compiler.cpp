// SPDX-License-Identifier: GPL-3.0-or-later
// Patterns: silu over a convolution; softplus, and the bias of the linear before it, into a scan's step size; a silu gate over a scan;
// linear, relu, linear. A pattern holds only where nothing else reads what lies inside it.
#include "engine/model/graph_compiler.h"

#include "engine/base/error.h"

namespace serp {

at::Tensor graphTensor(const BlockGraph& graph, const GraphFrame& frame, GraphRef ref) {
  if (ref.node == GraphRef::kInput) return frame.x;
  if (ref.node < 0) return {};
  const at::Tensor& whole = frame.values[static_cast<std::size_t>(ref.node)];
  if (ref.part < 0) return whole;
  const auto& parts = graph.nodes[static_cast<std::size_t>(ref.node)].parts;
  std::int64_t from = 0;
  for (int i = 0; i < ref.part; ++i) from += parts[static_cast<std::size_t>(i)].second;
  return whole.narrow(-1, from, parts[static_cast<std::size_t>(ref.part)].second);
}

GraphCompiler::GraphCompiler(const BlockGraph& graph, const std::vector<GraphTensors>& tensors,
                             const std::vector<std::unique_ptr<GraphRouter>>& routers, const std::string& path, double normEps)
    : graph_(graph),
      tensors_(tensors),
      routers_(routers),
      path_(path),
      eps_(normEps),
      readers_(graph.nodes.size(), 0),
      patterns_(graph.nodes.size()) {
  for (const GraphNode& n : graph_.nodes)
    for (const GraphRef ref : n.inputs)
      if (ref.node >= 0) ++readers_[static_cast<std::size_t>(ref.node)];
  if (graph_.out.node >= 0) ++readers_[static_cast<std::size_t>(graph_.out.node)];
}

int GraphCompiler::soleSource(GraphRef ref, const char* op) const {
  if (ref.node < 0 || ref.part >= 0 || readers_[static_cast<std::size_t>(ref.node)] != 1) return -1;
  return node(ref.node).op() == op && !patterns_[static_cast<std::size_t>(ref.node)].covered ? ref.node : -1;
}

void GraphCompiler::findPatterns() {
  const auto cover = [&](int i) { patterns_[static_cast<std::size_t>(i)].covered = true; };
  for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
    const GraphNode& n = node(i);
    Pattern& p = patterns_[static_cast<std::size_t>(i)];
    if (n.op() == "silu" && (p.conv = soleSource(n.inputs[0], "causal_conv1d")) >= 0) cover(p.conv);
    if (n.op() == "selective_scan")
      if (const int step = soleSource(n.inputs[1], "softplus"); step >= 0) {
        cover(step);
        if (const int low = soleSource(node(step).inputs[0], "linear"); low >= 0)
          patterns_[static_cast<std::size_t>(low)].biasElsewhere = true;
      }
    if (n.op() == "gate" && n.params.text("activation") == "silu" && (p.scan = soleSource(n.inputs[0], "selective_scan")) >= 0) {
      p.gate = n.inputs[1];
      cover(p.scan);
    }
    if (n.op() == "multiply" && n.inputs.size() == 2)
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
        const int scan = soleSource(n.inputs[side], "selective_scan"), silu = soleSource(n.inputs[1 - side], "silu");
        if (p.scan >= 0 || scan < 0 || silu < 0 || patterns_[static_cast<std::size_t>(silu)].conv >= 0) continue;
        if (n.shape.sizes != node(silu).shape.sizes || node(silu).shape.kind != GraphShape::Kind::Tokens) continue;
        p.scan = scan;
        p.gate = node(silu).inputs[0];
        cover(scan);
        cover(silu);
      }
    if (n.op() == "linear")
      if (const int relu = soleSource(n.inputs[0], "relu"); relu >= 0)
        if (const int hidden = soleSource(node(relu).inputs[0], "linear");
            hidden >= 0 && patterns_[static_cast<std::size_t>(hidden)].hidden < 0) {
          p.hidden = hidden;
          cover(relu);
          cover(hidden);
        }
  }
}

GraphStep GraphCompiler::make(int i) const {
  const std::string& op = node(i).op();
  const Pattern& p = patterns_[static_cast<std::size_t>(i)];
  if (p.scan >= 0) return scan(i, p.scan, p.gate);
  if (p.conv >= 0) return conv(i, p.conv, true);
  if (op == "linear") return linear(i);
  if (op == "causal_conv1d") return conv(i, i, false);
  if (op == "selective_scan") return scan(i, i, {});
  if (op == "attention") return attention(i);
  if (op == "recurrence" || op == "delay" || op == "positions") return memory(i);
  if (op == "router") return router(i);
  if (op == "experts") return experts(i);
  if (op == "split" || op == "concat" || op == "add" || op == "multiply" || op == "gate" || op == "parameter" || op == "constant")
    return structure(i);
  return pointwise(i);
}

std::vector<GraphStep> GraphCompiler::compile() {
  findPatterns();
  std::vector<GraphStep> steps;
  for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
    if (patterns_[static_cast<std::size_t>(i)].covered) continue;
    steps.push_back(make(i));
    steps.back().node = i;
  }
  return steps;
}

}  // namespace serp
