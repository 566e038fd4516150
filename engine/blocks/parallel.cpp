// SPDX-License-Identifier: GPL-3.0-or-later
// A container: branches side by side over one input, summed into one residual update, plainly or weighted by a learned gate.
#include "engine/graph/cost_model.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    choice("combine", {"sum", "gate"}, "sum", "sum: the branches add up; gate: each token weighs them by a softmax of its own"),
    choice("norms", {"shared", "own"}, "shared", "one norm before all branches, or one per branch"),
};

/// One branch needs no gate.
bool isGated(const ParamSet& p, std::size_t branches) { return p.text("combine") == "gate" && branches > 1; }

Cost cost(const ParamSet& p, const BuildContext& c) {
  Cost total;
  if (c.children == nullptr) return total;
  for (const auto& [name, branch] : *c.children) total += branch;
  if (!isGated(p, c.children->size())) return total;
  const auto branches = static_cast<std::int64_t>(c.children->size());
  Cost gate = linearCost(c.in, branches, false);
  gate.weightsTotal = gate.weightsActive = 0;  // like a router: no matrix of the stream
  gate.activationBytesPerToken += 4.0 * static_cast<double>(branches * (c.out + 1));
  return total += gate;
}

const BlockRegistration kRegistration{
    {"parallel", Family::Container, "Branches over one input, summed, plainly or by a gate: x += mamba(n) + switch_moe(n).", true, 0, kSchema}, nullptr, cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "engine/model/block.h"
#include "engine/model/norm_layer.h"
#include "engine/ops/linear.h"

namespace serp {
namespace {

struct ParallelState final : BlockState {
  std::vector<std::unique_ptr<BlockState>> branches;

  bool keepsSize() const override {
    return std::all_of(branches.begin(), branches.end(), [](const auto& b) { return !b || b->keepsSize(); });
  }
  NamedTensors tensors() const override {
    NamedTensors all;
    for (std::size_t i = 0; i < branches.size(); ++i)
      if (branches[i])
        for (auto& [name, tensor] : branches[i]->tensors()) all.emplace_back(std::to_string(i) + "." + name, tensor);
    return all;
  }
};

/// The sum of its branches over one input; with own norms each branch norms the stream for itself, and the gate reads the stream.
class Parallel final : public Block {
 public:
  explicit Parallel(const BuildingSite& site) : Block(site) {
    for (const PlanNode& child : site.node.children) {
      if (child.bypassed) continue;
      Branch branch;
      if (!child.norm.empty() && child.norm != "none") {
        branch.norm = std::make_unique<NormLayer>(child.norm, child.in, site.normEps, site.init);
        for (const Parameter& p : branch.norm->parameters())
          adoptParameter(child.path.substr(site.node.path.size() + 1) + ".norm." + p.name, p.tensor, p.role);
      }
      branch.block = site.make(child);
      addChild(branch.block.get());
      branches_.push_back(std::move(branch));
    }
    const auto count = static_cast<std::int64_t>(branches_.size());
    if (isGated(site.node.params, branches_.size()))
      gate_ = addParameter("gate.weight", site.init.truncated(path() + ".gate.weight", {count, site.node.in}, 0.1, static_cast<double>(site.node.in)), ParameterRole::Matrix);
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override {
    return sum(x, [&](Branch& b, std::size_t) { return b.block->forward(normed(b, x), ctx); });
  }
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override {
    auto state = std::make_unique<ParallelState>();
    for (const Branch& b : branches_) state->branches.push_back(b.block->makeState(batch));
    return state;
  }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    auto& s = static_cast<ParallelState&>(*state);
    return sum(x, [&](Branch& b, std::size_t i) { return b.block->prefill(normed(b, x), s.branches[i].get(), ctx); });
  }
  at::Tensor step(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    auto& s = static_cast<ParallelState&>(*state);
    return sum(x, [&](Branch& b, std::size_t i) { return b.block->step(normed(b, x), s.branches[i].get(), ctx); });
  }

 private:
  struct Branch {
    std::unique_ptr<NormLayer> norm;
    std::unique_ptr<Block> block;
  };

  static at::Tensor normed(const Branch& b, const at::Tensor& x) { return b.norm ? b.norm->forward(x) : x; }

  template <class F>
  at::Tensor sum(const at::Tensor& x, const F& run) {
    at::Tensor y, weights;
    if (gate_.defined()) weights = at::softmax(ops::linear(x, gate_), -1);                        // [.., branches]
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      at::Tensor part = run(branches_[i], i);
      if (weights.defined()) part = part.mul(weights.narrow(-1, static_cast<std::int64_t>(i), 1));  // [.., out]
      y = y.defined() ? y.add(part) : part;
    }
    return y.defined() ? y : at::zeros_like(x);  // every branch is bypassed
  }

  std::vector<Branch> branches_;
  at::Tensor gate_;
};

const BlockFactory kFactory{"parallel", makeBlock<Parallel>};

}  // namespace
}  // namespace serp
#endif
