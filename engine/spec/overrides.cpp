// SPDX-License-Identifier: GPL-3.0-or-later
// Paths into the tree, and the "**" form that reaches every declared key of a name.
#include "engine/spec/overrides.h"

#include <algorithm>
#include <set>

#include "engine/api/catalog.h"
#include "engine/base/text.h"

namespace serp {
namespace {

const Param* declared(const ParamSchema& schema, const std::string& name) {
  for (const Param& p : schema)
    if (p.name == name) return &p;
  return nullptr;
}

const BlockInfo* infoOf(const YamlNode& block) {
  if (block.find("repeat") != nullptr) return findBlock("repeat");
  if (block.find("parallel") != nullptr) return findBlock("parallel");
  const YamlNode* kind = block.find("kind");
  return kind != nullptr && kind->isScalar() ? findBlock(kind->value) : nullptr;
}

YamlNode emptyMap() {
  YamlNode node;
  node.kind = YamlNode::Kind::Map;
  return node;
}

YamlNode scalar(const std::string& text) {
  YamlNode node;
  node.kind = YamlNode::Kind::Scalar;
  node.value = text;
  return node;
}

/// Values from --set stand nowhere in the text.
void unplace(YamlNode& node) {
  node.place = node.endPlace = {};
  for (YamlNode& k : node.keys) unplace(k);
  for (YamlNode& i : node.items) unplace(i);
}

class Override {
 public:
  Override(const std::string& path, const std::string& value, FaultList& faults) : path_(path), faults_(faults) {
    if (value.empty()) {
      value_ = scalar("");
      value_.quoted = usable_ = true;
      return;
    }
    YamlText text = readYaml(value, "--set");
    for (const Diagnostic& d : text.faults.items) faults_.at(Place{}, path, "the value is " + d.message);
    usable_ = text.usable && !text.faults.hasErrors();
    value_ = std::move(text.root);
    unplace(value_);
  }

  void apply(YamlNode& root) {
    if (!usable_) return;
    if (path_.starts_with("**.")) return everywhere(root, path_.substr(3));
    const auto steps = splitPath(path_);
    if (!steps) return fail("not a path of a key, such as train.steps or model.blocks[0].experts or **.experts");
    YamlNode* node = &root;
    std::string here;
    for (std::size_t i = 0; i < steps->size(); ++i) {
      const PathStep& step = (*steps)[i];
      const bool last = i + 1 == steps->size();
      if (step.isIndex) {
        if (!node->isSequence() || step.index >= node->items.size())
          return fail(here + (node->isSequence() ? " has " + std::to_string(node->items.size()) + " entries, counted from 0" : " is no list"));
        node = &node->items[step.index];
        if (last) *node = value_;
        here += "[" + std::to_string(step.index) + "]";
        continue;
      }
      if (node->kind == YamlNode::Kind::Null) *node = emptyMap();
      if (!node->isMap()) return fail((here.empty() ? "the design" : here) + " has no keys");
      here += (here.empty() ? "" : ".") + step.key;
      if (last) {
        node->put(step.key, value_);
      } else if (YamlNode* next = node->find(step.key)) {
        node = next;
      } else {
        node = create(*node, step.key, here);
        if (node == nullptr) return;
      }
    }
  }

 private:
  void fail(const std::string& message) { faults_.at(Place{}, path_, message); }

  /// A section that the text leaves out, or a slot at its default, becomes explicit.
  YamlNode* create(YamlNode& parent, const std::string& key, const std::string& here) {
    if (here == "model" || here == "train" || here == "data" || here == "reference") return &parent.put(key, emptyMap());
    if (const BlockInfo* info = infoOf(parent))
      if (const Param* slot = declared(info->schema, key); slot != nullptr && slot->type == ParamType::Slot) {
        YamlNode fill = emptyMap();
        fill.put("kind", scalar(slot->slotKind));
        return &parent.put(key, std::move(fill));
      }
    std::string close = nearest(key, [&] {
      std::vector<std::string> keys;
      for (const YamlNode& k : parent.keys) keys.push_back(k.value);
      return keys;
    }());
    fail("there is no " + here + (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
    return nullptr;
  }

  void everywhere(YamlNode& root, const std::string& key) {
    std::set<std::string> names;
    int hits = 0;
    if (root.isMap()) {
      for (const SectionInfo& s : sectionCatalog()) {
        for (const Param& p : s.schema) names.insert(p.name);
        if (declared(s.schema, key) == nullptr) continue;
        YamlNode* node = s.name.empty() ? &root : root.find(s.name);
        if (node == nullptr || node->kind == YamlNode::Kind::Null) node = &root.put(s.name, emptyMap());
        if (node->isMap()) node->put(key, value_), ++hits;
      }
      if (YamlNode* model = root.find("model"); model != nullptr && model->isMap())
        if (YamlNode* blocks = model->find("blocks")) hits += inBlocks(*blocks, key, names);
    }
    if (hits > 0) return;
    const std::string close = nearest(key, {names.begin(), names.end()});
    fail("no block or section of this design has the key \"" + key + "\"" + (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
  }

  int inBlocks(YamlNode& list, const std::string& key, std::set<std::string>& names) {
    int hits = 0;
    if (list.isSequence())
      for (YamlNode& block : list.items) hits += inBlock(block, key, names);
    return hits;
  }

  int inBlock(YamlNode& block, const std::string& key, std::set<std::string>& names) {
    int hits = 0;
    const BlockInfo* info = block.isMap() ? infoOf(block) : nullptr;
    if (info == nullptr) return 0;
    if (info->family == Family::Container) {
      if (YamlNode* body = block.find(info->kind == "repeat" ? "blocks" : "parallel")) hits += inBlocks(*body, key, names);
      return hits;
    }
    for (const Param& p : info->schema) {
      names.insert(p.name);
      if (p.name == key) block.put(key, value_), ++hits;
      else if (YamlNode* filled = p.type == ParamType::Slot ? block.find(p.name) : nullptr) hits += inBlock(*filled, key, names);
    }
    return hits;
  }

  const std::string& path_;
  FaultList& faults_;
  YamlNode value_;
  bool usable_ = false;
};

}  // namespace

std::optional<std::vector<PathStep>> splitPath(const std::string& path) {
  std::vector<PathStep> steps;
  if (path.size() > 1000) return std::nullopt;
  std::size_t at = 0;
  while (at < path.size()) {
    if (path[at] == '[') {
      const std::size_t close = path.find(']', at);
      if (close == std::string::npos || steps.empty()) return std::nullopt;
      const auto index = parseInteger(std::string_view(path).substr(at + 1, close - at - 1));
      if (!index || *index < 0) return std::nullopt;
      steps.push_back({{}, static_cast<std::size_t>(*index), true});
      at = close + 1;
      if (at < path.size() && path[at] == '.') {
        if (++at == path.size()) return std::nullopt;
      } else if (at < path.size() && path[at] != '[') {
        return std::nullopt;
      }
      continue;
    }
    const std::size_t stop = std::min(path.find_first_of(".[", at), path.size());
    if (stop == at) return std::nullopt;
    steps.push_back({path.substr(at, stop - at), 0, false});
    at = stop;
    if (at < path.size() && path[at] == '.' && ++at == path.size()) return std::nullopt;
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

void applyOverrides(YamlNode& root, const std::vector<std::pair<std::string, std::string>>& overrides, FaultList& faults) {
  for (const auto& [path, value] : overrides) Override(path, value, faults).apply(root);
}

}  // namespace serp
