// SPDX-License-Identifier: GPL-3.0-or-later
// From a graph to steps: patterns that a fused kernel covers are found first, then every node left gets its operation.
#include "engine/model/graph_program.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/model/graph_compiler.h"
#include "engine/model/graph_tensors.h"

namespace serp {
namespace {

struct GraphState final : BlockState {
  std::vector<std::unique_ptr<BlockState>> nodes;   ///< one per step
  std::vector<std::string> names;

  bool keepsSize() const override { return false; }  // some steps replace what they remember
  NamedTensors tensors() const override {
    NamedTensors all;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i])
        for (auto& [name, tensor] : nodes[i]->tensors()) all.emplace_back(names[i] + "." + name, tensor);
    return all;
  }
};

}  // namespace

GraphProgram::GraphProgram(const BlockGraph& graph, const BuildingSite& site, const AddParameter& add)
    : graph_(graph), path_(site.node.path) {
  for (const GraphNode& node : graph_.nodes) {
    std::vector<GraphShape> inputs;
    for (const GraphRef ref : node.inputs) inputs.push_back(graph_.shapeOf(ref, site.node.in));
    tensors_.push_back(makeGraphTensors(node, inputs, site, add));
    auto& router = routers_.emplace_back();
    if (node.op() != "router") continue;
    router = std::make_unique<GraphRouter>();
    router->capacity = node.params.real("capacity_factor");
    router->settings = {node.params.real("balance"), node.params.real("z_loss"), node.params.real("jitter")};
  }
  steps_ = GraphCompiler(graph_, tensors_, routers_, path_, site.normEps).compile();
}

at::Tensor GraphProgram::run(const at::Tensor& x, BlockState* state, StepContext& ctx) const {
  auto* s = static_cast<GraphState*>(state);
  GraphFrame frame{x, ctx, s != nullptr, std::vector<at::Tensor>(graph_.nodes.size()),
                   std::vector<std::optional<ops::Routed>>(graph_.nodes.size())};
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const GraphStep& step = steps_[i];
    frame.values[static_cast<std::size_t>(step.node)] = step.run(frame, s ? s->nodes[i].get() : nullptr);
  }
  return graphTensor(graph_, frame, graph_.out);
}

std::unique_ptr<BlockState> GraphProgram::makeState(std::int64_t batch) const {
  auto state = std::make_unique<GraphState>();
  at::TensorOptions options = at::TensorOptions().dtype(at::kFloat);
  for (const GraphTensors& t : tensors_)
    if (t.weight.defined() && t.weight.requires_grad()) options = t.weight.options().requires_grad(false);  // beside the weights
  for (const GraphStep& step : steps_) {
    state->nodes.push_back(step.makeState ? step.makeState(batch, options) : nullptr);
    state->names.push_back(graph_.nodes[static_cast<std::size_t>(step.node)].name);
  }
  return state;
}

std::vector<std::pair<std::string, double*>> GraphProgram::liveKeys() const {
  std::vector<std::pair<std::string, double*>> keys;
  for (const auto& r : routers_)
    if (r)
      for (const auto& [key, value] : {std::pair{"capacity_factor", &r->capacity}, std::pair{"balance", &r->settings.balance},
                                       std::pair{"z_loss", &r->settings.zLoss}, std::pair{"jitter", &r->settings.jitter}})
        keys.emplace_back(key, value);
  return keys;
}

bool GraphProgram::setLive(const std::string& key, double value) {
  for (const Param& p : findPrimitive("router")->schema)
    if (p.name == key && (value < p.minimum || value > p.maximum)) return false;
  bool taken = false;
  for (const auto& [name, place] : liveKeys())
    if (name == key) {
      *place = value;
      taken = true;
    }
  return taken;
}

}  // namespace serp
