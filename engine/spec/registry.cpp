// SPDX-License-Identifier: GPL-3.0-or-later
// The table of registered blocks, and the catalogue as the window and the command line see it.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "engine/spec/block_info.h"

namespace serp {
namespace {

/// Built-in blocks register before main(); blocks of a person's own come and go later. Definitions and catalogues that were handed out
/// are never destroyed: guests hold references to them.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const BlockDefinition>> blocks;
  std::map<std::string, std::string> unreadable;
  std::deque<std::shared_ptr<const BlockDefinition>> replaced;
  std::deque<std::vector<BlockInfo>> catalogues;
  bool changed = true;
};

Registry& registry() {
  static Registry all;
  return all;
}

}  // namespace

BlockRegistration::BlockRegistration(BlockInfo info, CheckBlock check, CountBlock cost, BlockHooks hooks) {
  std::string kind = info.kind;
  Registry& r = registry();
  r.blocks.try_emplace(std::move(kind), std::make_shared<BlockDefinition>(BlockDefinition{std::move(info), check, cost, hooks, {}}));
  r.changed = true;
}

bool registerOwnBlock(BlockDefinition definition) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  auto& place = r.blocks[definition.info.kind];
  if (place != nullptr && place->own.base.empty()) return false;
  if (place != nullptr) r.replaced.push_back(place);
  place = std::make_shared<BlockDefinition>(std::move(definition));
  r.changed = true;
  return true;
}

void forgetOwnBlock(const std::string& kind) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  const auto it = r.blocks.find(kind);
  if (it == r.blocks.end() || it->second->own.base.empty()) return;
  r.replaced.push_back(it->second);
  r.blocks.erase(it);
  r.changed = true;
}

void setUnreadableBlock(const std::string& kind, const std::string& why) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  if (why.empty()) r.unreadable.erase(kind);
  else r.unreadable[kind] = why;
}

std::string whyUnreadable(const std::string& kind) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  const auto it = r.unreadable.find(kind);
  return it == r.unreadable.end() ? std::string() : it->second;
}

const BlockDefinition* findDefinition(const std::string& kind) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  const auto it = r.blocks.find(kind);
  return it == r.blocks.end() ? nullptr : it->second.get();
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
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  if (r.changed) {
    std::vector<BlockInfo> all;
    for (const auto& [kind, definition] : r.blocks) all.push_back(definition->info);
    std::stable_sort(all.begin(), all.end(), [](const BlockInfo& a, const BlockInfo& b) { return a.family < b.family; });
    r.catalogues.push_back(std::move(all));
    r.changed = false;
  }
  return r.catalogues.back();
}

const BlockInfo* findBlock(const std::string& kind) {
  const BlockDefinition* definition = findDefinition(kind);
  return definition == nullptr ? nullptr : &definition->info;
}

}  // namespace serp
