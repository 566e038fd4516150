// SPDX-License-Identifier: GPL-3.0-or-later
// Top-k mixture of experts without drops: each token visits its k most probable experts, and a shared one if there is any.
#include "engine/base/text.h"
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("experts", 1, 4096, 16, "experts in the layer"),
    integer("top_k", 1, 64, 2, "experts per token"),
    integer("d_expert", 1, 65536, derived("3 * d_model"), "hidden width of one expert"),
    boolean("renormalise", true, "the k gates sum to 1"),
    integer("shared_expert", 0, 65536, 0, "hidden width of an expert that every token visits; 0 = none"),
    real("balance", 0, 1, 0.01, "weight of the load-balance loss").live(),
    real("z_loss", 0, 1, 0.0, "weight of the router's z-loss").live(),
    real("jitter", 0, 10, 0.0, "standard deviation of noise on the router's logits").live(),
    choice("activation", {"relu", "gelu", "silu", "relu2"}, "silu", "inside an expert"),
    boolean("gated", true, "experts with a gate: act(x W1) * (x W3)"),
    real("init_scale", 0, 10, 0.1, "scale of the truncated normal initialisation").openMinimum(),
};

void check(const ParamSet& p, const BuildContext&, const std::string& path, Diagnostics& faults) {
  if (p.integer("top_k") > p.integer("experts"))
    faults.error(path + ".top_k", "found " + std::to_string(p.integer("top_k")) + ", more than the " +
                                      std::to_string(p.integer("experts")) + " experts of the layer");
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  const bool gated = p.boolean("gated");
  Cost total = expertCost(c.in, c.out, p.integer("experts"), p.integer("top_k"), p.integer("d_expert"), gated);
  if (const std::int64_t f = p.integer("shared_expert"); f > 0) {
    total += linearCost(c.in, f, false);
    if (gated) total += linearCost(c.in, f, false);
    total += linearCost(f, c.out, false);
  }
  return total;
}

std::string open(const ParamSet& p) {
  const std::string scale = ", init_scale: " + numberText(p.real("init_scale")), act = p.text("activation"),
                    shared = std::to_string(p.integer("shared_expert"));
  const bool gated = p.boolean("gated"), both = p.integer("shared_expert") > 0;
  std::string out = "  router: {op: router, from: x, experts: " + std::to_string(p.integer("experts")) +
                    ", top_k: " + std::to_string(p.integer("top_k")) + ", renormalise: " + (p.boolean("renormalise") ? "true" : "false") +
                    ", balance: " + numberText(p.real("balance")) + ", z_loss: " + numberText(p.real("z_loss")) +
                    ", jitter: " + numberText(p.real("jitter")) + scale +
                    "}\n"
                    "  experts: {op: experts, from: {x: x, router: router}, d_expert: " +
                    std::to_string(p.integer("d_expert")) + ", to: d_out, activation: " + act + ", gated: " + (gated ? "true" : "false") +
                    scale + "}\n";
  if (!both) return out + "out: experts\n";
  out += "  shared_w1: {op: linear, from: x, to: " + shared + scale + "}\n";
  if (gated)
    out += "  shared_w3: {op: linear, from: x, to: " + shared + scale +
           "}\n  hidden: {op: gate, from: {value: shared_w3, gate: shared_w1}, activation: " + act + "}\n";
  else out += "  hidden: {op: " + act + ", from: shared_w1}\n";
  return out + "  shared_w2: {op: linear, from: hidden, to: d_out" + scale + "}\n  sum: {op: add, from: [experts, shared_w2]}\nout: sum\n";
}

const BlockRegistration kRegistration{
    {"topk_moe", Family::Experts, "Mixture of experts: each token visits its k most probable experts, none is dropped.", true, 'E',
     kSchema},
    check,
    cost,
    {nullptr, nullptr, nullptr, open}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/div.h>
#include <ATen/ops/sum.h>

#include "engine/model/expert_layer.h"
#include "engine/ops/experts.h"
#include "engine/ops/linear.h"

namespace serp {
namespace {

/// k experts per token, none dropped, gates renormalised or not, beside an optional expert that every token visits.
class TopkMoe final : public Block {
 public:
  explicit TopkMoe(const BuildingSite& site)
      : Block(site), topK_(site.node.params.integer("top_k")), renormalise_(site.node.params.boolean("renormalise")) {
    const ParamSet& p = site.node.params;
    weights_ = makeExpertWeights(site, [this](std::string n, at::Tensor v, ParameterRole r) { return addParameter(std::move(n), v, r); });
    router_ = {p.real("balance"), p.real("z_loss"), p.real("jitter")};
    if (const auto width = p.integer("shared_expert"); width > 0) {
      const double scale = p.real("init_scale");
      const auto in = site.node.in, out = site.node.out;
      const auto matrix = [&](const char* name, std::int64_t rows, std::int64_t columns) {
        return addParameter(name, site.init.truncated(path() + "." + name, {rows, columns}, scale, static_cast<double>(columns)),
                            ParameterRole::Matrix);
      };
      shared1_ = matrix("shared.w1", width, in);
      if (p.boolean("gated")) shared3_ = matrix("shared.w3", width, in);
      shared2_ = matrix("shared.w2", out, width);
    }
    addLive("balance", &router_.balance);
    addLive("z_loss", &router_.zLoss);
    addLive("jitter", &router_.jitter);
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});         // [T, d]
    const ops::Routed routed = routeTokens(path(), rows, weights_.router, topK_, rows.size(0), 0, router_, ctx);
    const at::Tensor gate = renormalise_ ? routed.gate.div(routed.gate.sum(1, true)) : routed.gate;
    at::Tensor y = ops::experts(rows, gate, weights_.w1, weights_.w3, weights_.w2, routed.assignment, weights_.activation);
    if (shared1_.defined()) {
      at::Tensor h = ops::activate(ops::linear(rows, shared1_), weights_.activation);
      if (shared3_.defined()) h = h.mul(ops::linear(rows, shared3_));
      y = y.add(ops::linear(h, shared2_));
    }
    auto sizes = x.sizes().vec();
    sizes.back() = y.size(1);
    return y.view(sizes);
  }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  std::int64_t topK_;
  bool renormalise_;
  ExpertWeights weights_;
  RouterSettings router_;
  at::Tensor shared1_, shared3_, shared2_;
};

const BlockFactory kFactory{"topk_moe", makeBlock<TopkMoe>};

}  // namespace
}  // namespace serp
#endif
