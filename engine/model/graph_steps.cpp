// SPDX-License-Identifier: GPL-3.0-or-later
// The operation of each primitive. Steps hold references into the program that owns them, never into the compiler.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "engine/base/error.h"
#include "engine/model/attention_core.h"
#include "engine/model/graph_compiler.h"
#include "engine/ops/experts.h"
#include "engine/ops/linear.h"
#include "engine/ops/norm.h"
#include "engine/ops/recurrence.h"
#include "engine/ops/rope.h"
#include "engine/ops/scan.h"

namespace serp {
namespace {

/// The rows a convolution or a delay looks back at, or the last value of a recurrence, or h of a scan.
struct TensorState final : BlockState {
  const char* name;
  at::Tensor value;
  TensorState(const char* n, at::IntArrayRef sizes, const at::TensorOptions& options) : name(n), value(at::zeros(sizes, options)) {}
  NamedTensors tensors() const override { return {{name, value}}; }
};

struct PositionState final : BlockState {
  std::int64_t position = 0;
  NamedTensors tensors() const override { return {}; }
};

at::Tensor pointwiseOf(const std::string& op, const at::Tensor& x) {
  if (op == "silu") return at::silu(x);
  if (op == "relu") return at::relu(x);
  if (op == "gelu") return at::gelu(x);
  if (op == "relu2") return ops::activate(x, ops::Activation::Relu2);
  if (op == "sigmoid") return at::sigmoid(x);
  if (op == "softplus") return at::softplus(x);
  if (op == "tanh") return at::tanh(x);
  if (op == "exp") return at::exp(x);
  if (op == "negate") return x.neg();
  if (op == "softmax") return at::softmax(x, -1);
  SERP_CHECK(op == "none", "no operation " + op);
  return x;
}

/// The last `rows` rows of old and new ones together.
at::Tensor lastRows(const at::Tensor& before, const at::Tensor& now, std::int64_t rows) {
  if (now.size(1) >= rows) return now.narrow(1, now.size(1) - rows, rows).contiguous();
  return at::cat({before.narrow(1, now.size(1), rows - now.size(1)), now}, 1);
}

}  // namespace

GraphStep GraphCompiler::pointwise(int i) const {
  const GraphNode& n = node(i);
  const BlockGraph& graph = graph_;
  if (n.op() == "layer_norm" || n.op() == "rms_norm") {
    const auto kind = n.op() == "layer_norm" ? kernels::NormKind::Layer : kernels::NormKind::Rms;
    return {i,
            [&graph, &n, &t = tensors(i), kind, eps = eps_](GraphFrame& f, BlockState*) {
              return ops::norm(graphTensor(graph, f, n.inputs[0]).contiguous(), t.weight, t.bias, kind, eps);
            },
            nullptr};
  }
  if (n.op() == "scale") {
    const double by = n.params.real("by");
    return {i, [&graph, &n, by](GraphFrame& f, BlockState*) {
              const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
              return by == 1 ? x : x.mul(by);
            }, nullptr};
  }
  return {i, [&graph, &n](GraphFrame& f, BlockState*) { return pointwiseOf(n.op(), graphTensor(graph, f, n.inputs[0])); }, nullptr};
}

GraphStep GraphCompiler::linear(int i) const {
  const Pattern& p = patterns_[static_cast<std::size_t>(i)];
  const BlockGraph& graph = graph_;
  const GraphTensors& t = tensors(i);
  const at::Tensor bias = p.biasElsewhere ? at::Tensor() : t.bias;
  if (p.hidden >= 0) {
    const GraphTensors& first = tensors(p.hidden);
    return {i,
            [&graph, &n = node(p.hidden), &first, &t, bias](GraphFrame& f, BlockState*) {
              return ops::feedForward(graphTensor(graph, f, n.inputs[0]), first.weight, first.bias, t.weight, bias);
            },
            nullptr};
  }
  return {i,
          [&graph, &n = node(i), &t, bias](GraphFrame& f, BlockState*) {
            return ops::linear(graphTensor(graph, f, n.inputs[0]), t.weight, bias);
          },
          nullptr};
}

GraphStep GraphCompiler::conv(int i, int convNode, bool silu) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(convNode);
  const GraphTensors& t = tensors(convNode);
  const std::int64_t channels = n.shape.width(), back = n.params.integer("taps") - 1;
  return {i,
          [&graph, &n, &t, silu, back](GraphFrame& f, BlockState* state) {
            const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
            if (state == nullptr || back == 0) return ops::causalConv1d(x, t.weight, t.bias, {}, silu);
            auto& s = static_cast<TensorState&>(*state);
            const at::Tensor y = ops::causalConv1d(x, t.weight, t.bias, s.value, silu);
            s.value = lastRows(s.value, x, back);
            return y;
          },
          [channels, back](std::int64_t batch, const at::TensorOptions& options) {
            return std::make_unique<TensorState>("window", std::vector<std::int64_t>{batch, back, channels}, options);
          }};
}

