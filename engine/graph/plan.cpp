// SPDX-License-Identifier: GPL-3.0-or-later
// From a RunSpec to numbers: repeats expanded, costs summed. Defaults and checks come from engine/spec/resolve. No tensor is touched.
#include "engine/api/plan.h"

#include <map>
#include <utility>

#include "engine/base/text.h"
#include "engine/graph/cost_model.h"
#include "engine/spec/check_design.h"
#include "engine/spec/resolve.h"

namespace serp {
namespace {

constexpr std::size_t kMaxBlocks = 100'000;
constexpr double kMaxParameters = 1e15;  // far past any memory; keeps every sum inside 64 bits

class Planner {
 public:
  Planner(const DesignContext& design, Plan& plan, Diagnostics& faults) : design_(design), plan_(plan), faults_(faults) {}
  bool full() const { return full_; }   ///< stopped: too many blocks or parameters

  void list(const std::vector<ResolvedBlock>& blocks) {
    for (const ResolvedBlock& block : blocks) {
      if (full_) return;
      if (block.spec->kind == "repeat") {
        for (std::int64_t i = block.params.integer("count"); i > 0 && !full_; --i) list(block.children);
        continue;
      }
      if (plan_.blocks.size() >= kMaxBlocks) return stop(block, "the design has more than " + std::to_string(kMaxBlocks) + " blocks");
      PlanNode node = make(block, "blocks." + std::to_string(plan_.blocks.size()), true);
      if (!share(block, node)) continue;
      node.label = shortName(node.kind) + " " + std::to_string(++count_[shortName(node.kind)]);
      parameters_ += static_cast<double>(node.cost.paramsTotal);
      if (parameters_ > kMaxParameters) return stop(block, "more than 10^15 parameters up to here: no machine holds this design");
      plan_.blocks.push_back(std::move(node));
    }
  }

 private:
  static std::string shortName(const std::string& kind) {
    if (kind == "switch_moe" || kind == "topk_moe") return "moe";
    return kind == "dense_ffn" || kind == "gated_ffn" ? "ffn" : kind;
  }

  /// A block whose name stood before is that block again: its weights count once, its norm is its own. False if the two differ.
  bool share(const ResolvedBlock& block, PlanNode& node) {
    if (block.bypassed || !block.spec->params.has("share") || block.spec->params.text("share").empty()) return true;
    const std::string& name = block.spec->params.text("share");
    node.params.set("share", name);
    const auto [it, first] = shared_.try_emplace(name, plan_.blocks.size());
    if (first) return true;
    const PlanNode& owner = plan_.blocks[it->second];
    if (!alike(owner, node)) {
      faults_.items.push_back({Severity::Error, {}, block.place.line, block.place.column, block.path + ".share",
                               "\"" + name + "\" is " + owner.specPath + " (" + owner.kind +
                                   "); what shares its weights must have the same kind and the same values", {}, 0});
      return false;
    }
    const Cost norm = normCost(node.norm, node.in);
    node.cost.paramsTotal = norm.paramsTotal;
    node.cost.paramsActive = norm.paramsActive;
    return true;
  }

  static bool alike(const PlanNode& a, const PlanNode& b) {
    if (a.kind != b.kind || a.slot != b.slot || a.params.all() != b.params.all() || a.children.size() != b.children.size()) return false;
    for (std::size_t i = 0; i < a.children.size(); ++i)
      if (!alike(a.children[i], b.children[i])) return false;
    return true;
  }

  void stop(const ResolvedBlock& block, std::string message) {
    full_ = true;
    faults_.items.push_back({Severity::Error, {}, block.place.line, block.place.column, block.path, std::move(message), {}, 0});
  }

