// SPDX-License-Identifier: GPL-3.0-or-later
// An entry reaches as far as its lines are indented deeper than its dash; flow entries end where their bracket closes.
#include "engine/spec/block_text.h"

#include <algorithm>

#include "engine/base/text.h"
#include "engine/spec/overrides.h"
#include "engine/spec/text_patch.h"

namespace serp {
namespace {

/// The last line of an entry: all lines deeper than its dash, blank ones only where such a line of content follows.
std::size_t entryEnd(const std::string& text, std::size_t contentEnd, std::size_t column) {
  std::size_t end = lineEnd(text, contentEnd > 0 ? contentEnd - 1 : 0);
  for (std::size_t at = end; at < text.size();) {
    const std::size_t next = lineEnd(text, at);
    if (isBlankLine(text, at)) {
      std::size_t ahead = next;
      while (ahead < text.size() && isBlankLine(text, ahead)) ahead = lineEnd(text, ahead);
      if (ahead >= text.size() || isCommentLine(text, ahead) || lineIndent(text, ahead) <= column) break;
      at = ahead;
      continue;
    }
    if (lineIndent(text, at) <= column) break;
    end = at = next;
  }
  return end;
}

std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\n') out += "\\n";
    else if (c == '"' || c == '\\') (out += '\\') += c;
    else out += c;
  }
  return out + "\"";
}

}  // namespace

BlockText::BlockText(const std::string& text) : text_(text), yaml_(readYaml(text, {})) {}

std::optional<Spot> BlockText::find(const std::string& path) const {
  const auto steps = splitPath(path);
  if (!steps) return std::nullopt;
  Spot spot{&yaml_.root, nullptr, 0};
  for (const PathStep& step : *steps) {
    const YamlNode& here = *spot.node;
    std::size_t index = step.index;
    if (!step.isIndex) {
      if (!here.isMap()) return std::nullopt;
      index = 0;
      while (index < here.keys.size() && here.keys[index].value != step.key) ++index;
    } else if (!here.isSequence()) {
      return std::nullopt;
    }
    if (index >= here.items.size()) return std::nullopt;
    spot = {&here.items[index], &here, index};
  }
  return spot;
}

std::size_t BlockText::dashFrom(std::size_t at) const {
  // Between two entries stand blanks and comments only; a comment may hold dashes of its own.
  while (at < text_.size() && text_[at] != '-') at = text_[at] == '#' ? lineEnd(text_, at) : at + 1;
  return at;
}

std::optional<std::size_t> BlockText::dashColumn(const YamlNode& list) const {
  if (!list.isSequence() || list.flow || list.items.empty()) return std::nullopt;
  const std::size_t dash = dashFrom(list.begin), begin = lineBegin(text_, dash);
  return lineIndent(text_, begin) == dash - begin ? std::optional(dash - begin) : std::nullopt;
}

const std::vector<EntryLines>& BlockText::entries(const YamlNode& list) const {
  const auto [known, fresh] = entries_.try_emplace(&list);
  std::vector<EntryLines>& out = known->second;
  if (!fresh) return out;
  const auto column = dashColumn(list);
  if (!column) return out;
  std::size_t before = 0, from = list.begin;
  for (const YamlNode& item : list.items) {
    const std::size_t dash = dashFrom(from);
    EntryLines entry;
    entry.dashLine = entry.begin = lineBegin(text_, dash);
    while (entry.begin > before) {
      const std::size_t above = lineBegin(text_, entry.begin - 1);
      if (above < before || !isCommentLine(text_, above) || lineIndent(text_, above) != *column) break;
      entry.begin = above;
    }
    entry.end = entryEnd(text_, item.kind == YamlNode::Kind::Null ? dash + 1 : std::max(item.end, dash + 1), *column);
    before = from = entry.end;
    out.push_back(entry);
  }
  return out;
}

std::string BlockText::extract(const Spot& spot) const {
  if (spot.parent != nullptr && spot.parent->isSequence()) {
    if (const auto column = dashColumn(*spot.parent)) {
      const EntryLines lines = entries(*spot.parent)[spot.index];
      return shifted(text_.substr(lines.begin, lines.end - lines.begin), -static_cast<int>(*column));
    }
  }
  const YamlNode& node = *spot.node;
  if (node.isMap() && !node.flow && !node.keys.empty()) {  // a map on lines of its own, as in a slot
    const std::size_t first = node.keys.front().begin, column = first - lineBegin(text_, first);
    const std::size_t end = entryEnd(text_, node.end, column == 0 ? 0 : column - 1);
    std::string body = shifted(std::string(column, ' ') + text_.substr(first, end - first), -static_cast<int>(column));
    body = shifted(body, 2);
    return body.replace(0, 2, "- ");
  }
  return "- " + flowText(node, text_) + "\n";
}

std::string flowText(const YamlNode& node, const std::string& text) {
  const std::string own = text.substr(node.begin, node.end - node.begin);
  if ((node.flow || (node.isScalar() && !own.starts_with("|") && !own.starts_with(">"))) && own.find('\n') == std::string::npos) {
    // A plain scalar over several lines is marked by its first line alone.
    if (node.flow || node.quoted || own == node.value) return own;
  }
  if (node.isScalar()) return quoted(node.value);
  std::string out;
  if (node.isMap()) {
    for (std::size_t i = 0; i < node.keys.size(); ++i)
      out += (i == 0 ? "" : ", ") + flowText(node.keys[i], text) + ": " + (i < node.items.size() ? flowText(node.items[i], text) : "");
    return "{" + out + "}";
  }
  if (node.isSequence()) {
    for (const YamlNode& item : node.items) out += (out.empty() ? "" : ", ") + flowText(item, text);
    return "[" + out + "]";
  }
  return own;
}

std::optional<ListPlace> listPlace(const std::string& path) {
  const std::size_t open = path.rfind('[');
  if (path.empty() || path.back() != ']' || open == std::string::npos) return std::nullopt;
  const auto index = parseInteger(std::string_view(path).substr(open + 1, path.size() - open - 2));
  if (!index || *index < 0) return std::nullopt;
  return ListPlace{path.substr(0, open), static_cast<std::size_t>(*index)};
}

std::string movedPath(const std::string& path, const std::string& list, std::size_t index, long by) {
  if (!path.starts_with(list + "[")) return path;
  const std::size_t open = list.size() + 1, close = path.find(']', open);
  if (close == std::string::npos) return path;
  const auto own = parseInteger(std::string_view(path).substr(open, close - open));
  if (!own || *own < static_cast<long long>(index)) return path;
  return list + "[" + std::to_string(*own + by) + path.substr(close);
}

bool isInside(const std::string& path, const std::string& outer) {
  return path.starts_with(outer) && (path.size() == outer.size() || path[outer.size()] == '.' || path[outer.size()] == '[');
}

}  // namespace serp
