// SPDX-License-Identifier: GPL-3.0-or-later
// One matrix.
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {boolean("bias", false, "adds a vector")};

Cost cost(const ParamSet& p, const BuildContext& c) { return linearCost(c.in, c.out, p.boolean("bias")); }

const BlockRegistration kRegistration{{"linear", Family::Dense, "A linear map x W.", true, 0, kSchema}, nullptr, cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <cmath>

#include "engine/model/block.h"
#include "engine/ops/linear.h"

namespace serp {
namespace {

/// y = x Wᵀ + b.
class Linear final : public Block {
 public:
  explicit Linear(const BuildingSite& site) : Block(site) {
    const auto in = site.node.in, out = site.node.out;
    weight_ = addParameter("weight", site.init.truncated(path() + ".weight", {out, in}, 0.1, static_cast<double>(in)), ParameterRole::Matrix);
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    if (site.node.params.boolean("bias"))
      bias_ = addParameter("bias", site.init.uniform(path() + ".bias", {out}, -bound, bound), ParameterRole::Vector);
  }
  at::Tensor forward(const at::Tensor& x, StepContext&) override { return ops::linear(x, weight_, bias_); }
  at::Tensor step(const at::Tensor& x, BlockState*, StepContext& ctx) override { return forward(x, ctx); }

 private:
  at::Tensor weight_, bias_;
};

const BlockFactory kFactory{"linear", makeBlock<Linear>};

}  // namespace
}  // namespace serp
#endif
