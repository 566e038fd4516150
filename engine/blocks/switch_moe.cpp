// SPDX-License-Identifier: GPL-3.0-or-later
// Switch feed-forward: each token visits its most probable expert.
#include "engine/base/text.h"
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("experts", 1, 4096, 16, "experts in the layer"),
    integer("d_expert", 1, 65536, derived("3 * d_model"), "hidden width of one expert"),
    real("capacity_factor", 0, 16, 1.0, "slots per expert over the even share; 0 = no limit").live(),
    choice("group", {"batch", "sequence"}, "batch", "tokens that share the slots"),
    real("balance", 0, 1, 0.01, "weight of the load-balance loss").live(),
    real("z_loss", 0, 1, 0.0, "weight of the router's z-loss").live(),
    real("jitter", 0, 10, 0.0, "standard deviation of noise on the router's logits").live(),
    choice("activation", {"relu", "gelu", "silu", "relu2"}, "relu", "inside an expert"),
    boolean("gated", false, "experts with a gate: act(x W1) * (x W3)"),
    real("init_scale", 0, 10, 0.1, "scale of the truncated normal initialisation").openMinimum(),
};

Cost cost(const ParamSet& p, const BuildContext& c) {
  return expertCost(c.in, c.out, p.integer("experts"), 1, p.integer("d_expert"), p.boolean("gated"));
}

std::string open(const ParamSet& p) {
  const std::string scale = ", init_scale: " + numberText(p.real("init_scale"));
  return "  router: {op: router, from: x, experts: " + std::to_string(p.integer("experts")) +
         ", capacity_factor: " + numberText(p.real("capacity_factor")) + ", group: " + p.text("group") +
         ", balance: " + numberText(p.real("balance")) + ", z_loss: " + numberText(p.real("z_loss")) +
         ", jitter: " + numberText(p.real("jitter")) + scale +
         "}\n"
         "  experts: {op: experts, from: {x: x, router: router}, d_expert: " +
         std::to_string(p.integer("d_expert")) + ", to: d_out, activation: " + p.text("activation") +
         ", gated: " + (p.boolean("gated") ? "true" : "false") + scale +
         "}\n"
         "out: experts\n";
}

const BlockRegistration kRegistration{
    {"switch_moe", Family::Experts, "Switch feed-forward: each token visits its most probable expert.", true, 'E', kSchema},
    nullptr,
    cost,
    {nullptr, nullptr, nullptr, open}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include "engine/model/expert_layer.h"
#include "engine/ops/experts.h"

namespace serp {
namespace {

/// Top-1 with a capacity; paper.md §3.1. Without training every token is kept.
class SwitchMoe final : public Block {
 public:
  explicit SwitchMoe(const BuildingSite& site)
      : Block(site), perSequence_(site.node.params.text("group") == "sequence"), capacity_(site.node.params.real("capacity_factor")) {
    const ParamSet& p = site.node.params;
    weights_ = makeExpertWeights(site, [this](std::string n, at::Tensor v, ParameterRole r) { return addParameter(std::move(n), v, r); });
    router_ = {p.real("balance"), p.real("z_loss"), p.real("jitter")};
    addLive("capacity_factor", &capacity_);
    addLive("balance", &router_.balance);
    addLive("z_loss", &router_.zLoss);
    addLive("jitter", &router_.jitter);
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});         // [T, d]
    const std::int64_t T = rows.size(0), group = perSequence_ && x.dim() == 3 ? x.size(1) : T;
    const double cf = ctx.training ? capacity_ : 0;
    const ops::Routed routed = routeTokens(path(), rows, weights_.router, 1, group, cf, router_, ctx);
    const at::Tensor y = ops::experts(rows, routed.gate, weights_.w1, weights_.w3, weights_.w2, routed.assignment, weights_.activation);
    auto sizes = x.sizes().vec();
    sizes.back() = y.size(1);
    return y.view(sizes);
  }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  bool perSequence_;
  double capacity_;
  ExpertWeights weights_;
  RouterSettings router_;
};

const BlockFactory kFactory{"switch_moe", makeBlock<SwitchMoe>};

}  // namespace
}  // namespace serp
#endif