  /// `stream`: the block stands on the residual stream, so its inner tensors lie under ".mixer".
  PlanNode make(const ResolvedBlock& block, std::string path, bool stream) {
    PlanNode node;
    node.path = std::move(path);
    node.specPath = block.path;
    node.kind = block.definition->info.kind;
    node.family = block.definition->info.family;
    node.slot = block.slot;
    node.in = block.in;
    node.out = block.out;
    node.dModel = design_.dModel;
    node.params = block.params;
    node.norm = block.norm;
    node.place = block.place;
    node.bypassed = block.bypassed;
    const std::string inner = stream ? node.path + ".mixer" : node.path;
    std::map<std::string, Cost> parts;
    for (std::size_t i = 0; i < block.children.size(); ++i) {
      const ResolvedBlock& part = block.children[i];
      const std::string name = part.slot.empty() ? std::to_string(i) : part.slot;
      PlanNode child = make(part, inner + "." + name, false);
      child.label = part.slot.empty() ? shortName(child.kind) : part.slot + ": " + child.kind;
      if (!child.bypassed) parts[name] = child.cost;
      // A slot at its default is part of the block itself: its cost counts, but it is no place of its own.
      if (part.spec != nullptr) node.children.push_back(std::move(child));
    }
    const BuildContext context{block.in, block.out, design_.dModel, design_.context, design_.batch, &parts};
    node.cost = block.definition->cost(block.params, context);
    if (!node.norm.empty()) node.cost += normCost(node.norm, node.in);
    if (node.bypassed) clear(node);
    return node;
  }

  /// Nothing of a bypassed block is built, so nothing of it counts; its words and widths stay for drawings.
  static void clear(PlanNode& node) {
    node.cost = {};
    for (PlanNode& child : node.children) clear(child);
  }

  const DesignContext& design_;
  Plan& plan_;
  Diagnostics& faults_;
  std::map<std::string, int> count_;
  std::map<std::string, std::size_t> shared_;   ///< by name, where the block stands first
  double parameters_ = 0;
  bool full_ = false;
};

std::int64_t vocabOf(const RunSpec& spec) {
  if (const std::int64_t given = spec.model.integer("vocab"); given > 0) return given;
  const std::int64_t known = tokenizerVocab(spec.data.text("tokenizer"));
  return known > 0 ? known : 256;  // chars and bpe: known once the tokenizer is open; whoever builds the model sets it
}

void sum(Plan& p) {
  for (const PlanNode& node : p.blocks) p.total += node.cost;
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

/// False: there is no plan. Faults of values are substituted by the resolver and do not stop it.
bool count(const RunSpec& spec, Plan& plan, Diagnostics& faults, bool despiteFaults) {
  plan.name = spec.name;
  plan.pattern = patternText(spec);
  plan.vocab = vocabOf(spec);
  plan.diagnostics = spec.notes;
  const DesignContext design = designContext(spec);
  plan.dModel = design.dModel;
  plan.context = design.context;
  plan.batch = design.batch;
  const std::vector<ResolvedBlock> blocks = resolveBlocks(spec.blocks, design, faults);
  if (faults.hasErrors() && !despiteFaults) return false;
  Planner planner(design, plan, faults);
  planner.list(blocks);
  if (planner.full() || (faults.hasErrors() && !despiteFaults)) return false;

  const auto width = static_cast<double>(plan.dModel);
  plan.embedding.paramsTotal = plan.vocab * plan.dModel;
  if (spec.model.text("positions") == "learned") plan.embedding.paramsTotal += plan.context * plan.dModel;
  plan.embedding.paramsActive = plan.embedding.paramsTotal;
  plan.embedding.activationBytesPerToken = 4 * width;
  plan.finalNorm = normCost(spec.model.text("final_norm"), plan.dModel);
  if (!spec.model.boolean("tie_embedding")) plan.head.paramsTotal = plan.head.paramsActive = plan.vocab * plan.dModel;
  plan.head.flopsPerToken = 2.0 * width * static_cast<double>(plan.vocab);
  plan.head.activationBytesPerToken = 4.0 * (static_cast<double>(plan.vocab) + width);
  sum(plan);
  return true;
}

}  // namespace

Result<Plan> planRun(const RunSpec& spec) {
  Plan plan;
  Diagnostics faults;
  if (count(spec, plan, faults, false)) return plan;
  for (Diagnostic& d : faults.items) d.file = spec.file;
  return faults;
}

std::optional<Plan> planDraft(const RunSpec& spec) {
  Plan plan;
  Diagnostics faults;
  if (!count(spec, plan, faults, true)) return std::nullopt;
  return plan;
}

}  // namespace serp
