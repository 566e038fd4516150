// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba whose projections are linear experts under one shared router (Routing Mamba, arXiv 2506.18145).
#include <cmath>

#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("experts", 1, 4096, 8, "linear experts of each projection; one decision picks all of them"),
    boolean("conv_experts", true, "what feeds the convolution is a mixture"),
    boolean("gate_experts", true, "what feeds the gate is a mixture"),
    boolean("out_experts", true, "what leads back to the stream is a mixture"),
    real("capacity_factor", 0, 16, 0.0, "slots per expert over the even share; 0 = no limit").live(),
    real("balance", 0, 1, 0.01, "weight of the load-balance loss").live(),
    real("z_loss", 0, 1, 0.0, "weight of the router's z-loss").live(),
    real("jitter", 0, 10, 0.0, "standard deviation of noise on the router's logits").live(),
    integer("d_state", 1, 256, 16, "state size N of one channel"),
    integer("d_conv", 1, 16, 4, "taps of the causal convolution"),
    real("expand", 0, 64, 2.0, "d_inner over d_model, truncated to whole channels").openMinimum(),
    integer("dt_rank", 1, 65536, derived("ceil(d_model / 16)"), "rank of the step-size projection"),
    boolean("conv_bias", true, "bias of the convolution"),
    real("dt_min", 0, 10, 0.001, "smallest initial step size").openMinimum(),
    real("dt_max", 0, 10, 0.1, "largest initial step size").openMinimum(),
};

std::int64_t inner(const ParamSet& p, std::int64_t in) { return static_cast<std::int64_t>(p.real("expand") * static_cast<double>(in)); }

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  if (inner(p, c.in) < 1) faults.error(path + ".expand", "expand * d_model is below one channel");
  if (p.real("expand") * static_cast<double>(c.in) > 1e7) faults.error(path + ".expand", "more than ten million channels");
  if (p.real("dt_max") < p.real("dt_min")) faults.error(path + ".dt_max", "dt_max is below dt_min");
  if (!p.boolean("conv_experts") && !p.boolean("gate_experts") && !p.boolean("out_experts"))
    faults.error(path + ".conv_experts", "no projection is a mixture; use {kind: mamba}");
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  const std::int64_t D = inner(p, c.in), N = p.integer("d_state"), W = p.integer("d_conv"), R = p.integer("dt_rank"),
                     E = p.integer("experts");
  Cost total;
  const auto projection = [&](const char* mixture, std::int64_t in, std::int64_t out) {
    Cost one = linearCost(in, out, false);
    if (p.boolean(mixture)) {
      one.paramsTotal *= E;
      one.activationBytesPerToken += 4.0 * static_cast<double>(in + out);  // rows in the order of experts
    }
    total += one;
  };
  projection("conv_experts", c.in, D);
  projection("gate_experts", c.in, D);
  projection("out_experts", D, c.out);
  const std::int64_t own = E * c.in + D * W + (p.boolean("conv_bias") ? D : 0) + D * (R + 2 * N) + R * D + D + D * N + D;
  total.paramsTotal += own;
  total.paramsActive += own;
  const auto d = static_cast<double>(D), n = static_cast<double>(N), r = static_cast<double>(R);
  total.flopsPerToken +=
      2.0 * static_cast<double>(E * c.in) + 2.0 * static_cast<double>(W) * d + 2.0 * d * (r + 2 * n) + 2.0 * r * d + 9 * d * n;
  total.stateBytes += 4 * D * (N + W - 1);
  total.activationBytesPerToken +=
      4.0 * (5 * d + r + 2 * n + d * n / 16 + static_cast<double>(c.in + E));  // states are kept every 16 steps
  return total;
}

