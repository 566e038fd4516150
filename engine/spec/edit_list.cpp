// SPDX-License-Identifier: GPL-3.0-or-later
// Two styles of YAML, each kept: lines with dashes, and brackets with commas.
#include "engine/spec/edit_list.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/spec/text_patch.h"

namespace serp {
namespace {

/// The comma behind a flow item, or npos; comments between are skipped.
std::size_t commaBehind(const std::string& text, std::size_t at) {
  while (at < text.size() && text[at] != ',' && text[at] != ']' && text[at] != '}') at = text[at] == '#' ? lineEnd(text, at) : at + 1;
  return at < text.size() && text[at] == ',' ? at : std::string::npos;
}

std::size_t spacesBehind(const std::string& text, std::size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

/// Items [0, count) of a flow collection as (begin, end), without those in `gone`; the commas between the rest stay where they were.
void eraseFlow(TextPatch& patch, const std::string& text, const std::vector<std::pair<std::size_t, std::size_t>>& items,
               const std::set<std::size_t>& gone) {
  std::size_t lastKept = items.size();
  for (std::size_t i = 0; i < items.size(); ++i)
    if (gone.count(i) == 0) lastKept = i;
  for (const std::size_t i : gone) {
    std::size_t begin = items[i].first, end = items[i].second;
    const std::size_t comma = commaBehind(text, end);
    if (lastKept < items.size() && i > lastKept) {  // behind all that stay: the blanks before it go as well
      while (begin > 0 && text[begin - 1] == ' ') --begin;
    } else if (comma != std::string::npos) {
      end = spacesBehind(text, comma + 1);
    }
    patch.erase(begin, end);
    if (lastKept < items.size() && i > lastKept && comma != std::string::npos && i + 1 < items.size()) patch.erase(comma, comma + 1);
  }
  if (lastKept < items.size() && lastKept + 1 < items.size())
    if (const std::size_t comma = commaBehind(text, items[lastKept].second); comma != std::string::npos) patch.erase(comma, comma + 1);
}

std::vector<std::pair<std::size_t, std::size_t>> flowItems(const YamlNode& node) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& item = node.items[i];
    if (node.isMap()) out.emplace_back(node.keys[i].begin, std::max(item.end, node.keys[i].end));
    else out.emplace_back(item.begin, item.end);
  }
  return out;
}

/// "- a\n- b\n" as "a, b" for a list with brackets.
Result<std::vector<std::string>> asFlow(const std::string& entries) {
  const YamlText yaml = readYaml(entries, {});
  if (!yaml.usable || !yaml.root.isSequence()) return refusal({}, "these are no blocks");
  std::vector<std::string> out;
  for (const YamlNode& item : yaml.root.items) out.push_back(flowText(item, entries));
  return out;
}

std::string joined(const std::vector<std::string>& items, const std::string& between) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : between) + item;
  return out;
}

/// Puts whole lines in at `at`, the begin of a line or the end of the text.
void insertLines(TextPatch& patch, const std::string& text, std::size_t at, const std::string& lines) {
  const std::string eol = lineBreak(text);
  std::string out = withBreaks(lines, eol);
  if (at == text.size() && !text.empty() && text.back() != '\n') {
    out.insert(0, eol);
    out.erase(out.size() - eol.size());  // the text ends as it did, without a line break
  }
  patch.insert(at, out);
}

/// A list that holds nothing yet: "blocks:", "blocks: []" or no such key at all.
Result<std::string> fillEmpty(const BlockText& text, const std::string& list, const std::string& entries) {
  const std::string& bytes = text.text();
  const std::size_t dot = list.rfind('.');
  const auto owner = text.find(dot == std::string::npos ? std::string() : list.substr(0, dot));
  if (!owner || !owner->node->isMap()) return refusal(list, "there is no such list in this design");
  const std::string key = list.substr(dot + 1);
  const YamlNode& map = *owner->node;
  const auto spot = text.find(list);
  TextPatch patch(bytes);
  if (map.flow) {
    const auto items = asFlow(entries);
    if (!items) return items.faults();
    if (spot) patch.replace(spot->node->begin, spot->node->end, (spot->node->kind == YamlNode::Kind::Null ? " [" : "[") + joined(*items, ", ") + "]");
    else patch.insert(map.end - 1, (map.keys.empty() ? "" : ", ") + key + ": [" + joined(*items, ", ") + "]");
    return patch.apply();
  }
  if (map.keys.empty()) return refusal(list, "there is no such list in this design");
  const std::size_t first = map.keys.front().begin;
  const int column = static_cast<int>(first - lineBegin(bytes, first));
  if (!spot) {  // below all other keys of the map
    std::size_t end = lineEnd(bytes, std::max(map.end, first + 1) - 1);
    while (end < bytes.size() && !isBlankLine(bytes, end) && lineIndent(bytes, end) > static_cast<std::size_t>(column)) end = lineEnd(bytes, end);
    insertLines(patch, bytes, end, std::string(static_cast<std::size_t>(column), ' ') + key + ":\n" + shifted(entries, column + 2));
    return patch.apply();
  }
  const YamlNode& node = *spot->node;
  if (node.kind != YamlNode::Kind::Null && !(node.isSequence() && node.items.empty())) return refusal(list, "found " + describe(node) + ", expected a list of blocks");
  std::size_t from = node.begin;
  if (node.end > node.begin) {  // "[]", with the blank before it
    while (from > 0 && bytes[from - 1] == ' ') --from;
    patch.erase(from, node.end);
  }
  const std::size_t behind = lineEnd(bytes, std::max(node.end, node.begin > 0 ? node.begin - 1 : 0));
  insertLines(patch, bytes, behind, shifted(entries, column + 2));
  return patch.apply();
}

}  // namespace

