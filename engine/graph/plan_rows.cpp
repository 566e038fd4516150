// SPDX-License-Identifier: GPL-3.0-or-later
// Folding by where blocks stand in the text: the copies a repeat makes share one place.
#include "engine/graph/plan_rows.h"

#include <cstdio>

namespace serp {
namespace {

constexpr std::size_t kLongestPeriod = 64;

/// How often the `length` blocks from `first` on stand there in a row.
std::size_t timesInARow(const Plan& plan, std::size_t first, std::size_t length) {
  std::size_t at = first + length;
  while (at < plan.blocks.size() && plan.blocks[at].specPath == plan.blocks[at - length].specPath) ++at;
  return (at - first) / length;
}

std::string counted(std::int64_t number, const char* thing) { return std::to_string(number) + " " + thing + (number == 1 ? "" : "s"); }

}  // namespace

std::vector<PlanRun> foldPlan(const Plan& plan) {
  std::vector<PlanRun> runs;
  for (std::size_t i = 0; i < plan.blocks.size();) {
    PlanRun best{i, 1, 1};
    for (std::size_t length = 1; length <= kLongestPeriod && i + 2 * length <= plan.blocks.size(); ++length) {
      const std::size_t times = timesInARow(plan, i, length);
      if (times > 1 && times * length > best.times * best.length) best = {i, length, times};
    }
    runs.push_back(best);
    i += best.length * best.times;
  }
  return runs;
}

std::string blockWords(const PlanNode& node) {
  const auto has = [&](const char* key) { return node.params.has(key); };
  std::string out;
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : " · ") + words; };
  if (node.bypassed) add("bypassed");
  if (has("experts")) add(counted(node.params.integer("experts"), "expert"));
  if (has("heads")) add(counted(node.params.integer("heads"), "head"));
  for (const char* key : {"top_k", "d_expert", "d_ff", "d_state"})
    if (has(key)) add(std::string(key) + " " + std::to_string(node.params.integer(key)));
  if (has("expand")) {
    char text[32];
    std::snprintf(text, sizeof text, "expand %.4g", node.params.real("expand"));
    add(text);
  }
  return out;
}

}  // namespace serp
