// SPDX-License-Identifier: GPL-3.0-or-later
// A RunSpec written out in full: every default stands there, so the file means the same in every later version.
#include <sstream>

#include "engine/api/plan.h"
#include "engine/api/spec.h"
#include "engine/base/text.h"
#include "engine/spec/block_info.h"

namespace serp {
namespace {

void writeSection(std::ostream& out, const std::string& name, const ParamSet& set, const std::string& indent) {
  for (const Param& p : section(name).schema)
    if (set.has(p.name)) out << indent << p.name << ": " << valueText(set.value(p.name)) << "\n";
}

/// Blocks of one list with their resolved parameters, taken from the first planned node that stands for each.
class Writer {
 public:
  Writer(std::ostream& out, const Plan* plan) : out_(out), plan_(plan) {}

  void list(const std::vector<BlockSpec>& blocks, const std::string& indent) {
    for (const BlockSpec& b : blocks) {
      if (b.kind == "repeat") {
        out_ << indent << "- repeat: " << b.params.integer("repeat") << "\n" << indent << "  blocks:\n";
        list(b.children, indent + "    ");
      } else {
        out_ << indent << "- " << flow(b) << "\n";
      }
    }
  }

 private:
  std::string flow(const BlockSpec& b) {
    const ParamSet& params = resolved(b);
    const BlockEntry* entry = findEntry(b.kind);
    std::string out;
    if (b.kind == "parallel") {
      for (const BlockSpec& child : b.children) out += (out.empty() ? "" : ", ") + flow(child);
      out = "{parallel: [" + out + "]";
    } else {
      out = "{kind: " + b.kind;
    }
    if (b.params.has("norm")) out += ", norm: " + b.params.text("norm");
    if (entry)
      for (const Param& p : entry->info.schema) {
        if (p.type == ParamType::Slot) {
          const auto it = b.filled.find(p.name);
          if (it != b.filled.end()) out += ", " + p.name + ": " + flow(it->second);
        } else if (params.has(p.name)) {
          out += ", " + p.name + ": " + valueText(params.value(p.name));
        }
      }
    return out + "}";
  }

  const ParamSet& resolved(const BlockSpec& b) const {
    const PlanNode* node = plan_ ? find(plan_->blocks, b.path) : nullptr;
    return node ? node->params : b.params;
  }
  static const PlanNode* find(const std::vector<PlanNode>& nodes, const std::string& path) {
    for (const PlanNode& n : nodes) {
      if (n.specPath == path) return &n;
      if (!path.starts_with(n.specPath)) continue;
      if (const PlanNode* inner = find(n.children, path)) return inner;
    }
    return nullptr;
  }

  std::ostream& out_;
  const Plan* plan_;
};

}  // namespace

std::string resolvedText(const RunSpec& spec) {
  std::ostringstream out;
  const auto plan = planRun(spec);
  out << "name: " << valueText(ParamValue(spec.name)) << "\n";
  writeSection(out, "", spec.top, "");
  out << "model:\n";
  writeSection(out, "model", spec.model, "  ");
  out << "  blocks:\n";
  Writer(out, plan ? &*plan : nullptr).list(spec.blocks, "    ");
  out << "train:\n";
  writeSection(out, "train", spec.train, "  ");
  out << "data:\n";
  writeSection(out, "data", spec.data, "  ");
  const ReferenceResult& r = spec.reference;
  if (r.loss || r.steps || r.speedup || !r.source.empty()) {
    out << "reference:\n";
    if (r.loss) out << "  loss: " << numberText(*r.loss) << "\n";
    if (r.steps) out << "  steps: " << numberText(*r.steps) << "\n";
    if (r.speedup) out << "  speedup: " << numberText(*r.speedup) << "\n";
    if (!r.source.empty()) out << "  source: " << valueText(ParamValue(r.source)) << "\n";
    if (!r.baseline.empty()) out << "  baseline: " << valueText(ParamValue(r.baseline)) << "\n";
  }
  return out.str();
}

}  // namespace serp