GraphStep GraphCompiler::scan(int i, int scanNode, GraphRef gate) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(scanNode);
  GraphRef delta = n.inputs[1];
  const bool softplus = delta.node >= 0 && patterns_[static_cast<std::size_t>(delta.node)].covered && node(delta.node).op() == "softplus";
  at::Tensor bias;
  if (softplus) {
    delta = node(delta.node).inputs[0];
    if (delta.node >= 0 && patterns_[static_cast<std::size_t>(delta.node)].biasElsewhere) bias = tensors(delta.node).bias;
  }
  const std::int64_t channels = n.shape.width(), states = graph_.shapeOf(n.inputs[2], 0).width();
  return {i,
          [&graph, &n, gate, delta, softplus, bias](GraphFrame& f, BlockState* state) {
            const auto in = [&](std::size_t port) { return graphTensor(graph, f, n.inputs[port]); };
            auto* s = static_cast<TensorState*>(state);
            const ops::Scanned both = ops::selectiveScan(in(0), graphTensor(graph, f, delta), in(2), in(3), in(4), in(5),
                                                         graphTensor(graph, f, gate), bias, s ? s->value : at::Tensor(), softplus);
            if (s) s->value = both.last;
            return both.y;
          },
          [channels, states](std::int64_t batch, const at::TensorOptions& options) {
            return std::make_unique<TensorState>("h", std::vector<std::int64_t>{batch, channels, states}, options);
          }};
}

GraphStep GraphCompiler::attention(int i) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(i);
  const std::int64_t H = n.params.integer("heads"), K = n.params.integer("kv_heads"), window = n.params.integer("window");
  const double base = n.params.text("positions") == "rope" ? n.params.real("rope_base") : 0;
  return {i,
          [&graph, &n, H, K, window, base, path = path_ + "." + n.name](GraphFrame& f, BlockState* state) {
            auto* s = static_cast<KeyValueState*>(state);
            const std::int64_t first = s ? s->position : 0;
            const at::Tensor q = ops::toHeads(graphTensor(graph, f, n.inputs[0]), H, base, first),
                             k = ops::toHeads(graphTensor(graph, f, n.inputs[1]), K, base, first),
                             v = ops::toHeads(graphTensor(graph, f, n.inputs[2]), K, 0, first);                    // [B, heads, T, d_head]
            return causalAttention(q, k, v, window, s, path).transpose(1, 2).reshape({q.size(0), q.size(2), -1});  // [B, T, H * d_head]
          },
          [](std::int64_t, const at::TensorOptions&) { return std::make_unique<KeyValueState>(); }};
}

GraphStep GraphCompiler::memory(int i) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(i);
  const std::int64_t width = n.shape.width();
  if (n.op() == "recurrence")
    return {i,
            [&graph, &n](GraphFrame& f, BlockState* state) {
              auto* s = static_cast<TensorState*>(state);
              const at::Tensor y =
                  ops::recurrence(graphTensor(graph, f, n.inputs[0]), graphTensor(graph, f, n.inputs[1]), s ? s->value : at::Tensor());
              if (s) s->value = y.select(1, y.size(1) - 1).contiguous();
              return y;
            },
            [width](std::int64_t batch, const at::TensorOptions& options) {
              return std::make_unique<TensorState>("y", std::vector<std::int64_t>{batch, width}, options);
            }};
  if (n.op() == "delay") {
    const std::int64_t by = n.params.integer("by");
    return {i,
            [&graph, &n, by, width](GraphFrame& f, BlockState* state) {
              const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
              auto* s = static_cast<TensorState*>(state);
              const at::Tensor before = s ? s->value : at::zeros({x.size(0), by, width}, x.options());
              if (s) s->value = lastRows(s->value, x, by);
              return at::cat({before, x}, 1).narrow(1, 0, x.size(1));
            },
            [by, width](std::int64_t batch, const at::TensorOptions& options) {
              return std::make_unique<TensorState>("rows", std::vector<std::int64_t>{batch, by, width}, options);
            }};
  }
  return {i,
          [&graph, &n, &t = tensors(i), path = path_ + "." + n.name](GraphFrame& f, BlockState* state) {
            const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
            auto* s = static_cast<PositionState*>(state);
            const std::int64_t first = s ? s->position : 0, T = x.size(1);
            if (first + T > t.weight.size(0))
              throw Error(ExitCode::BadConfiguration, "[" + path + "] learned positions end at " + std::to_string(t.weight.size(0)) +
                                                          " tokens, asked for " + std::to_string(first + T));
            if (s) s->position += T;
            return x.add(t.weight.narrow(0, first, T));
          },
          [](std::int64_t, const at::TensorOptions&) { return std::make_unique<PositionState>(); }};
}

