// SPDX-License-Identifier: GPL-3.0-or-later
// Which operation computes which node, and which patterns of nodes a fused kernel covers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model/graph_program.h"

namespace serp {

/// The value of a reference in a pass; one part of a split is a view.
at::Tensor graphTensor(const BlockGraph& graph, const GraphFrame& frame, GraphRef ref);

/// Its arguments must outlive the steps it makes.
class GraphCompiler {
 public:
  GraphCompiler(const BlockGraph& graph, const std::vector<GraphTensors>& tensors, const std::vector<std::unique_ptr<GraphRouter>>& routers,
                const std::string& path, double normEps);
  std::vector<GraphStep> compile();

 private:
  const GraphNode& node(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  const GraphTensors& tensors(int i) const { return tensors_[static_cast<std::size_t>(i)]; }
  /// The node behind a whole reference, if it has this operation and nobody else reads it; else -1.
  int soleSource(GraphRef ref, const char* op) const;
  void findPatterns();

  GraphStep pointwise(int i) const;
  GraphStep linear(int i) const;
  GraphStep conv(int i, int convNode, bool silu) const;
  GraphStep scan(int i, int scanNode, GraphRef gate) const;
  GraphStep attention(int i) const;
  GraphStep memory(int i) const;       ///< recurrence, delay, positions
  GraphStep structure(int i) const;    ///< split, concat, add, multiply, gate, tensors
  GraphStep router(int i) const;
  GraphStep experts(int i) const;
  GraphStep make(int i) const;

  struct Pattern {
    bool covered = false;               ///< computed inside another node's step
    int conv = -1, scan = -1;           ///< silu over conv; gate over scan
    GraphRef gate;                      ///< of scan
    int hidden = -1;                    ///< linear over relu over this linear
    bool biasElsewhere = false;         ///< the scan adds this linear's bias
  };

  const BlockGraph& graph_;
  const std::vector<GraphTensors>& tensors_;
  const std::vector<std::unique_ptr<GraphRouter>>& routers_;
  const std::string& path_;
  double eps_;
  std::vector<int> readers_;
  std::vector<Pattern> patterns_;
};

}  // namespace serp
