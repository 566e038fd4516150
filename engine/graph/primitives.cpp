// SPDX-License-Identifier: GPL-3.0-or-later
// The table of primitives: ports, keys, ranges and help of every operation a graph may use, declared once.
#include "engine/api/block_graph.h"

namespace serp {
namespace {

PrimitivePort port(const char* name, const char* meaning, bool optional = false) { return {name, optional, meaning}; }

const std::vector<std::string> kActivations = {"relu", "gelu", "silu", "relu2"};

Param initScale() { return real("init_scale", 0, 10, 0.1, "scale of the truncated normal initialisation").openMinimum(); }

void addLinearMaps(std::vector<PrimitiveInfo>& all) {
  all.push_back({"linear",
                 "Linear maps",
                 "y = x Wᵀ + b",
                 {port("x", "[B, T, in]")},
                 false,
                 {
                     integer("to", 1, 16777216, derived("width"), "output width"),
                     boolean("bias", false, "adds a vector"),
                     choice("init", {"truncated", "uniform"}, "truncated",
                            "weight: normal with sigma sqrt(init_scale / in), cut; or uniform within 1 / sqrt(in)"),
                     initScale(),
                     choice("bias_init", {"uniform", "zero", "step_size"}, "uniform",
                            "within 1 / sqrt(in); zero; or the inverse softplus of a step size"),
                     real("dt_min", 0, 10, 0.001, "bias_init step_size: smallest step").openMinimum(),
                     real("dt_max", 0, 10, 0.1, "bias_init step_size: largest step").openMinimum(),
                     boolean("rescale", false, "initial weight over the root of the number of blocks"),
                 }});
  all.push_back({"causal_conv1d",
                 "Linear maps",
                 "y[t] = b + sum_k w[k] x[t - taps + 1 + k], each channel for itself",
                 {port("x", "[B, T, D]")},
                 false,
                 {
                     integer("taps", 1, 16, 4, "tokens it looks at, the present one included"),
                     boolean("bias", true, "adds a vector"),
                 }});
}

void addState(std::vector<PrimitiveInfo>& all) {
  all.push_back({"selective_scan", "State", "h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t]; y[t] = C[t] h[t] + D u[t]",
                 {port("u", "input [B, T, D]"), port("delta", "step size [B, T, D], positive"), port("A", "[D, N], negative"),
                  port("B", "write [B, T, N]"), port("C", "read [B, T, N]"), port("D", "skip [D]", true)}, false, {}});
  all.push_back(
      {"recurrence", "State", "y[t] = a[t] y[t-1] + b[t]", {port("a", "decay [B, T, D] or [D]"), port("b", "input [B, T, D]")}, false, {}});
  all.push_back({"delay", "State", "y[t] = x[t - by], zeros before the first token", {port("x", "[B, T, D]")}, false, {
      integer("by", 1, 4096, 1, "how far it looks back").units("tokens")}});
  all.push_back({"attention",
                 "State",
                 "causal softmax(q kᵀ / sqrt(head width)) v, head by head",
                 {port("q", "[B, T, heads * width]"), port("k", "[B, T, kv_heads * width]"), port("v", "[B, T, kv_heads * width]")},
                 false,
                 {
                     integer("heads", 1, 4096, derived("max(1, int(width / 64))"), "heads; must divide the width of q"),
                     integer("kv_heads", 1, 4096, derived("heads"), "heads of k and v, each shared by heads / kv_heads queries"),
                     integer("window", 0, 1048576, 0, "tokens a query sees, itself included; 0 = all before it").units("tokens"),
                     choice("positions", {"rope", "none"}, "rope", "rotary angles on q and k, or none"),
                     real("rope_base", 1, 1e9, 10000.0, "base of the rotary angles"),
                 }});
  all.push_back({"positions", "State", "y[t] = x[t] + p[t], one trained vector per position", {port("x", "[B, T, D]")}, false, {}});
}

void addPointwise(std::vector<PrimitiveInfo>& all) {
  const auto unary = [&](const char* op, const char* formula) {
    all.push_back({op, "Pointwise", formula, {port("x", "any shape")}, false, {}});
  };
  unary("silu", "x / (1 + exp(-x))");
  unary("relu", "max(x, 0)");
  unary("gelu", "x Phi(x)");
  unary("relu2", "max(x, 0)²");
  unary("sigmoid", "1 / (1 + exp(-x))");
  unary("softplus", "ln(1 + exp(x))");
  unary("tanh", "tanh x");
  unary("exp", "exp x");
  unary("negate", "-x");
  unary("softmax", "exp(x) over its sum, across the features of one token");
  all.push_back(
      {"scale", "Pointwise", "x times a fixed number", {port("x", "any shape")}, false, {real("by", -1e6, 1e6, 1.0, "the number")}});
  all.push_back({"add", "Pointwise", "the sum of its inputs", {}, true, {}});
  all.push_back({"multiply", "Pointwise", "the product of its inputs, number by number", {}, true, {}});
  all.push_back({"gate", "Pointwise", "value * act(gate)", {port("value", "[B, T, D]"), port("gate", "[B, T, D]")}, false, {
      choice("activation", {"silu", "sigmoid", "relu", "gelu", "relu2", "tanh", "none"}, "silu", "of the gate")}});
}

void addNorms(std::vector<PrimitiveInfo>& all) {
  all.push_back({"layer_norm", "Norms", "(x - mean) / deviation * w + b", {port("x", "[B, T, D]")}, false, {}});
  all.push_back({"rms_norm", "Norms", "x / root mean square * w", {port("x", "[B, T, D]")}, false, {}});
}

void addStructure(std::vector<PrimitiveInfo>& all) {
  all.push_back({"split",
                 "Structure",
                 "its input in named parts, side by side: into: {u: 256, z: 256}",
                 {port("x", "[B, T, sum of the parts]")},
                 false,
                 {}});
  all.push_back({"concat", "Structure", "its inputs side by side", {}, true, {}});
  all.push_back({"parameter",
                 "Structure",
                 "a trained tensor",
                 {},
                 false,
                 {
                     choice("init", {"constant", "normal", "uniform", "log_range"}, "constant",
                            "value; N(0, value²); within ±value; or ln 1, ln 2 … along the last axis"),
                     real("value", -1e6, 1e6, 1.0, "of init"),
                     choice("role", {"matrix", "vector", "norm", "state_space"}, "vector", "what weight decay takes it for"),
                 }});
  all.push_back({"constant", "Structure", "a tensor that stays as it is", {}, false, {real("value", -1e6, 1e6, 1.0, "everywhere")}});
}

void addExperts(std::vector<PrimitiveInfo>& all) {
  all.push_back({"router", "Experts", "softmax(x Wᵀ), the top_k most probable experts of each token", {port("x", "[B, T, D]")}, false, {
      integer("experts", 1, 4096, 16, "experts to choose from"),
      integer("top_k", 1, 64, 1, "experts per token"),
      boolean("renormalise", false, "the k gates sum to 1"),
      real("capacity_factor", 0, 16, 0.0, "slots per expert over the even share; 0 = no limit").live(),
      choice("group", {"batch", "sequence"}, "batch", "tokens that share the slots"),
      real("balance", 0, 1, 0.01, "weight of the load-balance loss").live(),
      real("z_loss", 0, 1, 0.0, "weight of the router's z-loss").live(),
      real("jitter", 0, 10, 0.0, "standard deviation of noise on the router's logits").live(),
      initScale(),
  }});
  all.push_back({"experts",
                 "Experts",
                 "the sum over a token's experts of gate * act(x W1) W2",
                 {port("x", "[B, T, D]"), port("router", "of a router")},
                 false,
                 {
                     integer("d_expert", 1, 65536, derived("3 * d_model"), "hidden width of one expert"),
                     integer("to", 1, 16777216, derived("width"), "output width"),
                     choice("activation", kActivations, "relu", "inside an expert"),
                     boolean("gated", false, "experts with a gate: act(x W1) * (x W3)"),
                     initScale(),
                 }});
}

}  // namespace

const std::vector<PrimitiveInfo>& primitiveCatalog() {
  static const std::vector<PrimitiveInfo> catalog = [] {
    std::vector<PrimitiveInfo> all;
    addLinearMaps(all);
    addState(all);
    addPointwise(all);
    addNorms(all);
    addStructure(all);
    addExperts(all);
    return all;
  }();
  return catalog;
}

const PrimitiveInfo* findPrimitive(const std::string& op) {
  for (const PrimitiveInfo& p : primitiveCatalog())
    if (p.op == op) return &p;
  return nullptr;
}

}  // namespace serp
