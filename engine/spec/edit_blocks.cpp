// SPDX-License-Identifier: GPL-3.0-or-later
// The gestures of an editor: put in, take out, move, copy, wrap, fill a slot. Each reads the text, changes it, and says what to select.
#include <algorithm>
#include <set>

#include "engine/api/edit.h"
#include "engine/api/spec.h"
#include "engine/spec/block_reader.h"
#include "engine/spec/edit_list.h"
#include "engine/spec/text_patch.h"

namespace serp {
namespace {

std::string words(std::size_t count, const std::string& what) { return count == 1 ? what : std::to_string(count) + " blocks"; }

/// Paths without those that lie inside another, in the order of the text.
std::vector<std::string> outermost(const BlockText& text, const std::vector<std::string>& paths) {
  std::vector<std::pair<std::size_t, std::string>> placed;
  for (const std::string& path : std::set<std::string>(paths.begin(), paths.end()))
    if (const auto spot = text.find(path)) placed.emplace_back(spot->node->begin, path);
  std::sort(placed.begin(), placed.end());
  std::vector<std::string> out;
  for (auto& [at, path] : placed)
    if (std::none_of(out.begin(), out.end(), [&, &own = path](const std::string& other) { return isInside(own, other); })) out.push_back(path);
  return out;
}

/// The kind of a block, or "repeat" or "parallel".
std::string kindOf(const YamlNode& node) {
  if (node.find("repeat") != nullptr) return "repeat";
  if (node.find("parallel") != nullptr) return "parallel";
  const YamlNode* kind = node.find("kind");
  return kind != nullptr ? kind->value : "block";
}

std::string kindAt(const BlockText& text, const std::string& path) {
  const auto spot = text.find(path);
  return spot ? kindOf(*spot->node) : "block";
}

/// What a caller gives as blocks, as entries at column 0: a list as it is, one block or one kind as an entry.
Result<std::string> entriesOf(const std::string& blocks) {
  const YamlText yaml = readYaml(blocks, {});
  if (!yaml.usable || yaml.faults.hasErrors()) return yaml.faults;
  const YamlNode& root = yaml.root;
  const std::string body = shifted(blocks, 0);   // line ends of this system
  if (root.isScalar()) return "- {kind: " + root.value + "}\n";
  if (root.isMap()) return "- " + (root.flow ? flowText(root, blocks) + "\n" : shifted(body, 2).substr(2));
  if (!root.isSequence() || root.items.empty()) return refusal({}, "found " + describe(root) + ", expected blocks");
  const BlockText text(blocks);
  if (const auto column = text.dashColumn(root)) return shifted(body, -static_cast<int>(*column));
  std::string out;
  for (const YamlNode& item : root.items) out += "- " + flowText(item, blocks) + "\n";
  return out;
}

std::size_t countOf(const std::string& entries) {
  const YamlText yaml = readYaml(entries, {});
  return yaml.usable && yaml.root.isSequence() ? yaml.root.items.size() : 0;
}

std::string entry(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

std::vector<std::string> entryPaths(const std::string& list, std::size_t first, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(entry(list, first + i));
  return out;
}

std::size_t lengthOf(const BlockText& text, const std::string& list) {
  const auto spot = text.find(list);
  return spot && spot->node->isSequence() ? spot->node->items.size() : 0;
}

/// Without the comment lines above the first entry: a slot has no place for them.
std::string withoutComments(std::string entries) {
  while (isCommentLine(entries, 0) || (isBlankLine(entries, 0) && !entries.empty())) entries.erase(0, lineEnd(entries, 0));
  return entries;
}

/// Where `path` is after the entries `gone` were taken out.
std::string afterRemoval(std::string path, std::vector<std::string> gone) {
  std::sort(gone.begin(), gone.end(), [](const std::string& a, const std::string& b) {
    const auto x = listPlace(a), y = listPlace(b);
    return x && y && x->list == y->list ? x->index > y->index : a > b;
  });
  // Inner lists first, from the back: a removal changes only numbers at its own place.
  std::stable_sort(gone.begin(), gone.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size() && isInside(a, b); });
  for (const std::string& one : gone)
    if (const auto place = listPlace(one)) path = movedPath(path, place->list, place->index + 1, -1);
  return path;
}

Result<std::string> extracted(const BlockText& text, const std::vector<std::string>& paths) {
  std::string out;
  for (const std::string& path : paths) {
    const auto spot = text.find(path);
    if (!spot || !spot->node->isMap()) return refusal(path, "there is no such block in this design");
    out += text.extract(*spot);
  }
  return out;
}

/// The neighbours [first, last] of one list that the paths are.
struct Stretch { std::string list; std::size_t first = 0, last = 0; };
Result<Stretch> neighbours(const std::vector<std::string>& paths) {
  if (paths.empty()) return refusal({}, "nothing is selected");
  Stretch out;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto place = listPlace(paths[i]);
    if (!place) return refusal(paths[i], "this block fills a slot; a slot holds one block");
    if (i == 0) out = {place->list, place->index, place->index};
    else if (place->list != out.list || place->index != out.last + 1) return refusal(paths[i], "only neighbours of one list can be taken together");
    else out.last = place->index;
  }
  return out;
}

}  // namespace

