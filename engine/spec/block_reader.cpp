// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks are read against their registered schemas; nothing here knows a kind by name except the two containers.
#include "engine/spec/block_reader.h"

#include <algorithm>

#include "engine/api/catalog.h"
#include "engine/base/text.h"
#include "engine/spec/block_info.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

enum class Where { List, Branch, Slot };

const Param* findParam(const ParamSchema& schema, const std::string& name) {
  for (const Param& p : schema)
    if (p.name == name) return &p;
  return nullptr;
}

std::vector<std::string> blockKinds() {
  std::vector<std::string> kinds;
  for (const BlockInfo& info : blockCatalog())
    if (info.family != Family::Container) kinds.push_back(info.kind);
  return kinds;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

class BlockReader {
 public:
  explicit BlockReader(FaultList& faults) : faults_(faults) {}

  std::vector<BlockSpec> list(const YamlNode& node, const std::string& path, Where where) {
    std::vector<BlockSpec> out;
    if (node.refused) return out;
    if (!node.isSequence()) {
      faults_.at(node, path, "found " + describe(node) + ", expected a list of blocks, as in \"- {kind: mamba}\"");
      return out;
    }
    if (node.items.empty()) faults_.soft(node.place, path, "the list is empty; at least one block is needed");
    for (std::size_t i = 0; i < node.items.size(); ++i)
      if (auto b = entry(node.items[i], path + "[" + std::to_string(i) + "]", where)) out.push_back(std::move(*b));
    return out;
  }

 private:
  std::optional<BlockSpec> entry(const YamlNode& node, const std::string& path, Where where) {
    if (node.refused) return std::nullopt;
    if (!node.isMap()) {
      const bool kind = node.isScalar() && findBlock(node.value) != nullptr;
      const std::string fix = kind ? "{kind: " + node.value + "}" : "";
      faults_.at(node, path, "found " + describe(node) + ", expected a block" + (kind ? ": " + fix : ", as in {kind: mamba}"), fix);
      return std::nullopt;
    }
    const bool repeat = node.find("repeat") != nullptr, parallel = node.find("parallel") != nullptr;
    if ((repeat || parallel) && where != Where::List) {
      faults_.at(node, path, where == Where::Slot ? "a slot holds one block with a kind, no container"
                                                  : "a branch of parallel is one block with a kind, no container");
      return std::nullopt;
    }
    BlockSpec block;
    block.path = path;
    block.place = node.place;
    block.endPlace = node.endPlace;
    if (repeat && parallel) {
      faults_.at(node.place, path, "an entry is either a repeat or a parallel; put the one inside the other");
      return std::nullopt;
    }
    if (repeat) return container(node, std::move(block), "repeat", "blocks");
    if (parallel) return container(node, std::move(block), "parallel", "parallel");
    return plain(node, std::move(block), where);
  }

  /// repeat: {repeat, blocks}; parallel: {parallel, norms, norm}.
  std::optional<BlockSpec> container(const YamlNode& node, BlockSpec block, const std::string& kind, const std::string& listKey) {
    block.kind = kind;
    const BlockInfo* info = findBlock(kind);
    const bool repeat = kind == "repeat";
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      if (key.refused) continue;
      if (key.value == listKey) {
        block.children = list(node.items[i], block.path + "." + listKey, repeat ? Where::List : Where::Branch);
        continue;
      }
      const std::string name = repeat && key.value == "repeat" ? "count" : key.value;
      const bool unwritten = repeat && key.value == "count";  // the count is written as "repeat: 6"
      const Param* param = info == nullptr || unwritten ? nullptr : findParam(info->schema, name);
      if (!repeat && key.value == "norm") param = &normOverride();
      if (!repeat && key.value == bypassKey().name) param = &bypassKey();
      if (param != nullptr) {
        readKey(*param, key, node.items[i], block);
        continue;
      }
      std::vector<std::string> allowed = {listKey};
      if (repeat) allowed.push_back("repeat");
      else allowed.insert(allowed.end(), {"combine", "norms", "norm", "bypass"});
      const std::string close = nearest(key.value, allowed);
      faults_.unknownKey(key, block.path + "." + key.value, allowed, {}, close);
    }
    if (node.find(listKey) == nullptr) faults_.at(node.place, block.path + "." + listKey, "the key is missing: a list of the blocks to repeat");
    return block;
  }

  std::optional<BlockSpec> plain(const YamlNode& node, BlockSpec block, Where where) {
    const YamlNode* kind = node.find("kind");
    const std::vector<std::string> kinds = blockKinds();
    if (kind == nullptr) {
      faults_.at(node.place, block.path + ".kind", "the key is missing; kinds are " + joined(kinds));
      return std::nullopt;
    }
    if (kind->refused) return std::nullopt;
    const BlockInfo* info = kind->isScalar() ? findBlock(kind->value) : nullptr;
    if (info == nullptr || info->family == Family::Container) {
      if (info != nullptr) {
        faults_.at(*kind, block.path + ".kind", info->kind == "repeat" ? "write it as {repeat: 6, blocks: [...]}" : "write it as {parallel: [...]}");
        return std::nullopt;
      }
      if (const std::string why = kind->isScalar() ? whyUnreadable(kind->value) : ""; !why.empty()) {
        faults_.at(*kind, block.path + ".kind", "the block \"" + kind->value + "\" of your own cannot be used: " + why);
        return std::nullopt;
      }
      const std::string close = kind->isScalar() ? nearest(kind->value, kinds) : "";
      faults_.at(*kind, block.path + ".kind",
                 (kind->isScalar() ? "unknown kind " : "expected the name of a kind, found ") + describe(*kind) + (close.empty() ? "" : ", did you mean \"" + close + "\"?") + " (kinds: " + joined(kinds) + ")",
                 close);
      return std::nullopt;
    }
    block.kind = info->kind;
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      if (key.refused) continue;
      block.places[key.value] = key.place;
      if (key.value == "kind") continue;
      if (key.value == "norm" && where == Where::List) {
        readKey(normOverride(), key, node.items[i], block);
        continue;
      }
      if (key.value == shareKey().name && where == Where::List) {
        readKey(shareKey(), key, node.items[i], block);
        continue;
      }
      if (key.value == bypassKey().name && where != Where::Slot) {
        readKey(bypassKey(), key, node.items[i], block);
        continue;
      }
      const Param* param = findParam(info->schema, key.value);
      if (param == nullptr) unknown(key, block, *info, where);
      else if (param->type == ParamType::Slot) readSlot(*param, node.items[i], block);
      else readKey(*param, key, node.items[i], block);
    }
    return block;
  }

  void readKey(const Param& param, const YamlNode& key, const YamlNode& value, BlockSpec& block) {
    block.places[param.name] = key.place;
    if (param.type == ParamType::Graph) addPlaces(value, param.name, block);
    if (auto v = readValue(param, value, block.path + "." + key.value, faults_)) block.params.set(param.name, std::move(*v));
    else faults_.markFaulty(block.path);
  }

  /// Where the keys inside a graph stand, so that its faults can point there.
  static void addPlaces(const YamlNode& node, const std::string& path, BlockSpec& block) {
    for (std::size_t i = 0; i < node.keys.size() && i < node.items.size(); ++i) {
      const std::string inner = path + "." + node.keys[i].value;
      block.places.try_emplace(inner, node.keys[i].place);
      addPlaces(node.items[i], inner, block);
    }
  }

  void readSlot(const Param& param, const YamlNode& value, BlockSpec& block) {
    if (auto inner = entry(value, block.path + "." + param.name, Where::Slot)) block.filled.emplace(param.name, std::move(*inner));
    else faults_.markFaulty(block.path);
  }

  void unknown(const YamlNode& key, const BlockSpec& block, const BlockInfo& info, Where where) {
    std::vector<std::string> allowed = {"kind"};
    for (const Param& p : info.schema) allowed.push_back(p.name);
    if (where == Where::List) allowed.push_back("norm");
    if (where == Where::List) allowed.push_back(shareKey().name);
    if (where != Where::Slot) allowed.push_back(bypassKey().name);
    const std::string close = nearest(key.value, allowed);
    const Param* param = findParam(info.schema, close);
    if (close == shareKey().name) param = &shareKey();
    if (close == "norm") param = &normOverride();
    if (close == bypassKey().name) param = &bypassKey();
    faults_.unknownKey(key, block.path + "." + key.value, allowed, param == nullptr ? "" : param->rangeText(), close);
    faults_.markFaulty(block.path);
  }

  FaultList& faults_;
};

}  // namespace

const Param& normOverride() {
  static const Param norm = choice("norm", {"layer_norm", "rms_norm", "none"}, "layer_norm", "norm before this block, instead of model.norm");
  return norm;
}

const Param& shareKey() {
  static const Param share = text("share", "", "entries that share this name are one block: one set of weights at several places");
  return share;
}

const Param& bypassKey() {
  static const Param bypass = boolean("bypass", false, "leave this block out: the stream passes by, its parameters are not built");
  return bypass;
}

std::vector<BlockSpec> readBlocks(const YamlNode& list, const std::string& path, FaultList& faults) {
  return BlockReader(faults).list(list, path, Where::List);
}

}  // namespace serp
