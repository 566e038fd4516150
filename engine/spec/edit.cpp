// SPDX-License-Identifier: GPL-3.0-or-later
// Changing one value of a design's text in place; every other byte, comments included, stays.
#include <string>

#include "engine/api/spec.h"
#include "engine/spec/edit_list.h"
#include "engine/spec/overrides.h"

namespace serp {
namespace {

/// A block scalar or a text that runs over several lines has no single place to write to.
bool spansLines(const std::string& text, const YamlNode& node) {
  if (node.isScalar()) return text[node.begin] == '|' || text[node.begin] == '>';
  return (node.isMap() || node.isSequence()) && !node.flow;
}

}  // namespace

Result<std::string> withValue(const std::string& text, const std::string& path, const std::string& value) {
  const BlockText yaml(text);
  if (!yaml.usable()) return yaml.faults();
  const auto steps = splitPath(path);
  if (!steps) return refusal(path, "not a path of a key");
  const YamlNode* node = &yaml.root();
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const PathStep& step = (*steps)[i];
    if (step.isIndex) {
      if (!node->isSequence() || step.index >= node->items.size()) return refusal(path, "there is no such place in this design");
      node = &node->items[step.index];
      continue;
    }
    if (!node->isMap()) return refusal(path, "there is no such place in this design");
    const YamlNode* found = node->find(step.key);
    if (found == nullptr) {
      if (i + 1 == steps->size()) return withNewKey(yaml, {node, nullptr, 0}, path, step.key, value);
      if (i == 0 && steps->size() == 2 && !(*steps)[1].isIndex)  // a whole section is missing
        return text + (text.empty() || text.back() == '\n' ? "" : "\n") + step.key + ":\n  " + (*steps)[1].key + ": " + value + "\n";
      return refusal(path, "there is no such place in this design");
    }
    node = found;
  }
  if (spansLines(text, *node)) return refusal(path, "a value of several lines is changed in the text");
  const std::string gap = node->kind == YamlNode::Kind::Null && node->begin > 0 && text[node->begin - 1] == ':' ? " " : "";
  return std::string(text).replace(node->begin, node->end - node->begin, gap + value);
}

}  // namespace serp
