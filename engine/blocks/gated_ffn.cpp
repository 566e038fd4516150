// SPDX-License-Identifier: GPL-3.0-or-later
// Gated feed-forward (SwiGLU and its relatives).
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("d_ff", 1, 1048576, derived("int(8 * d_model / 3)"), "hidden width"),
    choice("activation", {"relu", "gelu", "silu", "relu2"}, "silu", "of the gate"),
    boolean("bias", false, "biases of the three matrices"),
};

Cost cost(const ParamSet& p, const BuildContext& c) {
  const std::int64_t f = p.integer("d_ff");
  Cost total = linearCost(c.in, f, p.boolean("bias"));
  total += linearCost(c.in, f, p.boolean("bias"));
  total += linearCost(f, c.out, p.boolean("bias"));
  total.activationBytesPerToken += 8.0 * static_cast<double>(f);
  return total;
}

std::string open(const ParamSet& p) {
  const std::string bias = std::string(", bias: ") + (p.boolean("bias") ? "true" : "false"), width = std::to_string(p.integer("d_ff"));
  return "  w1: {op: linear, from: x, to: " + width + bias + "}\n"
         "  w3: {op: linear, from: x, to: " + width + bias + "}\n"
         "  hidden: {op: gate, from: {value: w3, gate: w1}, activation: " + p.text("activation") + "}\n"
         "  w2: {op: linear, from: hidden, to: d_out" + bias + "}\n"
         "out: w2\n";
}

const BlockRegistration kRegistration{{"gated_ffn", Family::Dense, "Gated feed-forward: (act(x W1) * (x W3)) W2.", true, '-', kSchema},
                                      nullptr,
                                      cost,
                                      {nullptr, nullptr, nullptr, open}};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <cmath>

#include "engine/model/block.h"
#include "engine/ops/activation.h"
#include "engine/ops/linear.h"

namespace serp {
namespace {

/// y = (act(x W1ᵀ) * (x W3ᵀ)) W2ᵀ.
class GatedFfn final : public Block {
 public:
  explicit GatedFfn(const BuildingSite& site) : Block(site), activation_(ops::activationByName(site.node.params.text("activation"))) {
    const auto in = site.node.in, out = site.node.out, f = site.node.params.integer("d_ff");
    const bool bias = site.node.params.boolean("bias");
    const auto layer = [&](const std::string& name, std::int64_t rows, std::int64_t columns, at::Tensor& w, at::Tensor& b) {
      const auto fanIn = static_cast<double>(columns);
      w = addParameter(name + ".weight", site.init.truncated(path() + "." + name + ".weight", {rows, columns}, 0.1, fanIn),
                       ParameterRole::Matrix);
      const double bound = 1 / std::sqrt(fanIn);
      if (bias)
        b = addParameter(name + ".bias", site.init.uniform(path() + "." + name + ".bias", {rows}, -bound, bound), ParameterRole::Vector);
    };
    layer("w1", f, in, w1_, b1_);
    layer("w3", f, in, w3_, b3_);
    layer("w2", out, f, w2_, b2_);
  }

  at::Tensor forward(const at::Tensor& x, StepContext&) override {
    const at::Tensor h = ops::activate(ops::linear(x, w1_, b1_), activation_).mul(ops::linear(x, w3_, b3_));
    return ops::linear(h, w2_, b2_);
  }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  ops::Activation activation_;
  at::Tensor w1_, b1_, w2_, b2_, w3_, b3_;
};

const BlockFactory kFactory{"gated_ffn", makeBlock<GatedFfn>};

}  // namespace
}  // namespace serp
#endif
