// SPDX-License-Identifier: GPL-3.0-or-later
// Pattern strings read: contract.md §2. "M" mamba, "E" experts, "(ME)8" repeat, "(M|E)" parallel, "M4" four of one.
#include <cstdint>
#include <map>
#include <vector>

#include "engine/api/catalog.h"
#include "engine/api/edit.h"
#include "engine/api/spec.h"
#include "engine/base/text.h"
#include "engine/spec/edit_list.h"
#include "engine/spec/text_patch.h"

namespace serp {
namespace {

constexpr std::size_t kLongestPattern = 20000;
constexpr int kDeepest = 10;               // each level costs four of the YAML levels a design may have

/// The kind a letter makes where the design has none of its own: the family's plainest block stands first here.
std::string kindOfLetter(char letter) {
  for (const char* plain : {"mamba", "switch_moe", "attention", "dense_ffn"})
    if (const BlockInfo* info = findBlock(plain); info != nullptr && info->letter == letter) return plain;
  for (const BlockInfo& info : blockCatalog())
    if (info.letter == letter && letter != 0) return info.kind;
  return {};
}

/// Blocks of a design by their letter, in the order of the text, each as an entry at column 0.
using Stock = std::map<char, std::vector<std::string>>;

class PatternReader {
 public:
  PatternReader(const std::string& pattern, const Stock& stock) : text_(pattern), stock_(stock) {}

  Result<std::string> run() {
    if (text_.size() > kLongestPattern) return refusal("pattern", "longer than " + std::to_string(kLongestPattern) + " letters");
    const std::string out = list(0);
    if (why_.empty() && at_ < text_.size()) fail(text_[at_] == ')' ? "this bracket closes nothing" : "| stands between brackets only, as in (M|E)");
    if (why_.empty() && out.empty()) fail("the pattern is empty; M is one mamba block");
    if (!why_.empty()) return refusal("pattern", "position " + std::to_string(where_ + 1) + ": " + why_);
    return out;
  }

 private:
  std::string fail(const std::string& why) {
    if (why_.empty()) why_ = why, where_ = at_;
    return {};
  }

  std::string list(int depth) {
    std::string out;
    for (; why_.empty(); ) {
      while (at_ < text_.size() && text_[at_] == ' ') ++at_;
      if (at_ >= text_.size() || text_[at_] == ')' || text_[at_] == '|') return out;
      out += item(depth);
    }
    return {};
  }

  std::string item(int depth) {
    if (text_[at_] != '(') {
      const std::string one = letter();
      return why_.empty() ? times(one) : std::string();
    }
    if (depth >= kDeepest) return fail("brackets nest deeper than " + std::to_string(kDeepest) + " levels");
    ++at_;
    std::string inside = list(depth + 1);
    if (!why_.empty()) return {};
    if (inside.empty()) return fail("these brackets hold nothing");
    bool parallel = false;
    while (at_ < text_.size() && text_[at_] == '|') {
      parallel = true;
      ++at_;
      const std::string branch = list(depth + 1);
      if (why_.empty() && branch.empty()) return fail("a branch is empty");
      inside += branch;
    }
    if (!why_.empty()) return {};
    if (at_ >= text_.size()) return fail("a bracket is not closed");
    ++at_;
    return times(parallel ? "- parallel:\n" + shifted(inside, 4) : inside);
  }

  std::string letter() {
    const char c = text_[at_];
    // A digit is a kind of its own only where it stands for itself: "2" begins an item, never follows one.
    std::string kind = kindOfLetter(c);
    const auto have = stock_.find(c);
    if (have != stock_.end()) {
      ++at_;
      std::size_t& used = used_[c];
      return have->second[std::min(used++, have->second.size() - 1)];
    }
    if (kind.empty()) return fail(std::string("\"") + c + "\" is no letter of a block (M mamba, E experts, * attention, - feed-forward)");
    ++at_;
    return "- {kind: " + kind + "}\n";
  }

  /// The number behind an item; none means once.
  std::string times(const std::string& entries) {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    if (end == at_) return entries;
    const auto count = parseInteger(std::string_view(text_).substr(at_, end - at_));
    if (!count || *count < 1 || *count > 10000) return fail("a count lies in 1..10000");
    at_ = end;
    return "- repeat: " + std::to_string(*count) + "\n  blocks:\n" + shifted(entries, 4);
  }

  const std::string& text_;
  const Stock& stock_;
  std::map<char, std::size_t> used_;
  std::size_t at_ = 0, where_ = 0;
  std::string why_;
};

void collect(const BlockText& text, const YamlNode& list, Stock& stock) {
  if (!list.isSequence()) return;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const YamlNode& item = list.items[i];
    if (!item.isMap()) continue;
    if (const YamlNode* body = item.find("repeat") != nullptr ? item.find("blocks") : item.find("parallel")) {
      collect(text, *body, stock);
      continue;
    }
    const YamlNode* kind = item.find("kind");
    const BlockInfo* info = kind != nullptr ? findBlock(kind->value) : nullptr;
    if (info != nullptr && info->letter != 0) stock[info->letter].push_back(text.extract({&item, &list, i}));
  }
}

}  // namespace

Result<std::string> patternBlocks(const std::string& pattern) { return PatternReader(pattern, {}).run(); }

Result<DesignEdit> setPattern(const std::string& text, const std::string& pattern) {
  const BlockText own(text);
  if (!own.usable()) return own.faults();
  Stock stock;
  const auto list = own.find("model.blocks");
  if (list) collect(own, *list->node, stock);
  const auto entries = PatternReader(pattern, stock).run();
  if (!entries) return entries.faults();
  const std::string label = "pattern " + pattern.substr(0, 40);
  const std::size_t count = list && list->node->isSequence() ? list->node->items.size() : 0;
  auto next = count == 0 ? withEntries(own, "model.blocks", 0, *entries) : withReplaced(own, "model.blocks", 0, count - 1, *entries);
  if (!next) return next.faults();
  return DesignEdit{std::move(*next), {}, label};
}

}  // namespace serp
