// SPDX-License-Identifier: GPL-3.0-or-later
// Changing one value of a design's text in place; every other byte, comments included, stays.
#include <algorithm>

#include "engine/api/spec.h"
#include "engine/spec/overrides.h"
#include "engine/spec/yaml_reader.h"

namespace serp {
namespace {

std::size_t offsetOf(const std::string& text, Place place) {
  std::size_t at = 0;
  for (int line = 1; line < place.line; ++line) {
    const auto end = text.find('\n', at);
    if (end == std::string::npos) return text.size();
    at = end + 1;
  }
  // Columns of yaml-cpp count characters, not bytes.
  for (int column = 1; column < place.column && at < text.size(); ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

/// Just past a quoted scalar, flow list or flow map that begins at `at`; comments are not expected inside.
std::size_t skipQuoted(const std::string& text, std::size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' && quote == '"' ? 2 : 1;
  return std::min(text.size(), at + 1);
}

std::size_t skipFlow(const std::string& text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = skipQuoted(text, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
    if (depth == 0) return at;
  }
  return at;
}

/// The end of the value at `at`, or npos if it spans lines in a way that is not edited in place.
std::size_t valueEnd(const std::string& text, const YamlNode& node, std::size_t at) {
  if (at >= text.size()) return at;
  if (text[at] == '"' || text[at] == '\'') return skipQuoted(text, at);
  if (text[at] == '{' || text[at] == '[') return skipFlow(text, at);
  if (node.kind == YamlNode::Kind::Scalar) return at + node.scalar.size();
  return node.kind == YamlNode::Kind::Null ? at : std::string::npos;
}

Result<std::string> refuse(const std::string& path, const std::string& why) {
  Diagnostics d;
  d.error(path, why);
  return d;
}

std::string insertKey(const std::string& text, const YamlNode& map, const std::string& key, const std::string& value) {
  const std::size_t at = offsetOf(text, map.place);
  std::string out = text;
  if (at < text.size() && text[at] == '{') {
    const std::size_t close = skipFlow(text, at) - 1;
    std::size_t end = close;
    while (end > at + 1 && text[end - 1] == ' ') --end;
    return out.insert(end, (map.keys.empty() ? "" : ", ") + key + ": " + value);
  }
  // Block style: a line of its own above the first key, at its column.
  const Place first = map.keys.front().second;
  const std::size_t key0 = offsetOf(text, first);
  return out.insert(key0, key + ": " + value + "\n" + std::string(static_cast<std::size_t>(first.column - 1), ' '));
}

}  // namespace

Result<std::string> withValue(const std::string& text, const std::string& path, const std::string& value) {
  auto tree = readYaml(text, "");
  if (!tree) return tree.faults();
  const auto steps = parsePath(path);
  if (steps.empty()) return refuse(path, "there is no such place in this design");
  const YamlNode* node = &*tree;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PathStep& step = steps[i];
    const bool last = i + 1 == steps.size();
    if (step.index >= 0) {
      if (node->kind != YamlNode::Kind::List || static_cast<std::size_t>(step.index) >= node->items.size())
        return refuse(path, "there is no such place in this design");
      node = &node->items[static_cast<std::size_t>(step.index)];
    } else {
      const YamlNode* found = node->kind == YamlNode::Kind::Map ? node->find(step.key) : nullptr;
      if (!found) {
        if (node->kind == YamlNode::Kind::Scalar && last && i > 0)  // "- mamba" becomes "- {kind: mamba, key: value}"
          return std::string(text).replace(offsetOf(text, node->place), node->scalar.size(),
                                           "{kind: " + node->scalar + ", " + step.key + ": " + value + "}");
        if (node->kind != YamlNode::Kind::Map) return refuse(path, "there is no such place in this design");
        if (last && !(node->keys.empty() && text[offsetOf(text, node->place)] != '{')) return insertKey(text, *node, step.key, value);
        if (i == 0 && steps.size() == 2 && steps[1].index < 0) {  // a whole section is missing
          std::string out = text;
          if (!out.empty() && out.back() != '\n') out += '\n';
          return out + step.key + ": {" + steps[1].key + ": " + value + "}\n";
        }
        return refuse(path, "there is no such place in this design");
      }
      node = found;
    }
  }
  const std::size_t begin = offsetOf(text, node->place), end = valueEnd(text, *node, begin);
  if (end == std::string::npos) return refuse(path, "a value of several lines is changed in the text");
  const std::string gap = node->kind == YamlNode::Kind::Null && begin > 0 && text[begin - 1] == ':' ? " " : "";
  return std::string(text).replace(begin, end - begin, gap + value);
}

}  // namespace serp
