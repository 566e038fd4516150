// SPDX-License-Identifier: GPL-3.0-or-later
// The design as Python: one constructor call per block, the classes they need, and the model around them.
#include "engine/interop/pytorch_module.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/graph/plan_rows.h"
#include "engine/interop/pytorch_classes.h"
#include "engine/interop/pytorch_graph.h"
#include "engine/run/checkpoint_store.h"
#include "engine/run/safetensors.h"

namespace serp {
namespace {

namespace fs = std::filesystem;
using pytorch::literal;

class ModuleWriter {
 public:
  ModuleWriter(const RunSpec& spec, const Plan& plan) : spec_(spec), plan_(plan), eps_(spec.model.real("norm_eps")) {}

  Result<std::string> write() {
    need("Layer");
    std::string layers;
    for (const PlanRun& run : foldPlan(plan_)) {
      const std::string indent = run.times > 1 ? "            " : "        ";
      if (run.times > 1) layers += "        for _ in range(" + std::to_string(run.times) + "):\n";
      for (std::size_t i = run.first; i < run.first + run.length; ++i) {
        const PlanNode& node = plan_.blocks[i];
        layers += indent + "layers.append(Layer(" + norm(node.norm, node.in) + ", " + mixer(node) + "))\n";
      }
      rename(run);
    }
    const std::string& finalNorm = spec_.model.text("final_norm");
    const bool tied = spec_.model.boolean("tie_embedding"), learned = spec_.model.text("positions") == "learned";
    const std::string width = std::to_string(plan_.dModel), vocab = std::to_string(plan_.vocab);
    const double scale = spec_.model.real("embedding_scale");
    std::string model = "\n\nclass LanguageModel(nn.Module):\n    \"\"\"Tokens [B, T] to logits [B, T, " + vocab +
                        "].\"\"\"\n\n    def __init__(self):\n        super().__init__()\n"
                        "        self.embedding = nn.Embedding(" +
                        vocab + ", " + width + ")\n";
    if (learned) model += "        self.positions = nn.Embedding(" + std::to_string(plan_.context) + ", " + width + ")\n";
    model += sharedLines_ + "        layers = []\n" + layers + "        self.blocks = nn.ModuleList(layers)\n";
    if (finalNorm != "none") model += "        self.final_norm = " + norm(finalNorm, plan_.dModel) + "\n";
    if (!tied) model += "        self.head = nn.Linear(" + width + ", " + vocab + ", bias=False)\n";
    model += "\n    def forward(self, tokens):\n        x = self.embedding(tokens)" +
             (scale == 1 ? std::string() : " * " + literal(scale)) + "\n";
    if (learned) model += "        x = x + self.positions.weight[:tokens.shape[1]]\n";
    model += "        for block in self.blocks:\n            x = block(x)\n";
    if (finalNorm != "none") model += "        x = self.final_norm(x)\n";
    model += std::string("        return ") + (tied ? "F.linear(x, self.embedding.weight)" : "self.head(x)") + "\n";
    if (faults_.hasErrors()) return faults_;

    std::string title = spec_.name;
    for (char& c : title)
      if (c == '"' || c == '\\') c = '\'';
    std::string out =
        "\"\"\"" + title + ": the design " + plan_.pattern +
        " as a PyTorch module, written by Serpentarium.\n\nload() gives the model with the weights beside this file; "
        "`python model.py 1,2,3` prints logits.\nInference only: expert layers take every token, and sequences start at their first "
        "one.\n\"\"\"\n" +
        pytorch::kHead;
    std::string sources = graphs_;   // classes first: graphs build on them
    for (const std::string& name : ordered()) out += "\n" + std::string(source(name));
    out += sources + model + "\n\n# Tensors of the file whose names mean something else in Python.\nRENAMED = {";
    for (const auto& [from, to] : renamed_) out += "\n    " + literal(from) + ": " + literal(to) + ",";
    return out + (renamed_.empty() ? "}\n" : "\n}\n") + pytorch::kTail;
  }

 private:
  static const char* source(const std::string& name) {
    std::string ignored;
    return pytorch::classSource(name, ignored);
  }
  void need(const std::string& name) {
    if (!needed_.insert(name).second) return;
    std::string more;
    pytorch::classSource(name, more);
    std::string word;
    for (const char c : more + " ") {
      if (c != ' ') word += c;
      else if (!word.empty()) need(std::exchange(word, ""));
    }
    order_.push_back(name);   // after what it builds on
  }
  const std::vector<std::string>& ordered() const { return order_; }

  std::string norm(const std::string& kind, std::int64_t width) {
    if (kind == "layer_norm") return "nn.LayerNorm(" + std::to_string(width) + ", eps=" + literal(eps_) + ")";
    if (kind != "rms_norm") return "None";
    need("RMSNorm");
    return "RMSNorm(" + std::to_string(width) + ", " + literal(eps_) + ")";
  }

