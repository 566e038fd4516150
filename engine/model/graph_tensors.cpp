// SPDX-License-Identifier: GPL-3.0-or-later
// Initial values as the built-in blocks draw them: paper.md §1.3 and §5.3.
#include "engine/model/graph_tensors.h"

#include <cmath>

namespace serp {
namespace {

class Maker {
 public:
  Maker(const GraphNode& node, const BuildingSite& site, const GraphProgram::AddParameter& add) : node_(node), site_(site), add_(add) {}

  GraphTensors linear(std::int64_t in) {
    const ParamSet& p = node_.params;
    const std::int64_t out = p.integer("to");
    const auto fanIn = static_cast<double>(in);
    const double bound = 1 / std::sqrt(fanIn);
    at::Tensor weight = p.text("init") == "uniform" ? init().uniform(full("weight"), {out, in}, -bound, bound)
                                                    : init().truncated(full("weight"), {out, in}, p.real("init_scale"), fanIn);
    if (p.boolean("rescale")) weight.div_(std::sqrt(static_cast<double>(site_.blocks)));
    GraphTensors t;
    t.weight = give("weight", weight, ParameterRole::Matrix);
    if (!p.boolean("bias")) return t;
    const std::string& how = p.text("bias_init");
    if (how == "step_size") t.bias = give("bias", stepSize(out), ParameterRole::StateSpace);
    else
      t.bias = give("bias", how == "zero" ? init().constant({out}, 0) : init().uniform(full("bias"), {out}, -bound, bound),
                    ParameterRole::Vector);
    return t;
  }

  GraphTensors conv(std::int64_t channels) {
    const std::int64_t W = node_.params.integer("taps");
    const double bound = 1 / std::sqrt(static_cast<double>(W));
    GraphTensors t;
    t.weight = give("weight", init().uniform(full("weight"), {channels, W}, -bound, bound), ParameterRole::Matrix);
    if (node_.params.boolean("bias")) t.bias = give("bias", init().uniform(full("bias"), {channels}, -bound, bound), ParameterRole::Vector);
    return t;
  }

  GraphTensors norm(std::int64_t width) {
    GraphTensors t;
    t.weight = give("weight", init().constant({width}, 1), ParameterRole::Norm);
    if (node_.op() == "layer_norm") t.bias = give("bias", init().constant({width}, 0), ParameterRole::Norm);
    return t;
  }

  GraphTensors positions(std::int64_t width) {
    GraphTensors t;
    t.weight = give("weight", init().truncated(full("weight"), {site_.context, width}, 0.1, 1.0), ParameterRole::Embedding);
    return t;
  }

  GraphTensors router(std::int64_t in) {
    GraphTensors t;
    t.weight = drawn("weight", {node_.params.integer("experts"), in}, static_cast<double>(in));
    return t;
  }

  GraphTensors experts(std::int64_t in, std::int64_t E) {
    const std::int64_t f = node_.params.integer("d_expert"), out = node_.params.integer("to");
    GraphTensors t;
    t.w1 = drawn("w1", {E, in, f}, static_cast<double>(in));
    if (node_.params.boolean("gated")) t.w3 = drawn("w3", {E, in, f}, static_cast<double>(in));
    t.w2 = drawn("w2", {E, f, out}, static_cast<double>(E * f));
    return t;
  }

  GraphTensors tensor() {
    const std::vector<std::int64_t>& sizes = node_.shape.sizes;
    const double value = node_.params.real("value");
    GraphTensors t;
    if (node_.op() == "constant") {
      t.weight = init().constant(sizes, value);
      return t;
    }
    const std::string& how = node_.params.text("init");
    at::Tensor v = how == "normal"    ? init().normal(site_.node.path + "." + node_.name, sizes, value)
                   : how == "uniform" ? init().uniform(site_.node.path + "." + node_.name, sizes, -value, value)
                                      : init().constant(sizes, how == "log_range" ? 0 : value);
    if (how == "log_range")
      for (std::int64_t n = 0; n < sizes.back(); ++n) v.select(-1, n).fill_(std::log(static_cast<double>(n + 1)));
    const std::string& role = node_.params.text("role");
    t.weight = add_(node_.name, v,
                    role == "matrix"   ? ParameterRole::Matrix
                    : role == "norm"   ? ParameterRole::Norm
                    : role == "vector" ? ParameterRole::Vector
                                       : ParameterRole::StateSpace);
    return t;
  }

 private:
  const Initialiser& init() const { return site_.init; }
  std::string full(const char* part) const { return site_.node.path + "." + node_.name + "." + part; }
  at::Tensor give(const char* part, at::Tensor value, ParameterRole role) { return add_(node_.name + "." + part, std::move(value), role); }
  at::Tensor drawn(const char* part, at::IntArrayRef sizes, double fanIn) {
    return give(part, init().truncated(full(part), sizes, node_.params.real("init_scale"), fanIn), ParameterRole::Matrix);
  }
  /// softplus⁻¹ of a log-uniform step size, clamped from below at 1e-4; paper.md §5.3.
  at::Tensor stepSize(std::int64_t width) const {
    const double low = std::log(node_.params.real("dt_min")), high = std::log(node_.params.real("dt_max"));
    at::Tensor dt = init().uniform(full("bias"), {width}, low, high).exp().clamp_min(1e-4);
    return dt.add(dt.neg().expm1().neg().log());
  }

  const GraphNode& node_;
  const BuildingSite& site_;
  const GraphProgram::AddParameter& add_;
};

}  // namespace

GraphTensors makeGraphTensors(const GraphNode& node, const std::vector<GraphShape>& inputs, const BuildingSite& site,
                              const GraphProgram::AddParameter& add) {
  Maker make(node, site, add);
  const std::string& op = node.op();
  const std::int64_t width = inputs.empty() ? 0 : inputs.front().width();
  if (op == "linear") return make.linear(width);
  if (op == "causal_conv1d") return make.conv(width);
  if (op == "layer_norm" || op == "rms_norm") return make.norm(width);
  if (op == "positions") return make.positions(width);
  if (op == "router") return make.router(width);
  if (op == "experts") return make.experts(width, inputs[1].sizes[0]);
  if (op == "parameter" || op == "constant") return make.tensor();
  return {};
}

}  // namespace serp
