// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba: a selective state-space mixer (Gu & Dao 2023) whose projections may be other blocks.
#include "engine/base/text.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("d_state", 1, 256, 16, "state size N of one channel"),
    integer("d_conv", 1, 16, 4, "taps of the causal convolution"),
    real("expand", 0, 64, 2.0, "d_inner over d_model, truncated to whole channels; fractions such as 4/3 are allowed").openMinimum(),
    integer("dt_rank", 1, 65536, derived("ceil(d_model / 16)"), "rank of the step-size projection"),
    boolean("conv_bias", true, "bias of the convolution"),
    boolean("proj_bias", false, "biases of the input and output projections"),
    real("dt_min", 0, 10, 0.001, "smallest initial step size").openMinimum(),
    real("dt_max", 0, 10, 0.1, "largest initial step size").openMinimum(),
    boolean("out_proj_rescale", false, "initial out_proj over the root of the number of blocks"),
    slot("conv_proj", "linear", "d_in", "int(expand * d_in)", "what feeds the convolution and the scan"),
    slot("gate_proj", "linear", "d_in", "int(expand * d_in)", "what feeds the gate"),
    slot("out_proj", "linear", "int(expand * d_in)", "d_out", "what leads back to the stream"),
};

std::int64_t inner(const ParamSet& p, const BuildContext& c) {
  return static_cast<std::int64_t>(p.real("expand") * static_cast<double>(c.in));
}

void check(const ParamSet& p, const BuildContext& c, const std::string& path, Diagnostics& faults) {
  if (inner(p, c) < 1) faults.error(path + ".expand", "expand * d_model is below one channel");
  if (p.real("expand") * static_cast<double>(c.in) > 1e7) faults.error(path + ".expand", "more than ten million channels");
  if (p.real("dt_max") < p.real("dt_min")) faults.error(path + ".dt_max", "dt_max is below dt_min");
}

Cost cost(const ParamSet& p, const BuildContext& c) {
  const std::int64_t D = inner(p, c), N = p.integer("d_state"), W = p.integer("d_conv"), R = p.integer("dt_rank");
  Cost total;
  for (const char* slot : {"conv_proj", "gate_proj", "out_proj"}) total += c.child(slot);
  const std::int64_t own = D * W + (p.boolean("conv_bias") ? D : 0) + D * (R + 2 * N) + R * D + D + D * N + D;
  total.paramsTotal += own;
  total.paramsActive += own;
  const auto d = static_cast<double>(D), n = static_cast<double>(N);
  total.flopsPerToken +=
      2.0 * static_cast<double>(W) * d + 2.0 * d * static_cast<double>(R + 2 * N) + 2.0 * static_cast<double>(R) * d + 9 * d * n;
  total.stateBytes += 4 * D * (N + W - 1);
  total.activationBytesPerToken += 4.0 * (5 * d + static_cast<double>(R + 2 * N) + d * n / 16);  // states are kept every 16 steps
  return total;
}

/// The projections the block has by itself take their bias from "proj_bias".
void fillSlot(const ParamSet& own, const std::string&, ParamSet& child) { child.set("bias", own.boolean("proj_bias")); }

std::string open(const ParamSet& p) {
  const std::string D = "int(" + numberText(p.real("expand")) + " * d_in)", N = std::to_string(p.integer("d_state")),
                    R = std::to_string(p.integer("dt_rank"));
  const std::string bias = p.boolean("proj_bias") ? ", bias: true" : "";
  return "  in_proj: {op: linear, from: x, to: 2 * " + D + ", init: uniform" + bias +
         "}\n"
         "  halves: {op: split, from: in_proj, into: {u: " +
         D + ", z: " + D +
         "}}\n"
         "  conv1d: {op: causal_conv1d, from: halves.u, taps: " +
         std::to_string(p.integer("d_conv")) + ", bias: " + (p.boolean("conv_bias") ? "true" : "false") +
         "}\n"
         "  u: {op: silu, from: conv1d}\n"
         "  x_proj: {op: linear, from: u, to: " +
         R + " + 2 * " + N +
         ", init: uniform}\n"
         "  low: {op: split, from: x_proj, into: {delta: " +
         R + ", B: " + N + ", C: " + N +
         "}}\n"
         "  dt_proj: {op: linear, from: low.delta, to: " +
         D + ", init: uniform, bias: true, bias_init: step_size, dt_min: " + numberText(p.real("dt_min")) +
         ", dt_max: " + numberText(p.real("dt_max")) +
         "}\n"
         "  delta: {op: softplus, from: dt_proj}\n"
         "  A_log: {op: parameter, sizes: [" +
         D + ", " + N +
         "], init: log_range, role: state_space}\n"
         "  decay: {op: exp, from: A_log}\n"
         "  A: {op: negate, from: decay}\n"
         "  D: {op: parameter, sizes: " +
         D +
         ", value: 1, role: state_space}\n"
         "  scan: {op: selective_scan, from: {u: u, delta: delta, A: A, B: low.B, C: low.C, D: D}}\n"
         "  gated: {op: gate, from: {value: scan, gate: halves.z}, activation: silu}\n"
         "  out_proj: {op: linear, from: gated, to: d_out, init: uniform" +
         bias + (p.boolean("out_proj_rescale") ? ", rescale: true" : "") +
         "}\n"
         "out: out_proj\n";
}

