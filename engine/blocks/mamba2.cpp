// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-2: a state-space mixer with one decay per head (Dao & Gu 2024), computed by the selective scan.
#include <cmath>

#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("d_state", 1, 256, 128, "state size N of one channel"),
    integer("d_conv", 1, 16, 4, "taps of the causal convolution over x, B and C"),
    real("expand", 0, 64, 2.0, "d_inner over d_model, truncated to whole channels").openMinimum(),
    integer("head_dim", 1, 65536, derived("gcd(int(expand * d_in), 64)"), "channels that share one decay and one step size"),
    integer("groups", 1, 4096, 1, "groups of heads; each has B and C of its own"),
    boolean("gated_norm", true, "RMSNorm of the gated output, group by group, before out_proj"),
    boolean("conv_bias", true, "bias of the convolution"),
    boolean("proj_bias", false, "biases of the input and output projections"),
    real("dt_min", 0, 10, 0.001, "smallest initial step size").openMinimum(),
    real("dt_max", 0, 10, 0.1, "largest initial step size").openMinimum(),
    real("decay_min", 0, 1000, 1.0, "smallest initial -A").openMinimum(),
    real("decay_max", 0, 1000, 16.0, "largest initial -A").openMinimum(),
    boolean("out_proj_rescale", false, "initial out_proj over the root of the number of blocks"),
};

struct Sizes {
  std::int64_t D, N, W, P, G, H, convWidth;   ///< inner width, states, taps, head width, groups, heads, channels of the convolution
};

Sizes sizesOf(const ParamSet& p, std::int64_t in) {
  Sizes s{};
  s.D = static_cast<std::int64_t>(p.real("expand") * static_cast<double>(in));
  s.N = p.integer("d_state"), s.W = p.integer("d_conv"), s.P = p.integer("head_dim"), s.G = p.integer("groups");
  s.H = s.D / s.P;
  s.convWidth = s.D + 2 * s.G * s.N;
  return s;
}

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  const double inner = p.real("expand") * static_cast<double>(c.in);
  if (inner < 1) return faults.error(path + ".expand", "expand * d_model is below one channel");
  if (inner > 1e7) return faults.error(path + ".expand", "more than ten million channels");
  const Sizes s = sizesOf(p, c.in);
  if (s.D % s.P != 0)
    return faults.error(path + ".head_dim",
                        "found " + std::to_string(s.P) + ", which does not divide the " + std::to_string(s.D) + " channels");
  if (s.H % s.G != 0)
    faults.error(path + ".groups", "found " + std::to_string(s.G) + ", which does not divide the " + std::to_string(s.H) + " heads");
  if (p.real("dt_max") < p.real("dt_min")) faults.error(path + ".dt_max", "dt_max is below dt_min");
  if (p.real("decay_max") < p.real("decay_min")) faults.error(path + ".decay_max", "decay_max is below decay_min");
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  const Sizes s = sizesOf(p, c.in);
  Cost total = linearCost(c.in, s.D + s.convWidth + s.H, p.boolean("proj_bias"));
  total += linearCost(s.D, c.out, p.boolean("proj_bias"));
  const std::int64_t own = s.convWidth * (s.W + (p.boolean("conv_bias") ? 1 : 0)) + 3 * s.H + (p.boolean("gated_norm") ? s.D : 0);
  total.paramsTotal += own;
  total.paramsActive += own;
  const auto d = static_cast<double>(s.D), n = static_cast<double>(s.N), wide = static_cast<double>(s.convWidth);
  total.flopsPerToken += 2.0 * static_cast<double>(s.W) * wide + 9 * d * n;
  total.stateBytes += 4 * (s.D * s.N + s.convWidth * (s.W - 1));
  total.activationBytesPerToken += 4.0 * (2 * wide + 5 * d + d * n / 16);  // states are kept every 16 steps
  return total;
}

