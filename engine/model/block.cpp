// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a block that all blocks share, and the table of factories.
#include "engine/model/block.h"

#include <map>

#include "engine/base/error.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

std::map<std::string, BlockFactory::Make>& factories() {
  static std::map<std::string, BlockFactory::Make> table;
  return table;
}

}  // namespace

BlockFactory::BlockFactory(const char* kind, Make make) { factories()[kind] = make; }

BlockFactory::Make BlockFactory::find(const std::string& kind) {
  auto it = factories().find(kind);
  if (it == factories().end())
    if (const BlockDefinition* own = findDefinition(kind); own != nullptr && !own->own.base.empty()) it = factories().find(own->own.base);
  return it == factories().end() ? nullptr : it->second;
}

std::unique_ptr<Block> BuildingSite::make(const PlanNode& child) const {
  const auto factory = BlockFactory::find(child.kind);
  SERP_CHECK(factory != nullptr, "no class for block kind " + child.kind);
  return factory(BuildingSite{child, init, context, blocks, normEps});
}

std::unique_ptr<BlockState> Block::makeState(std::int64_t) const { return nullptr; }

at::Tensor Block::prefill(const at::Tensor& x, BlockState*, StepContext& ctx) { return forward(x, ctx); }

at::Tensor Block::step(const at::Tensor& x, BlockState* state, StepContext& ctx) {
  return prefill(x.unsqueeze(1), state, ctx).squeeze(1);
}

bool Block::setLive(const std::string& key, double value) {
  for (const Live& l : live_)
    if (l.key == key) {
      *l.value = value;
      return true;
    }
  return false;
}

bool Block::live(const std::string& key, double& value) const {
  for (const Live& l : live_)
    if (l.key == key) {
      value = *l.value;
      return true;
    }
  return false;
}

std::vector<std::pair<std::string, double>> Block::liveValues() const {
  std::vector<std::pair<std::string, double>> all;
  for (const Live& l : live_) all.emplace_back(l.key, *l.value);
  return all;
}

at::Tensor Block::addParameter(std::string name, at::Tensor value, ParameterRole role) {
  value.set_requires_grad(true);
  parameters_.push_back({std::move(name), value, role});
  return value;
}

}  // namespace serp
