// SPDX-License-Identifier: GPL-3.0-or-later
// The table of registered blocks, and the catalogue as the window and the command line see it.
#include <algorithm>
#include <map>

#include "engine/spec/block_info.h"

namespace serp {
namespace {

/// Filled by static objects before main(), read-only afterwards.
std::map<std::string, BlockDefinition>& table() {
  static std::map<std::string, BlockDefinition> definitions;
  return definitions;
}

}  // namespace

BlockRegistration::BlockRegistration(BlockInfo info, CheckBlock check, CountBlock cost, BlockHooks hooks) {
  std::string kind = info.kind;
  table().try_emplace(std::move(kind), BlockDefinition{std::move(info), check, cost, hooks});
}

const BlockDefinition* findDefinition(const std::string& kind) {
  const auto it = table().find(kind);
  return it == table().end() ? nullptr : &it->second;
}

const char* familyName(Family family) {
  switch (family) {
    case Family::Mixer: return "mixer";
    case Family::Experts: return "experts";
    case Family::Attention: return "attention";
    case Family::Dense: return "dense";
    case Family::Container: return "container";
  }
  return "dense";
}

const std::vector<BlockInfo>& blockCatalog() {
  static const std::vector<BlockInfo> catalog = [] {
    std::vector<BlockInfo> all;
    for (const auto& [kind, definition] : table()) all.push_back(definition.info);
    std::stable_sort(all.begin(), all.end(), [](const BlockInfo& a, const BlockInfo& b) { return a.family < b.family; });
    return all;
  }();
  return catalog;
}

const BlockInfo* findBlock(const std::string& kind) {
  const BlockDefinition* definition = findDefinition(kind);
  return definition == nullptr ? nullptr : &definition->info;
}

}  // namespace serp
