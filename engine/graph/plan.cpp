// SPDX-License-Identifier: GPL-3.0-or-later
// From a RunSpec to numbers: repeats expanded, defaults resolved, shapes checked, costs summed. No tensor is touched.
#include "engine/api/plan.h"

#include <cmath>
#include <map>

#include "engine/base/text.h"
#include "engine/spec/block_info.h"
#include "engine/spec/formula.h"

namespace serp {
namespace {

constexpr std::size_t kMaxBlocks = 100'000;
constexpr double kMaxParameters = 1e15;  // far past any memory; keeps sums inside 64 bits

class Planner {
 public:
  Planner(const RunSpec& spec, Plan& plan, Diagnostics& faults) : spec_(spec), plan_(plan), faults_(faults) {}

  void list(const std::vector<BlockSpec>& blocks) {
    for (const BlockSpec& block : blocks) {
      if (block.kind == "repeat") {
        for (std::int64_t i = block.params.integer("repeat"); i > 0 && !full_; --i) list(block.children);
        continue;
      }
      if (plan_.blocks.size() >= kMaxBlocks) {
        if (!full_) add(block, "the design has more than " + std::to_string(kMaxBlocks) + " blocks");
        full_ = true;
        return;
      }
      PlanNode node = make(block, "blocks." + std::to_string(plan_.blocks.size()), plan_.dModel, plan_.dModel, "");
      const std::string norm = block.params.has("norm") ? block.params.text("norm") : spec_.model.text("norm");
      const bool ownNorms = block.kind == "parallel" && node.params.text("norms") == "own";
      node.norm = ownNorms ? "none" : norm;
      if (ownNorms)
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          PlanNode& child = node.children[i];
          child.norm = block.children[i].params.has("norm") ? block.children[i].params.text("norm") : norm;
          addNorm(node.cost, child.norm, node.in);
        }
      addNorm(node.cost, node.norm, node.in);
      node.label = shortName(node) + " " + std::to_string(++count_[shortName(node)]);
      plan_.blocks.push_back(std::move(node));
    }
  }

  static void addNorm(Cost& cost, const std::string& norm, std::int64_t width) {
    const std::int64_t n = norm == "layer_norm" ? 2 * width : norm == "rms_norm" ? width : 0;
    cost.paramsTotal += n;
    cost.paramsActive += n;
    if (n > 0) cost.activationBytesPerToken += 4.0 * static_cast<double>(width);
  }

 private:
  static std::string shortName(const PlanNode& node) {
    if (node.kind == "switch_moe" || node.kind == "topk_moe") return "moe";
    if (node.kind == "dense_ffn" || node.kind == "gated_ffn") return "ffn";
    return node.kind;
  }

  void add(const BlockSpec& block, std::string message, const std::string& key = {}) {
    if (faults_.items.size() >= 500) return;
    const std::string path = block.path + (key.empty() ? "" : "." + key);
    for (const Diagnostic& d : faults_.items)  // one fault per place, however often the block repeats
      if (d.path == path && d.message == message) return;
    Diagnostic d;
    d.file = spec_.file;
    const auto it = block.places.find(key);
    const Place place = it == block.places.end() ? block.place : it->second;
    d.line = place.line;
    d.column = place.column;
    d.path = path;
    d.message = std::move(message);
    faults_.items.push_back(std::move(d));
  }

  /// Explicit values, then constants, then formulas (which may use the others, in the order of the schema).
  ParamSet resolve(const BlockSpec& block, const BlockEntry& entry, std::int64_t in, std::int64_t out) {
    ParamSet set;
    FormulaNames names{{"d_model", static_cast<double>(in)}, {"d_in", static_cast<double>(in)}, {"d_out", static_cast<double>(out)},
                       {"context", static_cast<double>(plan_.context)}};
    const auto learn = [&](const Param& p) {
      if (p.type == ParamType::Integer || p.type == ParamType::Real) names[p.name] = set.real(p.name);
    };
    for (const Param& p : entry.info.schema) {
      if (p.type == ParamType::Slot) continue;
      if (block.params.has(p.name)) set.set(p.name, block.params.value(p.name));
      else if (p.formula.empty()) set.set(p.name, p.fallback);
      else continue;
      learn(p);
    }
    for (const Param& p : entry.info.schema) {
      if (p.type == ParamType::Slot || set.has(p.name)) continue;
      const auto value = evaluateFormula(p.formula, names);
      if (!value || *value < p.minimum || *value > p.maximum) {
        add(block, p.name + " = " + p.formula + " gives " + (value ? numberText(*value) : "no number") + " here; set it (" + p.rangeText() + ")");
        set.set(p.name, p.type == ParamType::Real ? ParamValue(p.minimum) : ParamValue(static_cast<std::int64_t>(p.minimum)));
      } else if (p.type == ParamType::Real) {
        set.set(p.name, *value);
      } else {
        set.set(p.name, static_cast<std::int64_t>(*value));
      }
      learn(p);
    }
    return set;
  }

