// SPDX-License-Identifier: GPL-3.0-or-later
// A design as a pattern string, contract.md §2: "(ME)8".
#include "engine/api/spec.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

std::string letter(const BlockSpec& block);

std::string letters(const std::vector<BlockSpec>& blocks) {
  std::string out;
  for (const BlockSpec& b : blocks) {
    const std::string item = letter(b);
    // Behind another item a digit would be its count: a mamba2 that begins nothing stands in brackets.
    const bool digit = item[0] >= '0' && item[0] <= '9';
    out += digit && !out.empty() ? "(" + item.substr(0, 1) + ")" + item.substr(1) : item;
  }
  return out;
}

std::string letter(const BlockSpec& block) {
  if (block.kind == "repeat") {
    const std::string inner = letters(block.children), count = std::to_string(block.params.integer("count"));
    const bool one = block.children.size() == 1 && block.children.front().kind != "repeat";  // a letter, or a bracket of its own
    return (one ? inner : "(" + inner + ")") + count;
  }
  if (block.kind == "parallel") {
    std::string out = "(";
    for (const BlockSpec& b : block.children) out += (out.size() > 1 ? "|" : "") + letter(b);
    return out + ")";
  }
  const BlockDefinition* definition = findDefinition(block.kind);
  return std::string(1, definition != nullptr && definition->info.letter != 0 ? definition->info.letter : '?');
}

}  // namespace

std::string patternText(const RunSpec& spec) { return letters(spec.blocks); }

}  // namespace serp