  /// A block that shares weights is made where it stands first and used again behind it.
  std::string mixer(const PlanNode& node) {
    if (!node.params.has("share")) return make(node);
    const auto [it, first] = shared_.try_emplace(node.params.text("share"), "shared" + std::to_string(shared_.size() + 1));
    if (first) sharedLines_ += "        " + it->second + " = " + make(node) + "\n";
    return it->second;
  }

  std::string make(const PlanNode& node) {
    const ParamSet& p = node.params;
    const std::string widths = std::to_string(node.in) + ", " + std::to_string(node.out);
    const auto whole = [&](const char* key) { return std::to_string(p.integer(key)); };
    const std::string& kind = node.kind;
    if (kind == "linear") return "nn.Linear(" + widths + ", bias=" + literal(p.boolean("bias")) + ")";
    if (kind == "mamba") {
      need("Mamba");
      std::string slots;
      for (const PlanNode& child : node.children) slots += ", " + child.slot + "=" + make(child);
      const auto inner = static_cast<std::int64_t>(p.real("expand") * static_cast<double>(node.in));
      return "Mamba(" + widths + ", d_inner=" + std::to_string(inner) + ", d_state=" + whole("d_state") + ", d_conv=" + whole("d_conv") +
             ", dt_rank=" + whole("dt_rank") + ", conv_bias=" + literal(p.boolean("conv_bias")) +
             ", proj_bias=" + literal(p.boolean("proj_bias")) + slots + ")";
    }
    if (kind == "attention") {
      need("Attention");
      const std::string& positions = p.text("positions");
      return "Attention(" + widths + ", heads=" + whole("heads") + ", kv_heads=" + whole("kv_heads") + ", head_dim=" + whole("head_dim") +
             ", window=" + whole("window") + ", base=" + literal(positions == "rope" ? p.real("rope_base") : 0.0) +
             ", bias=" + literal(p.boolean("bias")) + ", learned=" + std::to_string(positions == "learned" ? plan_.context : 0) + ")";
    }
    if (kind == "dense_ffn" || kind == "gated_ffn") {
      const char* name = kind == "dense_ffn" ? "DenseFFN" : "GatedFFN";
      need(name);
      return std::string(name) + "(" + widths + ", d_ff=" + whole("d_ff") + ", activation=" + literal(p.text("activation")) +
             ", bias=" + literal(p.boolean("bias")) + ")";
    }
    if (kind == "switch_moe" || kind == "topk_moe") {
      need("Experts");
      const bool many = kind == "topk_moe";
      return "Experts(" + widths + ", experts=" + whole("experts") + ", top_k=" + (many ? whole("top_k") : "1") +
             ", d_expert=" + whole("d_expert") + ", activation=" + literal(p.text("activation")) +
             ", gated=" + literal(p.boolean("gated")) +
             (many ? ", renormalise=" + literal(p.boolean("renormalise")) + ", shared=" + whole("shared_expert") : std::string()) + ")";
    }
    if (kind == "mamba2" || kind == "shared_router_mamba") return relative(node, widths);
    if (kind == "expert_choice") return chosen(node, widths);
    if (kind == "parallel") {
      need("Parallel");
      std::string branches, norms;
      for (const PlanNode& child : node.children) {
        branches += (branches.empty() ? "" : ", ") + make(child);
        if (!child.norm.empty() && child.norm != "none") norms += (norms.empty() ? "" : ", ") + norm(child.norm, child.in);
      }
      return "Parallel([" + branches + "]" + (norms.empty() ? "" : ", norms=[" + norms + "]") + ")";
    }
    if (const BlockDefinition* d = findDefinition(kind); kind == "graph_block" || (d != nullptr && d->own.base == "graph_block"))
      return graph(node);
    faults_.error(node.specPath, kind + " has no PyTorch counterpart yet");
    return "None";
  }

  /// The state-space mixers beside Mamba.
  std::string relative(const PlanNode& node, const std::string& widths) {
    const ParamSet& p = node.params;
    const auto whole = [&](const char* key) { return std::string(", ") + key + "=" + std::to_string(p.integer(key)); };
    const auto flag = [&](const char* key) { return std::string(", ") + key + "=" + literal(p.boolean(key)); };
    const auto inner = static_cast<std::int64_t>(p.real("expand") * static_cast<double>(node.in));
    const std::string start = "(" + widths + ", d_inner=" + std::to_string(inner) + whole("d_state") + whole("d_conv");
    if (node.kind == "mamba2") {
      need("Mamba2");
      return "Mamba2" + start + whole("head_dim") + whole("groups") + flag("conv_bias") + flag("proj_bias") + flag("gated_norm") +
             ", eps=" + literal(eps_) + ")";
    }
    need("SharedRouterMamba");
    return "SharedRouterMamba" + start + whole("dt_rank") + flag("conv_bias") + whole("experts") + flag("conv_experts") +
           flag("gate_experts") + flag("out_experts") + ")";
  }

