// SPDX-License-Identifier: GPL-3.0-or-later
// Bisection over whole numbers: every budget grows with every width, and a plan takes microseconds a block.
#include "engine/api/equalise.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>

#include "engine/api/catalog.h"
#include "engine/base/text.h"

namespace serp {
namespace {

/// A key that takes part: the block it stands in, its value now in the unit that is solved (channels for fractions of a width).
struct Width {
  BlockSpec* block = nullptr;
  std::string path, key;     ///< key as written: "repeat" is the block's parameter "count"
  std::string name;          ///< of the parameter
  std::int64_t value = 0;
  std::int64_t unit = 0;     ///< 0: the value is a whole number itself; else it is value / unit
  double least = 1, most = 1;
};

const Param* param(const std::string& kind, const std::string& name) {
  const BlockInfo* info = findBlock(kind);
  if (info == nullptr) return nullptr;
  for (const Param& p : info->schema)
    if (p.name == name) return &p;
  return nullptr;
}

const PlanNode* nodeAt(const std::vector<PlanNode>& nodes, const std::string& path) {
  for (const PlanNode& node : nodes) {
    if (node.specPath == path) return &node;
    if (const PlanNode* inner = nodeAt(node.children, path)) return inner;
  }
  return nullptr;
}

void collect(BlockSpec& block, const std::string& key, const Plan& plan, std::vector<Width>& out) {
  for (BlockSpec& child : block.children) collect(child, key, plan, out);
  for (auto& [slot, inner] : block.filled) collect(inner, key, plan, out);
  const bool repeat = key == "repeat";
  if (repeat != (block.kind == "repeat")) return;
  const std::string name = repeat ? "count" : key;
  const Param* p = param(block.kind, name);
  if (p == nullptr || (p->type != ParamType::Integer && p->type != ParamType::Real)) return;
  Width width{&block, block.path, key, name, 0, 0, std::max(1.0, p->minimum), p->maximum};
  const PlanNode* node = repeat ? nullptr : nodeAt(plan.blocks, block.path);
  if (!repeat && (node == nullptr || node->bypassed)) return;
  if (p->type == ParamType::Integer) {
    width.value = repeat ? block.params.integer("count") : node->params.integer(name);
  } else {
    width.unit = node->in;
    width.value = static_cast<std::int64_t>(node->params.real(name) * static_cast<double>(node->in));
    width.most = p->maximum * static_cast<double>(node->in);
  }
  out.push_back(width);
}

std::vector<Width> widthsOf(RunSpec& spec, const std::string& key, const Plan& plan) {
  std::vector<Width> out;
  for (BlockSpec& block : spec.blocks) collect(block, key, plan, out);
  return out;
}

/// The fraction whose truncated product with the width is exactly `channels`, in lowest terms where that holds.
std::string fraction(std::int64_t channels, std::int64_t width) {
  const auto exact = [&](std::int64_t above, std::int64_t below) {
    return static_cast<std::int64_t>(static_cast<double>(above) / static_cast<double>(below) * static_cast<double>(width)) == channels;
  };
  const std::int64_t common = std::gcd(channels, width), above = channels / common, below = width / common;
  if (below == 1) return std::to_string(above);
  for (const std::int64_t third : {std::int64_t{3}})   // 341 of 512 is what people write as 2/3
    for (std::int64_t n = 1; n <= 12; ++n)
      if (n % third != 0 && exact(n, third)) return std::to_string(n) + "/" + std::to_string(third);
  if (exact(above, below)) return std::to_string(above) + "/" + std::to_string(below);
  return std::to_string(2 * channels + 1) + "/" + std::to_string(2 * width);  // the middle of what truncates to it
}

std::string valueOf(const Width& width, std::int64_t value) { return width.unit == 0 ? std::to_string(value) : fraction(value, width.unit); }

std::int64_t scaled(const Width& width, std::int64_t x, std::int64_t base) {
  const double value = static_cast<double>(width.value) * static_cast<double>(x) / static_cast<double>(base);
  return static_cast<std::int64_t>(std::clamp(std::floor(value + 0.5), width.least, width.most));
}

double expertWeights(const std::vector<PlanNode>& nodes) {
  double sum = 0;
  for (const PlanNode& node : nodes) sum += node.family == Family::Experts ? static_cast<double>(node.cost.weightsTotal) : expertWeights(node.children);
  return sum;
}

Diagnostics refuse(const std::string& key, const std::string& why) {
  Diagnostics d;
  d.error(key, why);
  return d;
}

}  // namespace

const char* budgetName(Budget budget) {
  switch (budget) {
    case Budget::Active: return "active parameters";
    case Budget::Flops: return "FLOPs per token";
    case Budget::Weights: return "matrix weights";
    case Budget::ExpertWeights: return "expert weights";
  }
  return "";
}

double budgetOf(const Plan& plan, Budget budget) {
  switch (budget) {
    case Budget::Active: return static_cast<double>(plan.nonEmbeddingActive);
    case Budget::Flops: return plan.flopsForward;
    case Budget::ExpertWeights: return expertWeights(plan.blocks);
    case Budget::Weights: break;
  }
  double sum = 0;
  for (const PlanNode& node : plan.blocks) sum += static_cast<double>(node.cost.weightsActive);
  return sum;
}

std::vector<std::string> equalisableKeys(const RunSpec& spec) {
  RunSpec own = spec;
  const auto plan = planRun(own);
  if (!plan) return {};
  std::vector<std::string> out;
  for (const char* key : {"d_expert", "d_ff", "expand", "experts", "repeat"})
    if (!widthsOf(own, key, *plan).empty()) out.emplace_back(key);
  return out;
}

Result<Equalised> equalise(const RunSpec& spec, const std::string& key, double target, Budget budget) {
  RunSpec own = spec;
  const auto now = planRun(own);
  if (!now) return now.faults();
  std::vector<Width> widths = widthsOf(own, key, *now);
  if (widths.empty()) return refuse(key, "no block of this design has the key \"" + key + "\"");
  std::int64_t base = 1;
  double least = 1, most = 1;
  for (const Width& w : widths) base = std::max(base, w.value);
  for (const Width& w : widths) most = std::max(most, w.most);
  most = std::min(most, static_cast<double>(base) * 4096);  // farther away it is another design
  const auto cost = [&](std::int64_t x) -> double {
    for (const Width& w : widths) {
      const std::int64_t value = scaled(w, x, base);
      if (w.unit == 0) w.block->params.set(w.name, value);
      else w.block->params.set(w.name, *parseReal(fraction(value, w.unit)));
    }
    const auto plan = planRun(own);
    return plan ? budgetOf(*plan, budget) : std::nan("");
  };
  Equalised out;
  out.target = target;
  out.before = budgetOf(*now, budget);
  const double lowest = cost(static_cast<std::int64_t>(least));
  if (!(lowest <= target)) return refuse(key, "even the smallest " + key + " costs " + numberText(std::round(lowest)) + " " + budgetName(budget) + ", more than the " + numberText(std::round(target)) + " wanted");
  auto low = static_cast<std::int64_t>(least), high = static_cast<std::int64_t>(most);
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    const double value = cost(middle);
    if (value <= target) low = middle;
    else high = middle;              // also where a plan refuses: past what any machine holds
  }
  const double below = cost(low), above = cost(high);
  const std::int64_t best = std::isfinite(above) && std::abs(above - target) < std::abs(below - target) ? high : low;
  out.after = best == low ? below : above;
  out.text = spec.text;
  if (std::abs(out.after - target) >= std::abs(out.before - target)) {  // as near as it gets already
    out.after = out.before;
    return out;
  }
  for (const Width& w : widths) {
    const std::int64_t value = scaled(w, best, base);
    if (value == w.value) continue;
    auto next = withValue(out.text, w.path + "." + w.key, valueOf(w, value));
    if (!next) return next.faults();
    out.text = std::move(*next);
    out.changes.push_back({w.path, w.key, valueOf(w, w.value), valueOf(w, value)});
  }
  return out;
}

}  // namespace serp
