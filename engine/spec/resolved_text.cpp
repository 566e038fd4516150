// SPDX-License-Identifier: GPL-3.0-or-later
// A RunSpec written out in full: every default stands there, so the file means the same in every later version.
#include <sstream>

#include "engine/api/spec.h"
#include "engine/base/text.h"
#include "engine/spec/resolve.h"

namespace serp {
namespace {

void writeSection(std::ostream& out, const std::string& name, const ParamSet& set, const std::string& indent) {
  for (const Param& p : section(name).schema)
    if (set.has(p.name)) out << indent << p.name << ": " << valueText(set.value(p.name)) << "\n";
}

std::string entryText(const ResolvedBlock& block, const DesignContext& design) {
  const bool parallel = block.spec->kind == "parallel";
  // Blocks of a person's own are written as what they are made of: a run does not depend on files outside it.
  const BlockDefinition& own = *block.definition;
  const BlockDefinition& definition = own.own.base.empty() ? own : *findDefinition(own.own.base);
  ParamSet params = own.own.base.empty() ? block.params : own.own.asBase(block.params);
  if (definition.hooks.written != nullptr)
    params = definition.hooks.written(params, {block.in, block.out, design.dModel, design.context, design.batch, nullptr});
  std::string out = "{";
  if (parallel) {
    std::string branches;
    for (const ResolvedBlock& child : block.children) branches += (branches.empty() ? "" : ", ") + entryText(child, design);
    out += "parallel: [" + branches + "]";
  } else {
    out += "kind: " + definition.info.kind;
  }
  if (block.spec->params.has("norm")) out += ", norm: " + block.spec->params.text("norm");
  if (block.spec->params.has("share")) out += ", share: " + valueText(block.spec->params.value("share"));
  if (block.bypassed) out += ", bypass: true";
  for (const Param& p : definition.info.schema)
    if (params.has(p.name)) out += ", " + p.name + ": " + (p.type == ParamType::Graph ? params.text(p.name) : valueText(params.value(p.name)));
  if (!parallel)
    for (const ResolvedBlock& child : block.children)
      if (child.spec != nullptr) out += ", " + child.slot + ": " + entryText(child, design);
  return out + "}";
}

void writeBlocks(std::ostream& out, const std::vector<ResolvedBlock>& blocks, const DesignContext& design, const std::string& indent) {
  for (const ResolvedBlock& block : blocks) {
    if (block.spec->kind == "repeat") {
      out << indent << "- repeat: " << block.params.integer("count") << "\n" << indent << "  blocks:\n";
      writeBlocks(out, block.children, design, indent + "    ");
    } else {
      out << indent << "- " << entryText(block, design) << "\n";
    }
  }
}

}  // namespace

std::string resolvedText(const RunSpec& spec) {
  std::ostringstream out;
  Diagnostics ignored;  // a RunSpec has passed these checks
  out << "name: " << valueText(ParamValue(spec.name)) << "\n";
  writeSection(out, "", spec.top, "");
  out << "model:\n";
  writeSection(out, "model", spec.model, "  ");
  out << "  blocks:\n";
  const DesignContext design = designContext(spec);
  writeBlocks(out, resolveBlocks(spec.blocks, design, ignored), design, "    ");
  out << "train:\n";
  writeSection(out, "train", spec.train, "  ");
  out << "data:\n";
  writeSection(out, "data", spec.data, "  ");
  const ReferenceResult& r = spec.reference;
  if (r.loss || r.steps || r.speedup || !r.source.empty() || !r.baseline.empty()) {
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
