// SPDX-License-Identifier: GPL-3.0-or-later
// A container: branches side by side over one input, summed into one residual update.
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {
    choice("norms", {"shared", "own"}, "shared", "one norm before all branches, or one per branch"),
};

Cost cost(const ParamSet&, const BuildContext& c) {
  Cost total;
  if (c.children != nullptr)
    for (const auto& [name, branch] : *c.children) total += branch;
  return total;
}

const BlockRegistration kRegistration{
    {"parallel", Family::Container, "Branches over one input, summed: x += mamba(n) + switch_moe(n).", true, 0, kSchema}, nullptr, cost};

}  // namespace
}  // namespace serp

#ifdef SERP_WITH_TORCH
#include <algorithm>

#include "engine/model/block.h"
#include "engine/model/norm_layer.h"

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

/// The sum of its branches over one input; with own norms each branch norms the stream for itself.
class Parallel final : public Block {
 public:
  explicit Parallel(const BuildingSite& site) : Block(site) {
    for (const PlanNode& child : site.node.children) {
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
  }

  at::Tensor forward(const at::Tensor& x, StepContext& ctx) override {
    return sum([&](Branch& b, std::size_t) { return b.block->forward(normed(b, x), ctx); });
  }
  std::unique_ptr<BlockState> makeState(std::int64_t batch) const override {
    auto state = std::make_unique<ParallelState>();
    for (const Branch& b : branches_) state->branches.push_back(b.block->makeState(batch));
    return state;
  }
  at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    auto& s = static_cast<ParallelState&>(*state);
    return sum([&](Branch& b, std::size_t i) { return b.block->prefill(normed(b, x), s.branches[i].get(), ctx); });
  }
  at::Tensor step(const at::Tensor& x, BlockState* state, StepContext& ctx) override {
    auto& s = static_cast<ParallelState&>(*state);
    return sum([&](Branch& b, std::size_t i) { return b.block->step(normed(b, x), s.branches[i].get(), ctx); });
  }

 private:
  struct Branch {
    std::unique_ptr<NormLayer> norm;
    std::unique_ptr<Block> block;
  };

  static at::Tensor normed(const Branch& b, const at::Tensor& x) { return b.norm ? b.norm->forward(x) : x; }

  template <class F>
  at::Tensor sum(const F& run) {
    at::Tensor y;
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      const at::Tensor part = run(branches_[i], i);
      y = y.defined() ? y.add(part) : part;
    }
    return y;
  }

  std::vector<Branch> branches_;
};

const BlockFactory kFactory{"parallel", makeBlock<Parallel>};

}  // namespace
}  // namespace serp
#endif