const BlockRegistration kRegistration{
    {"mamba", Family::Mixer, "Selective state-space mixer: convolution, scan and gate, constant memory per token.", true, 'M', kSchema},
    check,
    cost,
    {nullptr, fillSlot, nullptr, open}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/zeros.h>

#include <cmath>

#include "engine/model/block.h"
#include "engine/ops/linear.h"
#include "engine/ops/mamba_inner.h"

namespace serp {
namespace {

struct MambaState final : BlockState {
  ops::MambaInnerState inner;
  std::unique_ptr<BlockState> conv, gate, out;   // of blocks in the slots

  bool keepsSize() const override { return (!conv || conv->keepsSize()) && (!gate || gate->keepsSize()) && (!out || out->keepsSize()); }
  NamedTensors tensors() const override {
    NamedTensors all = {{"window", inner.window}, {"h", inner.h}};
    for (const auto& [slot, state] :
         {std::pair("conv_proj", conv.get()), std::pair("gate_proj", gate.get()), std::pair("out_proj", out.get())})
      if (state != nullptr)
        for (auto& [name, tensor] : state->tensors()) all.emplace_back(std::string(slot) + "." + name, tensor);
    return all;
  }
};

/// [x; z] = in_proj(x) · conv · scan · gate · out_proj; paper.md §5.
class Mamba final : public Block {
 public:
  explicit Mamba(const BuildingSite& site) : Block(site) {
    const ParamSet& p = site.node.params;
    const auto in = site.node.in, outWidth = site.node.out;
    D_ = static_cast<std::int64_t>(p.real("expand") * static_cast<double>(in));
    const auto N = p.integer("d_state"), W = p.integer("d_conv"), R = p.integer("dt_rank");
    const std::string base = path() + ".";
    const auto uniform = [&](const char* name, at::IntArrayRef sizes, double fanIn) {
      const double bound = 1 / std::sqrt(fanIn);
      return site.init.uniform(base + name, sizes, -bound, bound);
    };
    for (const PlanNode& child : site.node.children) {
      auto block = site.make(child);
      addChild(block.get());
      (child.slot == "conv_proj" ? convProj_ : child.slot == "gate_proj" ? gateProj_ : outProj_) = std::move(block);
    }
    const auto bias = p.boolean("proj_bias");
    // One fused input matrix unless a slot replaces a half of it.
    const std::int64_t own = (convProj_ ? 0 : D_) + (gateProj_ ? 0 : D_);
    const char* inName = own == 2 * D_ ? "in_proj.weight" : convProj_ ? "gate_proj.weight" : "conv_proj.weight";
    const char* inBias = own == 2 * D_ ? "in_proj.bias" : convProj_ ? "gate_proj.bias" : "conv_proj.bias";
    if (own > 0) {
      inWeight_ = addParameter(inName, uniform(inName, {own, in}, in), ParameterRole::Matrix);
      if (bias) inBias_ = addParameter(inBias, uniform(inBias, {own}, in), ParameterRole::Vector);
    }
    w_.convWeight = addParameter("conv1d.weight", uniform("conv1d.weight", {D_, W}, W), ParameterRole::Matrix);
    if (p.boolean("conv_bias")) w_.convBias = addParameter("conv1d.bias", uniform("conv1d.bias", {D_}, W), ParameterRole::Vector);
    w_.xProj = addParameter("x_proj.weight", uniform("x_proj.weight", {R + 2 * N, D_}, D_), ParameterRole::Matrix);
    w_.dtProj = addParameter("dt_proj.weight", uniform("dt_proj.weight", {D_, R}, R), ParameterRole::Matrix);
    w_.dtBias = addParameter("dt_proj.bias", initialDtBias(site, p.real("dt_min"), p.real("dt_max")), ParameterRole::StateSpace);
    at::Tensor aLog = site.init.constant({D_, N}, 0);
    for (std::int64_t n = 0; n < N; ++n) aLog.select(1, n).fill_(std::log(static_cast<double>(n + 1)));
    w_.aLog = addParameter("A_log", aLog, ParameterRole::StateSpace);
    w_.skip = addParameter("D", site.init.constant({D_}, 1), ParameterRole::StateSpace);
    if (!outProj_) {
      at::Tensor weight = uniform("out_proj.weight", {outWidth, D_}, D_);
      if (p.boolean("out_proj_rescale")) weight.div_(std::sqrt(static_cast<double>(site.blocks)));
      outWeight_ = addParameter("out_proj.weight", weight, ParameterRole::Matrix);
      if (bias) outBias_ = addParameter("out_proj.bias", uniform("out_proj.bias", {outWidth}, D_), ParameterRole::Vector);
    }
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override { return run(x, nullptr, ctx); }

  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override {
    auto s = std::make_unique<MambaState>();
    const auto options = w_.aLog.options().requires_grad(false);
    s->inner.window = at::zeros({batch, w_.convWeight.size(1) - 1, D_}, options);
    s->inner.h = at::zeros({batch, D_, w_.aLog.size(1)}, options);
    if (convProj_) s->conv = convProj_->makeState(batch);
    if (gateProj_) s->gate = gateProj_->makeState(batch);
    if (outProj_) s->out = outProj_->makeState(batch);
    return s;
  }

  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    return run(x, static_cast<MambaState*>(state), ctx);
  }

  at::Tensor step(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    auto& s = static_cast<MambaState&>(*state);
    at::Tensor xz, xc, z;
    if (!convProj_ && !gateProj_) {
      xz = ops::linear(x, inWeight_, inBias_);                                       // [B, 2D]
    } else {
      xc = convProj_ ? convProj_->step(x, s.conv.get(), ctx) : ops::linear(x, inWeight_, inBias_);
      z = gateProj_ ? gateProj_->step(x, s.gate.get(), ctx) : ops::linear(x, inWeight_, inBias_);
    }
    const at::Tensor y = ops::mambaInnerStep(xz, xc, z, w_, s.inner);                // [B, D]
    return outProj_ ? outProj_->step(y, s.out.get(), ctx) : ops::linear(y, outWeight_, outBias_);
  }

 private:
  /// softplus⁻¹ of a log-uniform step size, clamped from below at 1e-4; paper.md §5.3.
  at::Tensor initialDtBias(const BuildingSite& site, double low, double high) const {
    at::Tensor dt = site.init.uniform(path() + ".dt_proj.bias", {D_}, std::log(low), std::log(high)).exp().clamp_min(1e-4);
    return dt.add(dt.neg().expm1().neg().log());
  }

  at::Tensor run(const at::Tensor& x, MambaState* s, StepContext& ctx) {
    const auto child = [&](Block& block, BlockState* state) {
      return (s ? block.prefill(x, state, ctx) : block.forward(x, ctx)).contiguous();
    };
    at::Tensor xz, xc, z;
    if (!convProj_ && !gateProj_) {
      xz = ops::linear(x, inWeight_, inBias_);                                       // [B, T, 2D]
    } else {
      xc = convProj_ ? child(*convProj_, s ? s->conv.get() : nullptr) : ops::linear(x, inWeight_, inBias_);
      z = gateProj_ ? child(*gateProj_, s ? s->gate.get() : nullptr) : ops::linear(x, inWeight_, inBias_);
    }
    const at::Tensor y = ops::mambaInner(xz, xc, z, w_, s ? &s->inner : nullptr);    // [B, T, D]
    if (!outProj_) return ops::linear(y, outWeight_, outBias_);
    return s ? outProj_->prefill(y, s->out.get(), ctx) : outProj_->forward(y, ctx);
  }

  std::int64_t D_ = 0;
  at::Tensor inWeight_, inBias_, outWeight_, outBias_;
  ops::MambaInnerWeights w_;
  std::unique_ptr<Block> convProj_, gateProj_, outProj_;
};

const BlockFactory kFactory{"mamba", makeBlock<Mamba>};

}  // namespace
}  // namespace serp
#endif