Diagnostics refusal(const std::string& path, const std::string& why) {
  Diagnostics d;
  d.error(path, why);
  return d;
}

Result<std::string> withEntries(const BlockText& text, const std::string& list, std::size_t index, const std::string& entries) {
  const std::string& bytes = text.text();
  const auto spot = text.find(list);
  if (!spot || !spot->node->isSequence() || spot->node->items.empty()) return fillEmpty(text, list, entries);
  const YamlNode& node = *spot->node;
  index = std::min(index, node.items.size());
  TextPatch patch(bytes);
  if (const auto column = text.dashColumn(node)) {
    const auto& lines = text.entries(node);
    insertLines(patch, bytes, index < lines.size() ? lines[index].begin : lines.back().end, shifted(entries, static_cast<int>(*column)));
    return patch.apply();
  }
  if (!node.flow) return refusal(list, "this list shares its line with another; give it lines of its own in the text");
  const auto items = asFlow(entries);
  if (!items) return items.faults();
  const std::size_t near = node.items[std::min(index, node.items.size() - 1)].begin;
  const bool ownLine = lineIndent(bytes, lineBegin(bytes, near)) == near - lineBegin(bytes, near) && lineBegin(bytes, near) > node.begin;
  const std::string gap = ownLine ? lineBreak(bytes) + std::string(near - lineBegin(bytes, near), ' ') : " ";
  const std::string all = joined(*items, "," + gap);
  if (index < node.items.size()) patch.insert(near, all + "," + gap);
  else patch.insert(node.items.back().end, "," + gap + all);
  return patch.apply();
}

Result<std::string> withoutEntries(const BlockText& text, const std::vector<std::string>& paths) {
  std::map<std::string, std::set<std::size_t>> lists;
  for (const std::string& path : paths) {
    if (const auto place = listPlace(path)) {
      lists[place->list].insert(place->index);
      continue;
    }
    // Slots one after the other: taking a key out changes no other path.
    auto next = withoutKey(text, path);
    if (!next || paths.size() == 1) return next;
    std::vector<std::string> rest = paths;
    rest.erase(std::find(rest.begin(), rest.end(), path));
    const std::string out = std::move(*next);
    return withoutEntries(BlockText(out), rest);
  }
  const std::string& bytes = text.text();
  TextPatch patch(bytes);
  for (const auto& [list, gone] : lists) {
    const auto spot = text.find(list);
    if (!spot || !spot->node->isSequence() || *gone.rbegin() >= spot->node->items.size()) return refusal(list, "there is no such block in this design");
    const YamlNode& node = *spot->node;
    const auto& lines = text.entries(node);
    if (lines.empty()) {
      if (!node.flow) return refusal(list, "this list shares its line with another; give it lines of its own in the text");
      if (gone.size() == node.items.size()) patch.replace(node.begin, node.end, "[]");
      else eraseFlow(patch, bytes, flowItems(node), gone);
      continue;
    }
    for (const std::size_t i : gone) patch.erase(lines[i].begin, lines[i].end);
    if (gone.size() < node.items.size()) continue;
    // The key stays, with a list that says it is empty.
    const YamlNode* parent = spot->parent;
    if (parent == nullptr || !parent->isMap()) return refusal(list, "there is no key before this list");
    const std::size_t colon = bytes.find(':', parent->keys[spot->index].end);
    patch.insert(colon + 1, " []");
  }
  return patch.apply();
}

