// SPDX-License-Identifier: GPL-3.0-or-later
// Dense feed-forward of two matrices.
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    integer("d_ff", 1, 1048576, derived("4 * d_model"), "hidden width"),
    choice("activation", {"relu", "gelu", "silu", "relu2"}, "relu", "between the matrices"),
    boolean("bias", true, "biases of both matrices"),
};

Cost cost(const ParamSet& p, const BuildContext& c) {
  const std::int64_t f = p.integer("d_ff");
  Cost total = linearCost(c.in, f, p.boolean("bias"));
  total += linearCost(f, c.out, p.boolean("bias"));
  return total;
}

std::string open(const ParamSet& p) {
  const std::string bias = std::string(", bias: ") + (p.boolean("bias") ? "true" : "false");
  return "  w1: {op: linear, from: x, to: " + std::to_string(p.integer("d_ff")) + bias + "}\n"
         "  hidden: {op: " + p.text("activation") + ", from: w1}\n"
         "  w2: {op: linear, from: hidden, to: d_out" + bias + "}\n"
         "out: w2\n";
}

const BlockRegistration kRegistration{{"dense_ffn", Family::Dense, "Dense feed-forward: act(x W1) W2.", true, '-', kSchema},
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

/// y = act(x W1ᵀ + b1) W2ᵀ + b2.
class DenseFfn final : public Block {
 public:
  explicit DenseFfn(const BuildingSite& site) : Block(site), activation_(ops::activationByName(site.node.params.text("activation"))) {
    const auto in = site.node.in, out = site.node.out, f = site.node.params.integer("d_ff");
    const std::string base = path() + ".";
    w1_ = addParameter("w1.weight", site.init.truncated(base + "w1.weight", {f, in}, 0.1, static_cast<double>(in)), ParameterRole::Matrix);
    w2_ = addParameter("w2.weight", site.init.truncated(base + "w2.weight", {out, f}, 0.1, static_cast<double>(f)), ParameterRole::Matrix);
    if (site.node.params.boolean("bias")) {
      const double b1 = 1 / std::sqrt(static_cast<double>(in)), b2 = 1 / std::sqrt(static_cast<double>(f));
      b1_ = addParameter("w1.bias", site.init.uniform(base + "w1.bias", {f}, -b1, b1), ParameterRole::Vector);
      b2_ = addParameter("w2.bias", site.init.uniform(base + "w2.bias", {out}, -b2, b2), ParameterRole::Vector);
    }
  }

  at::Tensor forward(const at::Tensor& x, StepContext&) override {
    if (activation_ == ops::Activation::Relu) return ops::feedForward(x, w1_, b1_, w2_, b2_);
    return ops::linear(ops::activate(ops::linear(x, w1_, b1_), activation_), w2_, b2_);
  }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  ops::Activation activation_;
  at::Tensor w1_, b1_, w2_, b2_;
};

const BlockFactory kFactory{"dense_ffn", makeBlock<DenseFfn>};

}  // namespace
}  // namespace serp
#endif
