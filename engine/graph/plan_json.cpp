// SPDX-License-Identifier: GPL-3.0-or-later
// A plan as the JSON document of contract.md §2.
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "engine/api/block_graph.h"

namespace serp {
namespace {

using nlohmann::ordered_json;

/// Whole numbers without a point; bytes and FLOPs are whole, but summed as doubles because they outgrow 64 bits first.
ordered_json number(double value) {
  constexpr double kExact = 9007199254740992.0;
  if (std::abs(value) <= kExact && std::floor(value) == value) return static_cast<std::int64_t>(value);
  return value;
}

ordered_json node(const PlanNode& n, const Plan& plan) {
  ordered_json j = {{"path", n.path},
                    {"kind", n.kind},
                    {"input", {"B", "T", n.in}},
                    {"output", {"B", "T", n.out}},
                    {"params_total", n.cost.paramsTotal},
                    {"params_active", n.cost.paramsActive},
                    {"flops_per_token", number(n.cost.flopsPerToken)},
                    {"state_bytes", n.cost.stateBytes},
                    {"family", familyName(n.family)},
                    {"spec_path", n.specPath}};
  if (!n.slot.empty()) j["slot"] = n.slot;
  if (n.params.has("share")) j["share"] = n.params.text("share");
  for (const GraphNodeView& v : graphNodes(n, plan))
    j["nodes"].push_back({{"name", v.name},
                          {"op", v.op},
                          {"from", v.inputs},
                          {"shape", v.shape},
                          {"params_total", v.cost.paramsTotal},
                          {"flops_per_token", number(v.cost.flopsPerToken)},
                          {"state_bytes", v.cost.stateBytes}});
  if (n.bypassed) j["bypassed"] = true;
  for (const PlanNode& child : n.children) j["children"].push_back(node(child, plan));
  return j;
}

const char* severityName(Severity s) { return s == Severity::Error ? "error" : s == Severity::Warning ? "warning" : "note"; }

}  // namespace

std::string planJson(const Plan& p) {
  ordered_json j;
  j["name"] = p.name;
  j["pattern"] = p.pattern;
  j["params"] = {{"total", p.total.paramsTotal},
                 {"active", p.total.paramsActive},
                 {"embedding", p.embeddingParams},
                 {"non_embedding_total", p.nonEmbeddingTotal},
                 {"non_embedding_active", p.nonEmbeddingActive}};
  j["flops_per_token"] = {{"forward", number(p.flopsForward)}, {"training", number(p.flopsTraining)}};
  j["memory_bytes"] = {{"weights", number(p.weightBytes)},
                       {"optimizer", number(p.optimizerBytes)},
                       {"activations", number(std::ceil(p.activationBytes))},
                       {"peak", number(std::ceil(p.peakBytes))}};
  j["state_bytes_per_sequence"] = p.stateBytesPerSequence;
  j["blocks"] = ordered_json::array();
  for (const PlanNode& n : p.blocks) j["blocks"].push_back(node(n, p));
  j["diagnostics"] = ordered_json::array();
  for (const Diagnostic& d : p.diagnostics.items)
    j["diagnostics"].push_back(
        {{"severity", severityName(d.severity)}, {"path", d.path}, {"line", d.line}, {"column", d.column}, {"message", d.message}});
  return j.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace serp
