// SPDX-License-Identifier: GPL-3.0-or-later
// A block made of primitives, wired freely: what a person draws, what built-in blocks open into, and what blocks of a person's own are.
#include "engine/graph/block_graph.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

/// A gated convolution: small, and one of each of the main kinds of node.
constexpr const char* kExample =
    "{both: {op: linear, from: x, to: 2 * d_in}, halves: {op: split, from: both, into: {value: d_in, z: d_in}}, "
    "conv: {op: causal_conv1d, from: halves.value}, gated: {op: gate, from: {value: conv, gate: halves.z}}, "
    "out: {op: linear, from: gated, to: d_out}}";

const ParamSchema kSchema = {
    graph("nodes", kExample, "the primitives by name: what each does (op), what feeds it (from), and its keys; x is the input"),
    text("out", "out", "the node that leaves the block"),
};

GraphWidths widths(const BuildContext& c) { return {c.in, c.out, c.dModel, c.context}; }

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  buildGraph(graphSource("graph_block", p), widths(c), path, faults);
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  Diagnostics faults;
  const auto graph = buildGraph(graphSource("graph_block", p), widths(c), "", faults);
  return graph == nullptr ? Cost{} : graph->cost;
}

ParamSet written(const ParamSet& p, const BuildContext& c) {
  Diagnostics faults;
  ParamSet out = p;
  if (const auto graph = buildGraph(graphSource("graph_block", p), widths(c), "", faults)) {
    out.set("nodes", graphText(*graph));
    out.set("out", refText(*graph, graph->out));
  }
  return out;
}

const BlockRegistration kRegistration{
    {"graph_block", Family::Mixer, "Primitives wired by hand: linear maps, convolutions, scans, gates, attention, experts.", true, 0,
     kSchema},
    check,
    cost,
    {nullptr, nullptr, written}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include "engine/base/error.h"
#include "engine/model/graph_program.h"

namespace serp {
namespace {

/// Runs the program that its graph was made into.
class GraphBlock final : public Block {
 public:
  explicit GraphBlock(const BuildingSite& site) : Block(site) {
    Diagnostics faults;
    const auto graph = buildGraph(graphSource(site.node.kind, site.node.params),
                                  {site.node.in, site.node.out, site.node.dModel, site.context}, path(), faults);
    SERP_CHECK(graph != nullptr, faults.text());
    program_ = std::make_unique<GraphProgram>(
        *graph, site, [this](std::string n, at::Tensor v, ParameterRole r) { return addParameter(std::move(n), v, r); });
    for (const auto& [key, value] : program_->liveKeys()) addLive(key, value);
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override { return program_->run(x, nullptr, ctx); }
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override { return program_->makeState(batch); }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx) override { return program_->run(x, state, ctx); }

  /// A key of several routers sets all of them.
  bool setLive(const std::string& key, double value) override { return program_->setLive(key, value); }

 private:
  std::unique_ptr<GraphProgram> program_;
};

const BlockFactory kFactory{"graph_block", makeBlock<GraphBlock>};

}  // namespace
}  // namespace serp
#endif
