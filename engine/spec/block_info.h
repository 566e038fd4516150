// SPDX-License-Identifier: GPL-3.0-or-later
// What a block declares of itself without any tensor: its schema, its cross-key rules and its cost. Included by every block file.
#pragma once

#include <cstdint>
#include <functional>
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
using CheckBlock = std::function<void(const ParamSet&, const BuildContext&, const std::string& path, Diagnostics&)>;
/// The block's own cost, without its norm and without its slots (the planner adds both).
using CountBlock = std::function<Cost(const ParamSet&, const BuildContext&)>;

struct BlockHooks {
  /// Whether the block is causal with these parameters; null: BlockInfo::causal holds.
  bool (*causalFor)(const ParamSet&) = nullptr;
  /// Defaults of a slot's default block that follow from the owner's parameters (keys the design gives win).
  void (*fillSlot)(const ParamSet& own, const std::string& slot, ParamSet& child) = nullptr;
  /// The parameters as a resolved design writes them; null: as they are.
  ParamSet (*written)(const ParamSet&, const BuildContext&) = nullptr;
  /// The block written with primitives only, computing the same from tensors of the same names; null: it does not open.
  std::string (*open)(const ParamSet&) = nullptr;
};

/// A block of a person's own: which registered kind computes it, and with which parameters.
struct OwnBlock {
  std::string base;                              ///< "graph_block"; empty: a built-in block
  std::function<ParamSet(const ParamSet&)> asBase;  ///< its parameters as those of the base
  std::string file;                              ///< where it was read
};

struct BlockDefinition {
  BlockInfo info;
  CheckBlock check = nullptr;
  CountBlock cost = nullptr;
  BlockHooks hooks;
  OwnBlock own = {};
};

/// One static object per block file; the first registration of a kind stays.
class BlockRegistration {
 public:
  BlockRegistration(BlockInfo info, CheckBlock check, CountBlock cost, BlockHooks hooks = {});
};

/// Adds or replaces a block of a person's own. False where a built-in block has its name. Thread-safe; what was handed out stays valid.
bool registerOwnBlock(BlockDefinition definition);
/// Takes a block of a person's own out of the catalogue.
void forgetOwnBlock(const std::string& kind);
/// Why a block of a person's own could not be read; told where a design asks for it. An empty text takes the remark back.
void setUnreadableBlock(const std::string& kind, const std::string& why);
std::string whyUnreadable(const std::string& kind);

/// The definition of a registered kind, or null. Thread-safe, returns at once.
const BlockDefinition* findDefinition(const std::string& kind);

}  // namespace serp
