// SPDX-License-Identifier: GPL-3.0-or-later
// What a block declares of itself without any tensor: its schema, its cross-key rules and its cost. Included by every block file.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/api/catalog.h"
#include "engine/api/plan.h"

namespace serp {

/// Where a block stands while it is checked and counted. Widths are those of the residual stream or of the slot it fills.
struct BuildContext {
  std::int64_t in = 0, out = 0;
  std::int64_t dModel = 0;
  std::int64_t context = 0;                    ///< tokens of one training sequence
  std::int64_t batch = 0;                      ///< sequences of one step
  const std::map<std::string, Cost>* children = nullptr;  ///< by slot name; only while costs are counted

  /// Cost of the block in a slot; nothing while checking.
  Cost child(const std::string& slot) const {
    if (children == nullptr) return {};
    const auto it = children->find(slot);
    return it == children->end() ? Cost{} : it->second;
  }
};

/// Cross-key rules: adds errors with path + ".key". Ranges of single keys are checked before.
using CheckBlock = void (*)(const ParamSet&, const BuildContext&, const std::string& path, Diagnostics&);
/// The block's own cost, without its norm and without its slots (the planner adds both).
using CountBlock = Cost (*)(const ParamSet&, const BuildContext&);

struct BlockHooks {
  /// Whether the block is causal with these parameters; null: BlockInfo::causal holds.
  bool (*causalFor)(const ParamSet&) = nullptr;
  /// Defaults of a slot's default block that follow from the owner's parameters (keys the design gives win).
  void (*fillSlot)(const ParamSet& own, const std::string& slot, ParamSet& child) = nullptr;
};

struct BlockDefinition {
  BlockInfo info;
  CheckBlock check = nullptr;
  CountBlock cost = nullptr;
  BlockHooks hooks;
};

/// One static object per block file; the first registration of a kind stays.
class BlockRegistration {
 public:
  BlockRegistration(BlockInfo info, CheckBlock check, CountBlock cost, BlockHooks hooks = {});
};

/// The definition of a registered kind, or null. Returns at once.
const BlockDefinition* findDefinition(const std::string& kind);

}  // namespace serp