  std::string chosen(const PlanNode& node, const std::string& widths) {
    const ParamSet& p = node.params;
    if (p.text("group") != "batch")
      faults_.error(node.specPath, "expert_choice over a sequence or all tokens is not causal and is not written");
    need("ExpertChoice");
    return "ExpertChoice(" + widths + ", experts=" + std::to_string(p.integer("experts")) +
           ", d_expert=" + std::to_string(p.integer("d_expert")) + ", capacity_factor=" + literal(p.real("capacity_factor")) +
           ", over_tokens=" + literal(p.text("score") == "tokens") + ", norm_output=" + literal(p.boolean("norm_output")) +
           ", activation=" + literal(p.text("activation")) + ", gated=" + literal(p.boolean("gated")) + ")";
  }

  /// One class for each different graph.
  std::string graph(const PlanNode& node) {
    Diagnostics faults;
    const auto built =
        buildGraph(graphSource(node.kind, node.params), {node.in, node.out, node.dModel, plan_.context}, node.specPath, faults);
    if (built == nullptr) {
      faults_.append(faults);
      return "None";
    }
    const std::string key = graphText(*built) + refText(*built, built->out) + std::to_string(node.in);
    const auto known = graphNames_.find(key);
    const std::string name = known != graphNames_.end() ? known->second : "Graph" + std::to_string(graphNames_.size() + 1);
    const pytorch::GraphClass made =
        pytorch::graphClass(name, node.kind == "graph_block" ? "A block made of primitives." : node.kind + ", made of primitives.", *built,
                            node.in, plan_.context, eps_);
    if (known == graphNames_.end()) {
      graphNames_.emplace(key, name);
      graphs_ += "\n" + made.source;
      for (const std::string& n : made.needs) need(n);
    }
    graphRenames_[node.specPath] = made.renamed;
    graphSources_[node.specPath] = built;
    return name + "()";
  }

  /// Tensors whose nodes had to be renamed, at every place where the block stands.
  void rename(const PlanRun& run) {
    for (std::size_t i = run.first; i < run.first + run.length * run.times; ++i) renameIn(plan_.blocks[i], plan_.blocks[i].path + ".mixer");
  }
  void renameIn(const PlanNode& node, const std::string& path) {
    for (const PlanNode& child : node.children) renameIn(child, child.path);
    const auto it = graphRenames_.find(node.specPath);
    if (it == graphRenames_.end()) return;
    static const std::vector<std::string> parts = {".weight", ".bias", ".w1", ".w2", ".w3"};
    for (const GraphNode& n : graphSources_.at(node.specPath)->nodes) {
      const auto renamed = it->second.find(n.name);
      if (renamed == it->second.end()) continue;
      if (n.op() == "parameter") renamed_[path + "." + n.name] = path + "." + renamed->second;
      else if (n.cost.paramsTotal > 0)
        for (const std::string& part : parts) renamed_[path + "." + n.name + part] = path + "." + renamed->second + part;
    }
  }

  const RunSpec& spec_;
  const Plan& plan_;
  double eps_;
  Diagnostics faults_;
  std::set<std::string> needed_;
  std::vector<std::string> order_;
  std::string graphs_;
  std::string sharedLines_;
  std::map<std::string, std::string> graphNames_, renamed_, shared_;
  std::map<std::string, std::map<std::string, std::string>> graphRenames_;
  std::map<std::string, std::shared_ptr<const BlockGraph>> graphSources_;
};

}  // namespace

Result<std::string> pytorchSource(const RunSpec& spec, const Plan& plan) { return ModuleWriter(spec, plan).write(); }

Result<std::vector<fs::path>> exportPytorch(const fs::path& run, std::int64_t step, const fs::path& folder) {
  auto spec = loadRunSpec((run / "resolved.yaml").string());
  if (!spec) return spec.faults();
  const CheckpointStore store(run);
  std::optional<Checkpoint> checkpoint;
  if (step > 0) {
    auto at = store.at(step);
    if (!at) return at.faults();
    checkpoint = std::move(at).value();
  } else {
    CheckpointSearch search = store.newestGood();
    if (!search.found) return fault(ExitCode::BadData, "the run has no checkpoint", run.string());
    checkpoint = std::move(search.found);
  }
  auto weights = SafetensorsFile::open(checkpoint->model());
  if (!weights) return weights.faults();
  for (const TensorEntry& t : weights->tensors())
    if (t.name == "embedding.weight" && t.shape.size() == 2) spec->model.set("vocab", t.shape[0]);
  auto plan = planRun(*spec);
  if (!plan) return plan.faults();
  auto source = pytorchSource(*spec, *plan);
  if (!source) return source.faults();
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path module = folder / "model.py", file = folder / "model.safetensors";
  if (!error) fs::copy_file(checkpoint->model(), file, fs::copy_options::overwrite_existing, error);
  if (error) return fault(ExitCode::CannotWrite, "cannot write: " + error.message(), file.string());
  if (auto written = writeFileAtomically(module, *source); !written) return written.faults();
  return std::vector<fs::path>{module, file};
}

}  // namespace serp
