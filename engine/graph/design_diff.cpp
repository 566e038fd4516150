// SPDX-License-Identifier: GPL-3.0-or-later
// The longest common subsequence of kinds, weighted by equality, list by list.
#include "engine/api/design_diff.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "engine/api/catalog.h"

namespace serp {
namespace {

constexpr std::size_t kMostCells = 4'000'000;   // of the alignment table; longer lists are matched one by one

std::string nameOf(const BlockSpec& block, const std::string& slot) {
  const std::string name = block.kind == "repeat" ? "Repeat" : block.kind == "parallel" ? "Parallel" : block.kind;
  return slot.empty() ? name : slot + ": " + name;
}

std::string valueAt(const ParamSet& set, const std::string& key) { return set.has(key) ? valueText(set.value(key)) : "default"; }

std::vector<KeyChange> changes(const ParamSet& before, const ParamSet& after, const std::string& prefix = {}) {
  std::set<std::string> keys;
  for (const ParamSet* set : {&before, &after})
    for (const auto& [key, value] : set->all()) keys.insert(key);
  std::vector<KeyChange> out;
  for (const std::string& key : keys)
    if (valueAt(before, key) != valueAt(after, key)) out.push_back({prefix + key, valueAt(before, key), valueAt(after, key)});
  return out;
}

bool equal(const BlockSpec& a, const BlockSpec& b) {
  if (a.kind != b.kind || !changes(a.params, b.params).empty() || a.children.size() != b.children.size() || a.filled.size() != b.filled.size()) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i)
    if (!equal(a.children[i], b.children[i])) return false;
  for (const auto& [slot, inner] : a.filled)
    if (const auto other = b.filled.find(slot); other == b.filled.end() || !equal(inner, other->second)) return false;
  return true;
}

class Comparer {
 public:
  std::vector<DiffRow> rows;

  void lists(const std::vector<BlockSpec>& before, const std::vector<BlockSpec>& after, int depth) {
    const std::size_t n = before.size(), m = after.size();
    if ((n + 1) * (m + 1) > kMostCells) return inOrder(before, after, depth);
    std::vector<int> best((n + 1) * (m + 1), 0);
    const auto at = [&](std::size_t i, std::size_t k) -> int& { return best[i * (m + 1) + k]; };
    const auto worth = [&](std::size_t i, std::size_t k) { return before[i].kind != after[k].kind ? 0 : equal(before[i], after[k]) ? 3 : 2; };
    for (std::size_t i = n; i-- > 0;)
      for (std::size_t k = m; k-- > 0;) {
        at(i, k) = std::max(at(i + 1, k), at(i, k + 1));
        if (const int w = worth(i, k); w > 0) at(i, k) = std::max(at(i, k), w + at(i + 1, k + 1));
      }
    std::size_t i = 0, k = 0;
    while (i < n || k < m) {
      const int w = i < n && k < m ? worth(i, k) : 0;
      if (w > 0 && at(i, k) == w + at(i + 1, k + 1)) pair(before[i++], after[k++], {}, depth);
      else if (k == m || (i < n && at(i + 1, k) >= at(i, k + 1))) alone(before[i++], {}, depth, DiffRow::State::Removed);
      else alone(after[k++], {}, depth, DiffRow::State::Added);
    }
  }

 private:
  void inOrder(const std::vector<BlockSpec>& before, const std::vector<BlockSpec>& after, int depth) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      if (i < before.size() && i < after.size() && before[i].kind == after[i].kind) {
        pair(before[i], after[i], {}, depth);
        continue;
      }
      if (i < before.size()) alone(before[i], {}, depth, DiffRow::State::Removed);
      if (i < after.size()) alone(after[i], {}, depth, DiffRow::State::Added);
    }
  }

  void pair(const BlockSpec& a, const BlockSpec& b, const std::string& slot, int depth) {
    DiffRow row{DiffRow::State::Same, depth, nameOf(a, slot), nameOf(b, slot), a.path, b.path, changes(a.params, b.params)};
    for (KeyChange& change : row.keys)
      if (a.kind == "repeat" && change.key == "count") change.key = "repeat";
    if (!row.keys.empty()) row.state = DiffRow::State::Changed;
    rows.push_back(std::move(row));
    lists(a.children, b.children, depth + 1);
    std::set<std::string> slots;
    for (const auto* filled : {&a.filled, &b.filled})
      for (const auto& [name, inner] : *filled) slots.insert(name);
    for (const std::string& name : slots) {
      const auto x = a.filled.find(name), y = b.filled.find(name);
      const bool both = x != a.filled.end() && y != b.filled.end();
      if (both && x->second.kind == y->second.kind) pair(x->second, y->second, name, depth + 1);
      if (both && x->second.kind == y->second.kind) continue;
      if (x != a.filled.end()) alone(x->second, name, depth + 1, DiffRow::State::Removed);
      if (y != b.filled.end()) alone(y->second, name, depth + 1, DiffRow::State::Added);
    }
  }

  void alone(const BlockSpec& block, const std::string& slot, int depth, DiffRow::State state) {
    DiffRow row;
    row.state = state;
    row.depth = depth;
    (state == DiffRow::State::Added ? row.after : row.before) = nameOf(block, slot);
    (state == DiffRow::State::Added ? row.pathAfter : row.pathBefore) = block.path;
    rows.push_back(std::move(row));
    for (const BlockSpec& child : block.children) alone(child, {}, depth + 1, state);
    for (const auto& [name, inner] : block.filled) alone(inner, name, depth + 1, state);
  }
};

}  // namespace

DesignDiff compareDesigns(const RunSpec& before, const RunSpec& after) {
  DesignDiff out;
  Comparer comparer;
  comparer.lists(before.blocks, after.blocks, 0);
  out.blocks = std::move(comparer.rows);
  if (before.name != after.name) out.settings.push_back({"name", before.name, after.name});
  const auto add = [&](const ParamSet& a, const ParamSet& b, const std::string& prefix) {
    for (KeyChange& change : changes(a, b, prefix)) out.settings.push_back(std::move(change));
  };
  add(before.top, after.top, "");
  add(before.model, after.model, "model.");
  add(before.train, after.train, "train.");
  add(before.data, after.data, "data.");
  return out;
}

}  // namespace serp