Result<DesignEdit> insertBlocks(const std::string& text, const std::string& list, std::size_t index, const std::string& blocks) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto entries = entriesOf(blocks);
  if (!entries) return entries.faults();
  index = std::min(index, lengthOf(own, list));
  auto next = withEntries(own, list, index, *entries);
  if (!next) return next.faults();
  const std::size_t count = countOf(*entries);
  const YamlText added = readYaml(*entries, {});
  return DesignEdit{std::move(*next), entryPaths(list, index, count), "add " + words(count, count == 1 ? kindOf(added.root.items.front()) : "")};
}

Result<DesignEdit> removeBlocks(const std::string& text, const std::vector<std::string>& paths) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto gone = outermost(own, paths);
  if (gone.empty()) return refusal(paths.empty() ? "" : paths.front(), "there is no such block in this design");
  auto next = withoutEntries(own, gone);
  if (!next) return next.faults();
  DesignEdit edit{std::move(*next), {}, "remove " + words(gone.size(), kindAt(own, gone.front()))};
  // The block that took the first one's place, or the one before it, or the owner.
  const auto place = listPlace(gone.front());
  if (!place) {
    edit.selection = {gone.front()};   // the slot, at its default now
    return edit;
  }
  const BlockText after(edit.text);
  const std::size_t left = lengthOf(after, place->list);
  if (left > 0) edit.selection = {entry(place->list, std::min(place->index, left - 1))};
  else if (const std::string owner = place->list.substr(0, place->list.rfind('.')); owner.ends_with(']')) edit.selection = {owner};
  return edit;
}

Result<DesignEdit> moveBlocks(const std::string& text, const std::vector<std::string>& paths, const std::string& list, std::size_t index) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto moved = outermost(own, paths);
  if (moved.empty()) return refusal(paths.empty() ? "" : paths.front(), "there is no such block in this design");
  for (const std::string& path : moved)
    if (isInside(list, path)) return refusal(path, "a block cannot be moved into itself");
  index = std::min(index, lengthOf(own, list));
  const auto entries = extracted(own, moved);
  if (!entries) return entries.faults();
  const std::string label = "move " + words(moved.size(), kindAt(own, moved.front()));
  // To where they stand already: nothing changes.
  if (const auto stretch = neighbours(moved); stretch && stretch->list == list && index >= stretch->first && index <= stretch->last + 1)
    return DesignEdit{text, moved, label};
  auto grown = withEntries(own, list, index, *entries);
  if (!grown) return grown.faults();
  std::vector<std::string> old;
  for (const std::string& path : moved) old.push_back(movedPath(path, list, index, static_cast<long>(moved.size())));
  const BlockText both(*grown);
  auto next = withoutEntries(both, old);
  if (!next) return next.faults();
  std::vector<std::string> selection;
  for (const std::string& path : entryPaths(list, index, moved.size())) selection.push_back(afterRemoval(path, old));
  return DesignEdit{std::move(*next), std::move(selection), label};
}

Result<DesignEdit> duplicateBlocks(const std::string& text, const std::vector<std::string>& paths) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto all = outermost(own, paths);
  if (all.empty()) return refusal(paths.empty() ? "" : paths.front(), "there is no such block in this design");
  const auto last = listPlace(all.back());
  if (!last) return refusal(all.back(), "a slot holds one block; copy it and paste it elsewhere");
  const auto entries = extracted(own, all);
  if (!entries) return entries.faults();
  auto edit = insertBlocks(text, last->list, last->index + 1, *entries);
  if (edit) edit->label = "duplicate " + words(all.size(), kindAt(own, all.front()));
  return edit;
}

Result<DesignEdit> wrapBlocks(const std::string& text, const std::vector<std::string>& paths, const std::string& container, int times) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto stretch = neighbours(outermost(own, paths));
  if (!stretch) return stretch.faults();
  const auto entries = extracted(own, entryPaths(stretch->list, stretch->first, stretch->last - stretch->first + 1));
  if (!entries) return entries.faults();
  const bool repeat = container == "repeat";
  const std::string head = repeat ? "- repeat: " + std::to_string(times) + "\n  blocks:\n" : "- parallel:\n";
  auto next = withReplaced(own, stretch->list, stretch->first, stretch->last, head + shifted(*entries, 4));
  if (!next) return next.faults();
  return DesignEdit{std::move(*next), {entry(stretch->list, stretch->first)}, repeat ? "wrap in Repeat" : "wrap in Parallel"};
}

