// SPDX-License-Identifier: GPL-3.0-or-later
// Scalars are quoted where flow style would read them as something else.
#include "engine/spec/tree_text.h"

#include "engine/base/text.h"

namespace serp {
namespace {

/// Numbers and truth values stay plain; texts are quoted by the rules of every other value.
std::string scalarText(const YamlNode& node) {
  if (!node.quoted && (parseReal(node.value) || node.value == "true" || node.value == "false" || node.value == "-")) return node.value;
  return valueText(ParamValue(node.value));
}

}  // namespace

std::string flowText(const YamlNode& node) {
  std::string out;
  switch (node.kind) {
    case YamlNode::Kind::Null: return "~";
    case YamlNode::Kind::Scalar: return scalarText(node);
    case YamlNode::Kind::Sequence:
      for (const YamlNode& item : node.items) out += (out.empty() ? "" : ", ") + flowText(item);
      return "[" + out + "]";
    case YamlNode::Kind::Map:
      for (std::size_t i = 0; i < node.keys.size() && i < node.items.size(); ++i)
        if (!node.keys[i].refused) out += (out.empty() ? "" : ", ") + scalarText(node.keys[i]) + ": " + flowText(node.items[i]);
      return "{" + out + "}";
  }
  return out;
}

}  // namespace serp
