// SPDX-License-Identifier: GPL-3.0-or-later
// Expert choice: each expert takes the tokens it scores highest (Zhou et al. 2022).
#include <algorithm>
#include <cmath>

#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("experts", 1, 4096, 16, "experts in the layer"),
    integer("d_expert", 1, 65536, derived("3 * d_model"), "hidden width of one expert"),
    real("capacity_factor", 0, 64, 1.0, "tokens per expert over the even share of the pool").openMinimum(),
    choice("group", {"batch", "sequence", "all"}, "batch", "the pool: the batch at one position (causal), a sequence, or everything"),
    choice("score", {"experts", "tokens"}, "experts", "softmax over experts or over tokens"),
    boolean("norm_output", true, "LayerNorm on the sum"),
    choice("activation", {"relu", "gelu", "silu", "relu2"}, "relu", "inside an expert"),
    boolean("gated", false, "experts with a gate: act(x W1) * (x W3)"),
    real("init_scale", 0, 10, 0.1, "scale of the truncated normal initialisation").openMinimum(),
};

bool causal(const ParamSet& p) { return p.text("group") == "batch"; }

Cost cost(const ParamSet& p, const BuildContext& c) {
  Cost total = expertCost(c.in, c.out, p.integer("experts"), 1, p.integer("d_expert"), p.boolean("gated"));
  // Each expert takes the same number of rows of a pool, whatever a token would choose: what that adds to one visit per token.
  const std::string& group = p.text("group");
  const std::int64_t size = group == "batch" ? c.batch : group == "sequence" ? c.context : c.batch * c.context;
  const double pool = static_cast<double>(std::max<std::int64_t>(1, size)), experts = static_cast<double>(p.integer("experts"));
  const double take = std::clamp(std::round(p.real("capacity_factor") * pool / experts), 1.0, pool), more = experts * take / pool - 1;
  const double in = static_cast<double>(c.in), hidden = static_cast<double>(p.integer("d_expert")), out = static_cast<double>(c.out);
  const bool gated = p.boolean("gated");
  total.flopsPerToken += more * 2 * (in * hidden * (gated ? 2 : 1) + hidden * out);
  total.activationBytesPerToken += more * 4 * (in + hidden * (gated ? 3 : 1) + out);
  if (p.boolean("norm_output")) {
    total.paramsTotal += 2 * c.out;
    total.paramsActive += 2 * c.out;
  }
  return total;
}

const BlockRegistration kRegistration{
    {"expert_choice", Family::Experts, "Each expert takes the tokens it scores highest; the load is even by construction.", false, 'E', kSchema},
    nullptr,
    cost,
    {causal, nullptr}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/arange.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "engine/model/expert_layer.h"
#include "engine/ops/experts_device.h"
#include "engine/ops/linear.h"
#include "engine/ops/norm.h"

namespace serp {
namespace {

/// Each expert takes the tokens it scores highest out of a pool; paper.md §3.3. Pools are the batch axis at one position (causal),
/// one sequence, or everything.
class ExpertChoice final : public Block {
 public:
  explicit ExpertChoice(const BuildingSite& site)
      : Block(site), group_(site.node.params.text("group")), overTokens_(site.node.params.text("score") == "tokens"),
        capacity_(site.node.params.real("capacity_factor")) {
    weights_ = makeExpertWeights(site, [this](std::string n, at::Tensor v, ParameterRole r) { return addParameter(std::move(n), v, r); });
    if (site.node.params.boolean("norm_output")) {
      normWeight_ = addParameter("output_norm.weight", site.init.constant({site.node.out}, 1), ParameterRole::Norm);
      normBias_ = addParameter("output_norm.bias", site.init.constant({site.node.out}, 0), ParameterRole::Norm);
    }
  }

  at::Tensor forward(const at::Tensor& x3, StepContext& ctx) override {
    const at::Tensor x = x3.dim() == 3 ? x3 : x3.unsqueeze(1);                       // [B, T, d]
    const std::int64_t B = x.size(0), T = x.size(1), E = weights_.w1.size(0), out = weights_.w2.size(2);
    const at::Tensor rows = x.reshape({B * T, x.size(2)});
    // Pools as the last axis: [pools, E, pool size], and the flat row of every place in a pool.
    at::Tensor flat = at::arange(B * T, rows.options().dtype(at::kLong)).view({B, T});
    if (group_ == "batch") flat = flat.t().contiguous();
    else if (group_ == "all") flat = flat.view({1, B * T});
    const std::int64_t pools = flat.size(0), pool = flat.size(1);
    const auto take = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::lround(capacity_ * static_cast<double>(pool) / static_cast<double>(E))), 1, pool);
    const at::Tensor logits = ops::linear32(rows, weights_.router);                  // [B*T, E]
    at::Tensor score = overTokens_ ? logits : logits.softmax(1);
    score = score.index_select(0, flat.view({-1})).view({pools, pool, E}).transpose(1, 2);
    if (overTokens_) score = score.softmax(2);
    const auto [gate, place] = at::topk(score.contiguous(), take, 2);                // [pools, E, take]
    const at::Tensor token = at::gather(flat.unsqueeze(1).expand({pools, E, pool}), 2, place);
    const at::Tensor byExpert = token.transpose(0, 1).reshape({E, pools * take});
    const at::Tensor index = byExpert.reshape({-1});
    const at::Tensor xe = rows.index_select(0, index).view({E, pools * take, x.size(2)});
    at::Tensor h = ops::activate(ops::batchedProduct(xe, weights_.w1), weights_.activation);
    if (weights_.w3.defined()) h = h.mul(ops::batchedProduct(xe, weights_.w3));
    const at::Tensor ye = ops::batchedProduct(h, weights_.w2).mul(gate.transpose(0, 1).reshape({E, pools * take, 1}));
    at::Tensor y = at::zeros({B * T, out}, x.options()).index_add(0, index, ye.reshape({-1, out}));
    if (normWeight_.defined()) y = ops::norm(y, normWeight_, normBias_, kernels::NormKind::Layer, 1e-5);
    if (ctx.routing) reportChoice(path(), logits, byExpert, E, *ctx.routing);
    auto sizes = x3.sizes().vec();
    sizes.back() = out;
    return y.view(sizes);
  }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  std::string group_;
  bool overTokens_;
  double capacity_;
  ExpertWeights weights_;
  at::Tensor normWeight_, normBias_;
};

const BlockFactory kFactory{"expert_choice", makeBlock<ExpertChoice>};

}  // namespace
}  // namespace serp
#endif