const BlockRegistration kRegistration{
    {"mamba2", Family::Mixer, "Mamba-2: state-space mixer with one decay and one step size per head.", true, '2', kSchema}, check, cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include "engine/model/block.h"
#include "engine/ops/linear.h"
#include "engine/ops/norm.h"
#include "engine/ops/scan.h"

namespace serp {
namespace {

struct Mamba2State final : BlockState {
  at::Tensor window, h;   // [B, W-1, channels], [B, D, N]
  bool keepsSize() const override { return false; }  // replaced, not written over
  NamedTensors tensors() const override { return {{"window", window}, {"h", h}}; }
};

/// [z; x; B; C; dt] = in_proj(u) · conv over x, B, C · scan with one A per head · gate · norm · out_proj; paper.md §6.
class Mamba2 final : public Block {
 public:
  explicit Mamba2(const BuildingSite& site) : Block(site), s_(sizesOf(site.node.params, site.node.in)), eps_(site.normEps) {
    const ParamSet& p = site.node.params;
    const std::string base = path() + ".";
    const auto uniform = [&](const char* name, at::IntArrayRef sizes, std::int64_t fanIn) {
      const double bound = 1 / std::sqrt(static_cast<double>(fanIn));
      return site.init.uniform(base + name, sizes, -bound, bound);
    };
    const std::int64_t in = site.node.in, out = site.node.out, wide = s_.D + s_.convWidth + s_.H;
    inWeight_ = addParameter("in_proj.weight", uniform("in_proj.weight", {wide, in}, in), ParameterRole::Matrix);
    if (p.boolean("proj_bias")) inBias_ = addParameter("in_proj.bias", uniform("in_proj.bias", {wide}, in), ParameterRole::Vector);
    convWeight_ = addParameter("conv1d.weight", uniform("conv1d.weight", {s_.convWidth, s_.W}, s_.W), ParameterRole::Matrix);
    if (p.boolean("conv_bias"))
      convBias_ = addParameter("conv1d.bias", uniform("conv1d.bias", {s_.convWidth}, s_.W), ParameterRole::Vector);
    const at::Tensor dt =
        site.init.uniform(base + "dt_bias", {s_.H}, std::log(p.real("dt_min")), std::log(p.real("dt_max"))).exp().clamp_min(1e-4);
    dtBias_ = addParameter("dt_bias", dt.add(dt.neg().expm1().neg().log()), ParameterRole::StateSpace);
    aLog_ = addParameter("A_log", site.init.uniform(base + "A_log", {s_.H}, p.real("decay_min"), p.real("decay_max")).log(),
                         ParameterRole::StateSpace);
    skip_ = addParameter("D", site.init.constant({s_.H}, 1), ParameterRole::StateSpace);
    if (p.boolean("gated_norm")) norm_ = addParameter("gated_norm.weight", site.init.constant({s_.D}, 1), ParameterRole::Norm);
    at::Tensor weight = uniform("out_proj.weight", {out, s_.D}, s_.D);
    if (p.boolean("out_proj_rescale")) weight.div_(std::sqrt(static_cast<double>(site.blocks)));
    outWeight_ = addParameter("out_proj.weight", weight, ParameterRole::Matrix);
    if (p.boolean("proj_bias")) outBias_ = addParameter("out_proj.bias", uniform("out_proj.bias", {out}, s_.D), ParameterRole::Vector);
  }

  at::Tensor forward(const at::Tensor& x, StepContext&) override { return run(x, nullptr); }
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override {
    auto s = std::make_unique<Mamba2State>();
    const auto options = aLog_.options().requires_grad(false);
    s->window = at::zeros({batch, s_.W - 1, s_.convWidth}, options);
    s->h = at::zeros({batch, s_.D, s_.N}, options);
    return s;
  }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext&) override { return run(x, static_cast<Mamba2State*>(state)); }

 private:
  /// One number per head as one per channel, along the last axis.
  at::Tensor perChannel(const at::Tensor& perHead) const {
    auto sizes = perHead.sizes().vec();
    sizes.push_back(s_.P);
    return perHead.unsqueeze(-1).expand(sizes).flatten(-2);
  }

  at::Tensor run(const at::Tensor& u, Mamba2State* state) const {
    const at::Tensor all = ops::linear(u, inWeight_, inBias_);                       // [B, T, D + channels + H]
    const at::Tensor z = all.narrow(-1, 0, s_.D), raw = all.narrow(-1, s_.D, s_.convWidth);
    const bool window = state != nullptr && s_.W > 1;
    const at::Tensor xbc = ops::causalConv1d(raw, convWeight_, convBias_, window ? state->window : at::Tensor(), true);
    if (window) state->window = at::cat({state->window, raw}, 1).narrow(1, raw.size(1), s_.W - 1).contiguous();
    const at::Tensor delta = perChannel(all.narrow(-1, s_.D + s_.convWidth, s_.H).add(dtBias_));  // [B, T, D]
    const at::Tensor A = perChannel(at::exp(aLog_).neg()).unsqueeze(1).expand({s_.D, s_.N}), skip = perChannel(skip_);
    std::vector<at::Tensor> ys, hs;
    const std::int64_t wide = s_.D / s_.G;
    for (std::int64_t g = 0; g < s_.G; ++g) {  // each group of channels with B and C of its own
      const auto part = [&](const at::Tensor& t) { return t.narrow(-1, g * wide, wide); };
      const at::Tensor B = xbc.narrow(-1, s_.D + g * s_.N, s_.N), C = xbc.narrow(-1, s_.D + (s_.G + g) * s_.N, s_.N);
      const ops::Scanned both =
          ops::selectiveScan(part(xbc.narrow(-1, 0, s_.D)), part(delta), A.narrow(0, g * wide, wide), B, C, part(skip), part(z), {},
                             state ? state->h.narrow(1, g * wide, wide) : at::Tensor(), true);
      ys.push_back(both.y);
      if (state) hs.push_back(both.last);
    }
    if (state) state->h = at::cat(hs, 1);
    at::Tensor y = s_.G == 1 ? ys.front() : at::cat(ys, -1);                          // [B, T, D]
    if (norm_.defined()) y = normed(y);
    return ops::linear(y, outWeight_, outBias_);
  }

  at::Tensor normed(const at::Tensor& y) const {
    if (s_.G == 1) return ops::norm(y, norm_, {}, kernels::NormKind::Rms, eps_);
    const at::Tensor groups = y.view({y.size(0), y.size(1), s_.G, s_.D / s_.G});
    return ops::norm(groups, {}, {}, kernels::NormKind::Rms, eps_).view(y.sizes()).mul(norm_);
  }

  Sizes s_;
  double eps_;
  at::Tensor inWeight_, inBias_, convWeight_, convBias_, dtBias_, aLog_, skip_, norm_, outWeight_, outBias_;
};

const BlockFactory kFactory{"mamba2", makeBlock<Mamba2>};

}  // namespace
}  // namespace serp
#endif
