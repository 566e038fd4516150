// SPDX-License-Identifier: GPL-3.0-or-later
// A graph of primitives as a sequence of tensor operations: trained tensors by node, fused kernels where a pattern is known, a decoding
// state per node that needs one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/block_graph.h"
#include "engine/model/block.h"
#include "engine/model/expert_layer.h"

namespace serp {

/// The values of one pass, by node.
struct GraphFrame {
  const at::Tensor& x;                              // [B, T, in]
  StepContext& ctx;
  bool decoding = false;
  std::vector<at::Tensor> values;
  std::vector<std::optional<ops::Routed>> routed;   ///< of routers
};

/// One operation; writes the value of `node`. Nodes that a fused operation covers have no step of their own.
struct GraphStep {
  int node = 0;
  std::function<at::Tensor(GraphFrame&, BlockState*)> run;
  /// null: remembers nothing. `options` says where the state lies.
  std::function<std::unique_ptr<BlockState>(std::int64_t batch, const at::TensorOptions& options)> makeState;
};

/// Trained tensors of one node; the names are those of the fields ("NODE.weight"), of a parameter the node's own.
struct GraphTensors {
  at::Tensor weight, bias, w1, w3, w2;
};

/// The live values of a router.
struct GraphRouter {
  double capacity = 0;
  RouterSettings settings;
};

class GraphProgram {
 public:
  using AddParameter = std::function<at::Tensor(std::string, at::Tensor, ParameterRole)>;
  GraphProgram(const BlockGraph& graph, const BuildingSite& site, const AddParameter& add);

  /// x [B, T, in] → [B, T, out]; with a state no gradient, several tokens only from an empty one.
  at::Tensor run(const at::Tensor& x, BlockState* state, StepContext& ctx) const;
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const;
  /// Every live value of every router by key, in the order of the graph.
  std::vector<std::pair<std::string, double*>> liveKeys() const;
  /// False, and nothing changes, for a key that no router has or a value outside its range.
  bool setLive(const std::string& key, double value);
  /// How many nodes have no step of their own because a fused operation covers them.
  std::size_t fused() const { return graph_.nodes.size() - steps_.size(); }

 private:

  BlockGraph graph_;
  std::string path_;
  std::vector<GraphTensors> tensors_;
  std::vector<std::unique_ptr<GraphRouter>> routers_;   ///< by node, null elsewhere
  std::vector<GraphStep> steps_;
};

}  // namespace serp