Result<DesignEdit> unwrapBlock(const std::string& text, const std::string& path) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto spot = own.find(path);
  const auto place = listPlace(path);
  if (!spot || !place) return refusal(path, "there is no such container in this design");
  const std::string kind = kindOf(*spot->node);
  if (kind != "repeat" && kind != "parallel") return refusal(path, "this is no container");
  const std::string inner = path + (kind == "repeat" ? ".blocks" : ".parallel");
  const std::size_t count = lengthOf(own, inner);
  if (count == 0) return refusal(path, "the container is empty; remove it instead");
  const auto entries = extracted(own, entryPaths(inner, 0, count));
  if (!entries) return entries.faults();
  // Comments above the container stay where they are.
  std::string above;
  if (own.dashColumn(*spot->parent)) {
    const EntryLines lines = own.entries(*spot->parent)[place->index];
    above = shifted(text.substr(lines.begin, lines.dashLine - lines.begin), -static_cast<int>(*own.dashColumn(*spot->parent)));
  }
  auto next = withReplaced(own, place->list, place->index, place->index, above + *entries);
  if (!next) return next.faults();
  return DesignEdit{std::move(*next), entryPaths(place->list, place->index, count), "unwrap " + kind};
}

Result<DesignEdit> fillSlot(const std::string& text, const std::string& owner, const std::string& slot, const std::string& block) {
  const auto entries = entriesOf(block);
  if (!entries) return entries.faults();
  const std::string path = owner + "." + slot;
  if (countOf(*entries) != 1) return refusal(path, "a slot holds one block");
  const YamlText read = readYaml(*entries, {});
  const std::string kind = kindOf(read.root.items.front());
  if (kind == "repeat" || kind == "parallel") return refusal(path, "a slot holds one block with a kind, no container");
  std::string emptied = text;
  {
    const BlockText own(text);
    if (!own.usable()) return own.faults();
    auto without = withoutKey(own, path);
    if (!without) return without.faults();
    emptied = std::move(*without);
  }
  const BlockText own(emptied);
  const auto spot = own.find(owner);
  if (!spot || !spot->node->isMap()) return refusal(owner, "there is no such block in this design");
  auto next = withNewKey(own, *spot, path, slot, withoutComments(*entries));
  if (!next) return next.faults();
  return DesignEdit{std::move(*next), {path}, "put " + kind + " into " + slot};
}

Result<DesignEdit> moveToSlot(const std::string& text, const std::string& path, const std::string& owner, const std::string& slot) {
  if (isInside(owner, path)) return refusal(path, "a block cannot be moved into itself");
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto entries = extracted(own, {path});
  if (!entries) return entries.faults();
  auto filled = fillSlot(text, owner, slot, *entries);
  if (!filled) return filled;
  const BlockText both(filled->text);
  auto next = withoutEntries(both, {path});
  if (!next) return next.faults();
  return DesignEdit{std::move(*next), {afterRemoval(owner + "." + slot, {path})}, filled->label};
}

Result<DesignEdit> setKeys(const std::string& text, const std::vector<std::string>& paths, const std::string& key, const std::string& value) {
  DesignEdit edit{text, paths, "set " + key};
  for (const std::string& path : paths) {
    auto next = withValue(edit.text, path + "." + key, value);
    if (!next) return next.faults();
    edit.text = std::move(*next);
  }
  return edit;
}

Result<DesignEdit> unsetKey(const std::string& text, const std::string& path) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  auto next = withoutKey(own, path);
  if (!next) return next.faults();
  const std::size_t dot = path.rfind('.');
  return DesignEdit{std::move(*next), {path.substr(0, dot)}, "default of " + path.substr(dot + 1)};
}

Result<DesignEdit> bypassBlocks(const std::string& text, const std::vector<std::string>& paths, bool on) {
  DesignEdit edit{text, paths, on ? "bypass" : "end of bypass"};
  const BlockText before(text);
  if (!before.usable()) return before.faults();
  for (const std::string& path : paths) {
    if (const auto spot = before.find(path); on && spot && spot->node->isMap() && spot->node->find("repeat") != nullptr)
      return refusal(path, "a repeat cannot be bypassed itself; bypass the blocks inside");
    auto next = on ? withValue(edit.text, path + ".bypass", "true") : [&]() -> Result<std::string> {
      const BlockText own(edit.text);
      return own.usable() ? withoutKey(own, path + ".bypass") : Result<std::string>(own.faults());
    }();
    if (!next) return next.faults();
    edit.text = std::move(*next);
  }
  return edit;
}

Diagnostics checkBlocks(const std::string& blocks) {
  const auto entries = entriesOf(blocks);
  if (!entries) return entries.faults();
  const YamlText yaml = readYaml(*entries, {});
  FaultList faults({});
  readBlocks(yaml.root, "blocks", faults);
  return faults.sorted();
}

Result<std::string> copyBlocks(const std::string& text, const std::vector<std::string>& paths) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  const auto all = outermost(own, paths);
  if (all.empty()) return refusal(paths.empty() ? "" : paths.front(), "there is no such block in this design");
  return extracted(own, all);
}

}  // namespace serp