GraphStep GraphCompiler::structure(int i) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(i);
  const std::string& op = n.op();
  if (op == "parameter") return {i, [&t = tensors(i)](GraphFrame&, BlockState*) { return t.weight; }, nullptr};
  if (op == "constant") return {i, [&t = tensors(i)](GraphFrame& f, BlockState*) { return t.weight.to(f.x.device()); }, nullptr};
  if (op == "split") return {i, [&graph, &n](GraphFrame& f, BlockState*) { return graphTensor(graph, f, n.inputs[0]); }, nullptr};
  if (op == "gate")
    return {i,
            [&graph, &n](GraphFrame& f, BlockState*) {
              return graphTensor(graph, f, n.inputs[0]).mul(pointwiseOf(n.params.text("activation"), graphTensor(graph, f, n.inputs[1])));
            },
            nullptr};
  if (op == "concat")
    return {i, [&graph, &n](GraphFrame& f, BlockState*) {
              std::vector<at::Tensor> all;
              for (const GraphRef ref : n.inputs) all.push_back(graphTensor(graph, f, ref));
              return at::cat(all, -1);
            }, nullptr};
  const bool sum = op == "add";
  return {i, [&graph, &n, sum](GraphFrame& f, BlockState*) {
            at::Tensor y = graphTensor(graph, f, n.inputs[0]);
            for (std::size_t k = 1; k < n.inputs.size(); ++k) {
              const at::Tensor other = graphTensor(graph, f, n.inputs[k]);
              y = sum ? y.add(other) : y.mul(other);
            }
            return y;
          }, nullptr};
}

GraphStep GraphCompiler::router(int i) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(i);
  const GraphRouter& live = *routers_[static_cast<std::size_t>(i)];
  int routers = 0;
  for (const auto& r : routers_) routers += r != nullptr;
  // A graph with one router reports under its own path, like an expert layer: figures and noise are those of the built-in block.
  const std::string path = routers == 1 ? path_ : path_ + "." + n.name;
  const std::int64_t k = n.params.integer("top_k");
  const bool perSequence = n.params.text("group") == "sequence", renormalise = n.params.boolean("renormalise");
  return {i, [&graph, &n, &live, &t = tensors(i), path, k, perSequence, renormalise, i](GraphFrame& f, BlockState*) {
            const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
            const at::Tensor rows = x.reshape({-1, x.size(-1)});   // [B * T, d]
            ops::Routed routed = routeTokens(path, rows, t.weight, k, perSequence ? x.size(1) : rows.size(0),
                                             f.ctx.training ? live.capacity : 0, live.settings, f.ctx);
            if (renormalise) routed.gate = routed.gate.div(routed.gate.sum(1, true));
            f.routed[static_cast<std::size_t>(i)] = std::move(routed);
            return at::Tensor();
          }, nullptr};
}

GraphStep GraphCompiler::experts(int i) const {
  const BlockGraph& graph = graph_;
  const GraphNode& n = node(i);
  const auto activation = ops::activationByName(n.params.text("activation"));
  return {i, [&graph, &n, &t = tensors(i), activation](GraphFrame& f, BlockState*) {
            const at::Tensor x = graphTensor(graph, f, n.inputs[0]);
            const ops::Routed& routed = *f.routed[static_cast<std::size_t>(n.inputs[1].node)];
            const at::Tensor y = ops::experts(x.reshape({-1, x.size(-1)}), routed.gate, t.w1, t.w3, t.w2, routed.assignment, activation);
            return y.view({x.size(0), x.size(1), y.size(1)});
          }, nullptr};
}

}  // namespace serp