  PlanNode make(const BlockSpec& block, std::string path, std::int64_t in, std::int64_t out, std::string slotName) {
    PlanNode node;
    node.path = std::move(path);
    node.specPath = block.path;
    node.kind = block.kind;
    node.slot = std::move(slotName);
    node.in = in;
    node.out = out;
    node.place = block.place;
    const BlockEntry* entry = findEntry(block.kind);
    if (!entry) {
      add(block, "unknown block " + block.kind);
      return node;
    }
    node.family = entry->info.family;
    node.params = resolve(block, *entry, in, out);
    BuildContext context;
    context.in = in;
    context.out = out;
    context.dModel = plan_.dModel;
    context.context = plan_.context;
    context.batch = plan_.batch;
    const std::string inner = node.slot.empty() && node.path.rfind('.') == 6 ? node.path + ".mixer" : node.path;
    FormulaNames names{{"d_model", static_cast<double>(in)}, {"d_in", static_cast<double>(in)}, {"d_out", static_cast<double>(out)}};
    for (const Param& p : entry->info.schema)
      if (p.type == ParamType::Integer || p.type == ParamType::Real) names[p.name] = node.params.real(p.name);
    for (const Param& p : entry->info.schema) {
      const auto it = p.type == ParamType::Slot ? block.filled.find(p.name) : block.filled.end();
      if (it == block.filled.end()) continue;
      const auto width = [&](const std::string& formula) {
        return static_cast<std::int64_t>(evaluateFormula(formula, names).value_or(0));
      };
      PlanNode child = make(it->second, inner + "." + p.name, width(p.slotIn), width(p.slotOut), p.name);
      child.label = p.name + ": " + child.kind;
      context.filled[p.name] = child.cost;
      node.children.push_back(std::move(child));
    }
    for (std::size_t i = 0; i < block.children.size(); ++i) {
      PlanNode child = make(block.children[i], inner + "." + std::to_string(i), in, out, "");
      child.label = shortName(child);
      context.branches.push_back(child.cost);
      node.children.push_back(std::move(child));
    }
    Diagnostics local;
    if (entry->check) entry->check(node.params, context, block.path, local);
    for (const Diagnostic& d : local.items) {
      const std::string key = d.path.size() > block.path.size() + 1 ? d.path.substr(block.path.size() + 1) : "";
      if (d.severity == Severity::Error) add(block, d.message, key);
      else plan_.diagnostics.items.push_back(d);
    }
    if (!local.hasErrors()) node.cost = entry->cost(node.params, context);
    if (static_cast<double>(node.cost.paramsTotal) > kMaxParameters) add(block, "more than 10^15 parameters: no machine holds this block");
    return node;
  }

  const RunSpec& spec_;
  Plan& plan_;
  Diagnostics& faults_;
  std::map<std::string, int> count_;
  bool full_ = false;
};

std::int64_t vocabOf(const RunSpec& spec) {
  if (const std::int64_t given = spec.model.integer("vocab"); given > 0) return given;
  const std::string& tokenizer = spec.data.text("tokenizer");
  if (tokenizer.starts_with("gpt2:")) return 50257;
  return tokenizer == "bytes" ? 256 : 256;  // chars and bpe: known once the tokenizer is open; buildRun() sets it
}

void sum(Plan& p) {
  for (const PlanNode& node : p.blocks) {
    p.total += node.cost;
    p.flopsForward += node.cost.flopsPerToken;
  }
  p.total += p.finalNorm;
  p.nonEmbeddingTotal = p.total.paramsTotal;
  p.nonEmbeddingActive = p.total.paramsActive;
  p.total += p.embedding;
  p.total += p.head;
  p.embeddingParams = p.embedding.paramsTotal + p.head.paramsTotal;
  p.stateBytesPerSequence = p.total.stateBytes;
  p.flopsForward = p.total.flopsPerToken;
  p.flopsTraining = 3 * p.flopsForward;
  const auto tokens = static_cast<double>(p.batch) * static_cast<double>(p.context);
  p.weightBytes = 4.0 * static_cast<double>(p.total.paramsTotal);
  p.optimizerBytes = 2 * p.weightBytes;
  p.activationBytes = p.total.activationBytesPerToken * tokens;
  p.peakBytes = p.weightBytes * 2 + p.optimizerBytes + p.activationBytes;  // weights, gradients, two moments, activations
}

}  // namespace

Result<Plan> planRun(const RunSpec& spec) {
  Plan plan;
  Diagnostics faults;
  plan.name = spec.name;
  plan.pattern = patternText(spec);
  plan.dModel = spec.model.integer("d_model");
  plan.vocab = vocabOf(spec);
  plan.context = spec.data.integer("context");
  plan.batch = spec.train.integer("batch");
  plan.diagnostics = spec.notes;
  Planner(spec, plan, faults).list(spec.blocks);
  if (faults.hasErrors()) return faults;

  const auto width = static_cast<double>(plan.dModel);
  plan.embedding.paramsTotal = plan.embedding.paramsActive = plan.vocab * plan.dModel;
  if (spec.model.text("positions") == "learned") {
    plan.embedding.paramsTotal += plan.context * plan.dModel;
    plan.embedding.paramsActive = plan.embedding.paramsTotal;
  }
  plan.embedding.activationBytesPerToken = 4 * width;
  Planner::addNorm(plan.finalNorm, spec.model.text("final_norm"), plan.dModel);
  if (!spec.model.boolean("tie_embedding")) plan.head.paramsTotal = plan.head.paramsActive = plan.vocab * plan.dModel;
  plan.head.flopsPerToken = 2.0 * width * static_cast<double>(plan.vocab);
  plan.head.activationBytesPerToken = 4.0 * (static_cast<double>(plan.vocab) + width);
  sum(plan);
  return plan;
}

}  // namespace serp