Result<std::string> withReplaced(const BlockText& text, const std::string& list, std::size_t first, std::size_t last, const std::string& entries) {
  const auto spot = text.find(list);
  if (!spot || !spot->node->isSequence() || last >= spot->node->items.size()) return refusal(list, "there is no such block in this design");
  const YamlNode& node = *spot->node;
  TextPatch patch(text.text());
  if (const auto column = text.dashColumn(node)) {
    const auto& lines = text.entries(node);
    patch.erase(lines[first].begin, lines[last].end);
    std::string fresh = shifted(entries, static_cast<int>(*column));
    // The last line of a text may lack its break.
    if (lines[last].end == text.text().size() && text.text().back() != '\n' && !fresh.empty()) fresh.pop_back();
    patch.insert(lines[first].begin, withBreaks(fresh, lineBreak(text.text())));
    return patch.apply();
  }
  if (!node.flow) return refusal(list, "this list shares its line with another; give it lines of its own in the text");
  const auto items = asFlow(entries);
  if (!items) return items.faults();
  patch.replace(node.items[first].begin, node.items[last].end, joined(*items, ", "));
  return patch.apply();
}

Result<std::string> withNewKey(const BlockText& text, const Spot& map, const std::string& path, const std::string& key, const std::string& value) {
  const std::string& bytes = text.text();
  const YamlNode& node = *map.node;
  TextPatch patch(bytes);
  const bool entry = value.starts_with("- ");
  if (node.flow) {
    std::string flow = value;
    if (entry) {
      const auto items = asFlow(value);
      if (!items) return items.faults();
      flow = items->front();
    }
    std::size_t end = node.end - 1;
    while (end > node.begin + 1 && bytes[end - 1] == ' ') --end;
    patch.insert(end, (node.keys.empty() ? "" : ", ") + key + ": " + flow);
    return patch.apply();
  }
  if (!node.isMap() || node.keys.empty()) return refusal(path, "there is no such place in this design");
  const std::size_t first = node.keys.front().begin, column = first - lineBegin(bytes, first);
  std::string lines = key + ": " + value + "\n";
  if (entry) {  // a block of one line stands behind its key, a longer one below it
    if (value.find('\n') + 1 < value.size()) {
      lines = key + ":\n  " + value.substr(2);
    } else if (value[2] == '{') {
      lines = key + ": " + value.substr(2);
    } else {
      const auto items = asFlow(value);
      if (!items) return items.faults();
      lines = key + ": " + items->front() + "\n";
    }
  }
  const YamlNode& value0 = node.items.front();
  const bool oneLine = (value0.isScalar() || value0.flow) && value0.endPlace.line == node.keys.front().place.line && bytes[value0.begin] != '|' && bytes[value0.begin] != '>';
  if (oneLine) {
    insertLines(patch, bytes, lineEnd(bytes, value0.end), shifted(lines, static_cast<int>(column)));
  } else {  // above the first key, which may share its line with a dash
    std::string above = shifted(lines, static_cast<int>(column)).substr(column);
    patch.insert(first, withBreaks(above, lineBreak(bytes)) + std::string(column, ' '));
  }
  return patch.apply();
}

Result<std::string> withoutKey(const BlockText& text, const std::string& path) {
  const std::string& bytes = text.text();
  const auto spot = text.find(path);
  if (!spot) return bytes;
  if (spot->parent == nullptr || !spot->parent->isMap()) return refusal(path, "not a path of a key");
  const YamlNode& map = *spot->parent;
  TextPatch patch(bytes);
  if (map.flow) {
    eraseFlow(patch, bytes, flowItems(map), {spot->index});
    return patch.apply();
  }
  if (map.keys.size() == 1) return refusal(path, "this is the only key here; remove the whole block instead");
  const YamlNode& key = map.keys[spot->index];
  const std::size_t line = lineBegin(bytes, key.begin), column = key.begin - line;
  if (spot->index == 0) {  // it may share its line with a dash: the next key takes its place
    patch.erase(key.begin, map.keys[1].begin);
    return patch.apply();
  }
  std::size_t end = lineEnd(bytes, std::max(spot->node->end, key.end) - 1);
  while (end < bytes.size() && !isBlankLine(bytes, end) && (lineIndent(bytes, end) > column ||
         (bytes[end + lineIndent(bytes, end)] == '-' && lineIndent(bytes, end) == column && spot->node->isSequence())))
    end = lineEnd(bytes, end);
  patch.erase(line, end);
  return patch.apply();
}

}  // namespace serp
