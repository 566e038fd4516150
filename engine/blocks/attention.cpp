// SPDX-License-Identifier: GPL-3.0-or-later
// Causal softmax attention: many heads, keys and values shared by groups of them where asked, over everything before or a window.
#include <algorithm>

#include "engine/base/text.h"
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("heads", 1, 4096, derived("max(1, int(d_model / 64))"), "heads; must divide d_model unless head_dim is given"),
    choice("positions", {"rope", "learned", "none"}, "rope", "rope: rotary; learned: one vector per position, added to the input"),
    real("rope_base", 1, 1e9, 10000.0, "base of the rotary angles"),
    boolean("bias", false, "biases of qkv and out"),
    integer("kv_heads", 1, 4096, derived("heads"), "heads of keys and values, each shared by heads / kv_heads queries"),
    integer("head_dim", 1, 65536, derived("max(1, int(d_in / heads))"), "width of one head"),
    integer("window", 0, 1048576, 0, "tokens a query sees, itself included; 0 = all before it").units("tokens"),
};

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  const std::int64_t heads = p.integer("heads"), groups = p.integer("kv_heads");
  if (c.in % heads != 0 && p.integer("head_dim") == std::max<std::int64_t>(1, c.in / heads))
    faults.error(path + ".heads", "found " + std::to_string(heads) + ", which does not divide the width " + std::to_string(c.in));
  if (heads % groups != 0)
    faults.error(path + ".kv_heads", "found " + std::to_string(groups) + ", which does not divide the " + std::to_string(heads) + " heads");
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  const std::int64_t dim = p.integer("head_dim"), q = p.integer("heads") * dim, kv = p.integer("kv_heads") * dim,
                     window = p.integer("window");
  Cost total = linearCost(c.in, q + 2 * kv, p.boolean("bias"));
  total += linearCost(q, c.out, p.boolean("bias"));
  if (p.text("positions") == "learned") {
    total.paramsTotal += c.context * c.in;
    total.paramsActive += c.context * c.in;
  }
  const std::int64_t seen = window > 0 ? std::min(window, c.context) : c.context;
  total.flopsPerToken += 2 * 2 * averageSeen(c.context, seen) * static_cast<double>(q);
  total.stateBytes += 4 * 2 * kv * seen;
  total.activationBytesPerToken += 4.0 * 2 * static_cast<double>(q + kv);
  return total;
}

std::string open(const ParamSet& p) {
  const std::string dim = std::to_string(p.integer("head_dim")), q = std::to_string(p.integer("heads")) + " * " + dim,
                    kv = std::to_string(p.integer("kv_heads")) + " * " + dim, bias = p.boolean("bias") ? ", bias: true" : "";
  const bool learned = p.text("positions") == "learned", rope = p.text("positions") == "rope";
  const std::string from = learned ? "positions" : "x";
  return (learned ? std::string("  positions: {op: positions, from: x}\n") : std::string()) + "  q: {op: linear, from: " + from +
         ", to: " + q + bias +
         "}\n"
         "  k: {op: linear, from: " +
         from + ", to: " + kv + bias +
         "}\n"
         "  v: {op: linear, from: " +
         from + ", to: " + kv + bias +
         "}\n"
         "  attend: {op: attention, from: {q: q, k: k, v: v}, heads: " +
         std::to_string(p.integer("heads")) + ", kv_heads: " + std::to_string(p.integer("kv_heads")) +
         ", window: " + std::to_string(p.integer("window")) + ", positions: " + (rope ? "rope" : "none") +
         ", rope_base: " + numberText(p.real("rope_base")) +
         "}\n"
         "  out: {op: linear, from: attend, to: d_out" +
         bias +
         "}\n"
         "out: out\n";
}