const BlockRegistration kRegistration{
    {"shared_router_mamba", Family::Mixer, "Mamba with linear experts for projections; one router per layer picks for all.", true, 'M',
     kSchema},
    check,
    cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/cat.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include "engine/base/error.h"
#include "engine/model/expert_layer.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/linear.h"
#include "engine/ops/mamba_inner.h"

namespace serp {
namespace {

struct RoutedState final : BlockState {
  ops::MambaInnerState inner;
  bool keepsSize() const override { return false; }  // replaced, not written over
  NamedTensors tensors() const override { return {{"window", inner.window}, {"h", inner.h}}; }
};

/// Convolution, scan and the small matrices are shared by all experts; the layer's output is multiplied once by the probability of the
/// choice, and a token without a slot leaves 0 (paper.md §3.3, last item).
class SharedRouterMamba final : public Block {
 public:
  explicit SharedRouterMamba(const BuildingSite& site) : Block(site) {
    const ParamSet& p = site.node.params;
    const std::int64_t in = site.node.in, out = site.node.out, N = p.integer("d_state"), W = p.integer("d_conv"), R = p.integer("dt_rank");
    const std::int64_t E = p.integer("experts");
    D_ = inner(p, in);
    const std::string base = path() + ".";
    const auto uniform = [&](const std::string& name, at::IntArrayRef sizes, std::int64_t fanIn, ParameterRole role) {
      const double bound = 1 / std::sqrt(static_cast<double>(fanIn));
      return addParameter(name, site.init.uniform(base + name, sizes, -bound, bound), role);
    };
    const auto projection = [&](const char* name, const char* mixture, std::int64_t from, std::int64_t to) {
      if (!p.boolean(mixture)) return uniform(std::string(name) + ".weight", {to, from}, from, ParameterRole::Matrix);
      return uniform(std::string(name) + ".experts", {E, from, to}, from, ParameterRole::Matrix);
    };
    router_ = addParameter("router.weight", site.init.truncated(base + "router.weight", {E, in}, 0.1, static_cast<double>(in)),
                           ParameterRole::Matrix);
    conv_ = projection("conv_proj", "conv_experts", in, D_);
    gate_ = projection("gate_proj", "gate_experts", in, D_);
    w_.convWeight = uniform("conv1d.weight", {D_, W}, W, ParameterRole::Matrix);
    if (p.boolean("conv_bias")) w_.convBias = uniform("conv1d.bias", {D_}, W, ParameterRole::Vector);
    w_.xProj = uniform("x_proj.weight", {R + 2 * N, D_}, D_, ParameterRole::Matrix);
    w_.dtProj = uniform("dt_proj.weight", {D_, R}, R, ParameterRole::Matrix);
    const at::Tensor dt =
        site.init.uniform(base + "dt_proj.bias", {D_}, std::log(p.real("dt_min")), std::log(p.real("dt_max"))).exp().clamp_min(1e-4);
    w_.dtBias = addParameter("dt_proj.bias", dt.add(dt.neg().expm1().neg().log()), ParameterRole::StateSpace);
    at::Tensor aLog = site.init.constant({D_, N}, 0);
    for (std::int64_t n = 0; n < N; ++n) aLog.select(1, n).fill_(std::log(static_cast<double>(n + 1)));
    w_.aLog = addParameter("A_log", aLog, ParameterRole::StateSpace);
    w_.skip = addParameter("D", site.init.constant({D_}, 1), ParameterRole::StateSpace);
    out_ = projection("out_proj", "out_experts", D_, out);
    capacity_ = p.real("capacity_factor");
    settings_ = {p.real("balance"), p.real("z_loss"), p.real("jitter")};
    addLive("capacity_factor", &capacity_);
    addLive("balance", &settings_.balance);
    addLive("z_loss", &settings_.zLoss);
    addLive("jitter", &settings_.jitter);
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override { return run(x, nullptr, ctx); }
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override {
    auto s = std::make_unique<RoutedState>();
    const auto options = w_.aLog.options().requires_grad(false);
    s->inner.window = at::zeros({batch, w_.convWeight.size(1) - 1, D_}, options);
    s->inner.h = at::zeros({batch, D_, w_.aLog.size(1)}, options);
    return s;
  }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    return run(x, static_cast<RoutedState*>(state), ctx);
  }

 private:
  /// rows [R, in] through the expert of each, or through the one matrix all share. Rows without a slot give 0.
  static at::Tensor project(const at::Tensor& rows, const at::Tensor& weight, const ops::Assignment& a, const at::Tensor& rowOfSlot) {
    if (weight.dim() == 2) return ops::linear(rows, weight);
    const at::Tensor sorted = rows.index_select(0, rowOfSlot);
    const std::vector<at::Tensor> experts = weight.unbind(0);
    std::vector<at::Tensor> parts;
    for (std::size_t e = 0; e < experts.size(); ++e)
      if (const std::int64_t n = a.offsets[e + 1] - a.offsets[e]; n > 0)
        parts.push_back(ops::linear(sorted.narrow(0, a.offsets[e], n), experts[e].t()));
    return at::zeros({rows.size(0), weight.size(2)}, rows.options()).index_add(0, rowOfSlot, at::cat(parts, 0));
  }

  at::Tensor run(const at::Tensor& x3, RoutedState* state, StepContext& ctx) {
    if (ops::placeOf(x3).gpu)  // the sizes of the parts are read on the host
      throw Error(ExitCode::BadConfiguration, "[" + path() + "] shared_router_mamba runs on the CPU only, use device: cpu");
    const std::int64_t B = x3.size(0), T = x3.size(1);
    const at::Tensor x = x3.reshape({B * T, x3.size(2)});
    const ops::Routed routed = routeTokens(path(), x, router_, 1, B * T, ctx.training ? capacity_ : 0, settings_, ctx);
    const ops::Assignment& a = routed.assignment;
    const at::Tensor rowOfSlot = a.tokenOfSlot.narrow(0, 0, a.slots).to(at::kLong);
    const at::Tensor u = project(x, conv_, a, rowOfSlot).view({B, T, D_}), z = project(x, gate_, a, rowOfSlot).view({B, T, D_});
    const at::Tensor y = ops::mambaInner({}, u, z, w_, state ? &state->inner : nullptr).reshape({B * T, D_});
    at::Tensor gate = routed.gate;                                                   // [B*T, 1]
    if (a.slots < B * T) gate = gate.mul(a.slotOfChoice.ge(0).to(at::kFloat));
    return project(y, out_, a, rowOfSlot).mul(gate).view({B, T, -1});
  }

  std::int64_t D_ = 0;
  at::Tensor router_, conv_, gate_, out_;
  ops::MambaInnerWeights w_;
  double capacity_ = 0;
  RouterSettings settings_;
};

const BlockFactory kFactory{"shared_router_mamba", makeBlock<SharedRouterMamba>};

}  // namespace
}  // namespace serp
#endif