const BlockRegistration kRegistration{
    {"attention", Family::Attention, "Causal softmax attention with rotary, learned or no positions.", true, '*', kSchema},
    check,
    cost,
    {nullptr, nullptr, nullptr, open}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <cmath>

#include "engine/base/error.h"
#include "engine/model/attention_core.h"
#include "engine/ops/attention.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/linear.h"
#include "engine/ops/rope.h"

namespace serp {
namespace {

/// With as many heads of keys as of queries, qkv rows are grouped by head, in each head q, then k, then v (paper.md §3); with fewer, all
/// of q stands before all of k and all of v.
class Attention final : public Block {
 public:
  explicit Attention(const BuildingSite& site)
      : Block(site),
        heads_(site.node.params.integer("heads")),
        groups_(site.node.params.integer("kv_heads")),
        width_(site.node.params.integer("head_dim")),
        window_(site.node.params.integer("window")),
        rope_(site.node.params.text("positions") == "rope"),
        base_(site.node.params.real("rope_base")) {
    const auto in = site.node.in, out = site.node.out, q = heads_ * width_, rows = q + 2 * groups_ * width_;
    const std::string base = path() + ".";
    const auto fanIn = static_cast<double>(in), fanOut = static_cast<double>(q);
    qkv_ = addParameter("qkv.weight", site.init.truncated(base + "qkv.weight", {rows, in}, 0.1, fanIn), ParameterRole::Matrix);
    out_ = addParameter("out.weight", site.init.truncated(base + "out.weight", {out, q}, 0.1, fanOut), ParameterRole::Matrix);
    if (site.node.params.boolean("bias")) {
      const double bound = 1 / std::sqrt(fanIn), boundOut = 1 / std::sqrt(fanOut);
      qkvBias_ = addParameter("qkv.bias", site.init.uniform(base + "qkv.bias", {rows}, -bound, bound), ParameterRole::Vector);
      outBias_ = addParameter("out.bias", site.init.uniform(base + "out.bias", {out}, -boundOut, boundOut), ParameterRole::Vector);
    }
    if (site.node.params.text("positions") == "learned")
      positions_ = addParameter("positions.weight", site.init.truncated(base + "positions.weight", {site.context, in}, 0.1, 1.0),
                                ParameterRole::Embedding);
  }

  at::Tensor forward(const at::Tensor& x, StepContext&) override { return run(x, nullptr); }
  std::unique_ptr<BlockState> makeState(std::int64_t) const override { return std::make_unique<KeyValueState>(); }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext&) override {
    return run(x, static_cast<KeyValueState*>(state));
  }

 private:
  at::Tensor run(const at::Tensor& xIn, KeyValueState* s) const {
    const std::int64_t B = xIn.size(0), T = xIn.size(1), first = s ? s->position : 0;
    at::Tensor x = xIn;
    if (positions_.defined()) {
      if (first + T > positions_.size(0))
        throw Error(ExitCode::BadConfiguration, "[" + path() + "] learned positions end at " + std::to_string(positions_.size(0)) +
                                                    " tokens, asked for " + std::to_string(first + T));
      x = x.add(positions_.narrow(0, first, T));
    }
    const at::Tensor qkv = ops::linear(x, qkv_, qkvBias_);                              // [B, T, (heads + 2 kv_heads) * d_head]
    const double base = rope_ ? base_ : 0.0;
    if (const ops::AttentionOptions options{heads_, groups_, base, window_}; !s && ops::attentionFits(qkv, options))
      return ops::linear(ops::attention(qkv, options), out_, outBias_);
    at::Tensor q, k, v;                                                                // [B, heads, T, d_head]
    if (groups_ == heads_) {
      ops::splitHeads(qkv, heads_, base, first, q, k, v);
    } else {
      const std::int64_t wide = heads_ * width_, narrow = groups_ * width_;
      q = ops::toHeads(qkv.narrow(2, 0, wide), heads_, base, first);
      k = ops::toHeads(qkv.narrow(2, wide, narrow), groups_, base, first);
      v = ops::toHeads(qkv.narrow(2, wide + narrow, narrow), groups_, 0.0, first);
    }
    const at::Tensor mixed = causalAttention(q, k, v, window_, s, path());
    return ops::linear(mixed.transpose(1, 2).reshape({B, T, heads_ * width_}), out_, outBias_);
  }

  std::int64_t heads_, groups_, width_, window_;
  bool rope_;
  double base_;
  at::Tensor qkv_, qkvBias_, out_, outBias_, positions_;
};

const BlockFactory kFactory{"attention", makeBlock<Attention>};

}  // namespace
}  // namespace serp
#endif
