// SPDX-License-Identifier: GPL-3.0-or-later
// Defaults, derived defaults, slots and checks, block by block.
#include "engine/spec/resolve.h"

#include <cmath>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/spec/formula.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

class Resolver {
 public:
  Resolver(const DesignContext& design, Diagnostics& faults, const std::function<bool(const std::string&)>& skip)
      : design_(design), faults_(faults), skip_(skip) {}

  std::vector<ResolvedBlock> list(const std::vector<BlockSpec>& blocks) {
    std::vector<ResolvedBlock> out;
    out.reserve(blocks.size());
    for (const BlockSpec& b : blocks) out.push_back(entry(b));
    return out;
  }

 private:
  ResolvedBlock entry(const BlockSpec& spec) {
    ResolvedBlock block = start(spec, design_.dModel, design_.dModel);
    if (spec.kind == "repeat") {
      block.children = list(spec.children);
      return block;
    }
    block.norm = normOf(spec);
    if (spec.kind == "parallel") {
      // With norms of their own the branches normalise for themselves, and nothing stands before the container.
      const bool own = block.params.text("norms") == "own";
      for (const BlockSpec& branch : spec.children) {
        block.children.push_back(whole(branch, design_.dModel, design_.dModel));
        block.children.back().norm = own ? block.norm : "none";
      }
      if (own) block.norm = "none";
      return block;
    }
    fillSlots(block);
    return block;
  }

  ResolvedBlock whole(const BlockSpec& spec, std::int64_t in, std::int64_t out) {
    ResolvedBlock block = start(spec, in, out);
    fillSlots(block);
    return block;
  }

  std::string normOf(const BlockSpec& spec) const { return spec.params.has("norm") ? spec.params.text("norm") : design_.norm; }

  ResolvedBlock start(const BlockSpec& spec, std::int64_t in, std::int64_t out, const ParamSet* hints = nullptr) {
    ResolvedBlock block;
    block.definition = findDefinition(spec.kind);
    if (block.definition == nullptr) throw Error(ExitCode::BadConfiguration, spec.path + ".kind: unknown kind \"" + spec.kind + "\"");
    block.spec = &spec;
    block.path = spec.path;
    block.place = spec.place;
    block.in = in;
    block.out = out;
    block.bypassed = spec.params.has("bypass") && spec.params.boolean("bypass");
    fillDefaults(block, spec.params, hints);
    check(block);
    return block;
  }

  void fillDefaults(ResolvedBlock& block, const ParamSet& given, const ParamSet* hints) {
    const ParamSchema& schema = block.definition->info.schema;
    for (const Param& p : schema) {
      if (p.type == ParamType::Slot) continue;
      if (given.has(p.name)) block.params.set(p.name, given.value(p.name));
      else if (hints != nullptr && hints->has(p.name)) block.params.set(p.name, hints->value(p.name));
      else if (p.formula.empty()) block.params.set(p.name, p.fallback);
    }
    for (const Param& p : schema) {
      if (p.type == ParamType::Slot || block.params.has(p.name)) continue;
      const auto value = evaluate(p.formula, block);
      if (!value || !inRange(p, *value)) {
        error(block, p.name, "the default " + p.formula + (value ? " = " + numberText(*value) : "") + " is not allowed (" + p.rangeText() + "); set it");
        const double substitute = p.minimum > 0 ? p.minimum : 1;
        setNumber(block.params, p, substitute);
      } else {
        setNumber(block.params, p, *value);
      }
    }
  }

  static void setNumber(ParamSet& params, const Param& p, double value) {
    if (p.type == ParamType::Integer) params.set(p.name, static_cast<std::int64_t>(value));
    else params.set(p.name, value);
  }

  std::optional<double> evaluate(const std::string& formula, const ResolvedBlock& block) const {
    return evaluateFormula(formula, [&](std::string_view name) -> std::optional<double> {
      if (name == "d_model") return static_cast<double>(design_.dModel);
      if (name == "d_in") return static_cast<double>(block.in);
      if (name == "d_out") return static_cast<double>(block.out);
      if (name == "context") return static_cast<double>(design_.context);
      const auto it = block.params.all().find(std::string(name));
      if (it == block.params.all().end()) return std::nullopt;
      if (const auto* i = std::get_if<std::int64_t>(&it->second)) return static_cast<double>(*i);
      if (const auto* r = std::get_if<double>(&it->second)) return *r;
      return std::nullopt;
    });
  }

  std::optional<std::int64_t> width(const std::string& formula, const Param& slot, const ResolvedBlock& block) {
    const auto value = evaluate(formula, block);
    if (value && *value >= 1 && *value <= static_cast<double>(kMaxWidth)) return static_cast<std::int64_t>(*value);
    error(block, slot.name, "the width " + formula + (value ? " = " + numberText(std::trunc(*value)) : "") + " must lie in 1.." + std::to_string(kMaxWidth));
    return std::nullopt;
  }

  void fillSlots(ResolvedBlock& block) {
    const BlockDefinition& own = *block.definition;
    for (const Param& p : own.info.schema) {
      if (p.type != ParamType::Slot) continue;
      const auto in = width(p.slotIn, p, block), out = width(p.slotOut, p, block);
      if (!in || !out) return;
      ParamSet hints;
      if (own.hooks.fillSlot != nullptr) own.hooks.fillSlot(block.params, p.name, hints);
      const auto filled = block.spec == nullptr ? std::map<std::string, BlockSpec>::const_iterator{} : block.spec->filled.find(p.name);
      if (block.spec != nullptr && filled != block.spec->filled.end()) {
        const bool standard = filled->second.kind == p.slotKind;
        block.children.push_back(start(filled->second, *in, *out, standard ? &hints : nullptr));
      } else {
        block.children.push_back(standardFill(p, block, *in, *out, hints));
      }
      block.children.back().slot = p.name;
      fillSlots(block.children.back());
    }
  }

  /// The default block of a slot the design says nothing about.
  ResolvedBlock standardFill(const Param& slot, const ResolvedBlock& owner, std::int64_t in, std::int64_t out, const ParamSet& hints) {
    ResolvedBlock block;
    block.definition = findDefinition(slot.slotKind);
    SERP_CHECK(block.definition != nullptr, "slot " + slot.name + " defaults to unregistered kind " + slot.slotKind);
    block.path = owner.path + "." + slot.name;
    block.place = owner.place;
    block.in = in;
    block.out = out;
    fillDefaults(block, {}, &hints);
    check(block);
    return block;
  }

  void check(const ResolvedBlock& block) {
    if (block.definition->check == nullptr || (skip_ && skip_(block.path))) return;
    Diagnostics found;
    const BuildContext context{block.in, block.out, design_.dModel, design_.context, design_.batch, nullptr};
    block.definition->check(block.params, context, block.path, found);
    for (Diagnostic& d : found.items) {
      place(d, block);
      faults_.items.push_back(std::move(d));
    }
  }

  void error(const ResolvedBlock& block, const std::string& key, std::string message) {
    Diagnostic d{Severity::Error, {}, 0, 0, block.path + "." + key, std::move(message), {}, 0};
    place(d, block);
    faults_.items.push_back(std::move(d));
  }

  /// The key's place if the design gives it, else the block's.
  static void place(Diagnostic& d, const ResolvedBlock& block) {
    Place where = block.place;
    if (block.spec != nullptr && d.path.starts_with(block.path + ".")) {
      std::string key = d.path.substr(block.path.size() + 1);
      auto it = block.spec->places.find(key);
      // What is missing inside a graph is told at the node that lacks it.
      for (std::size_t dot; it == block.spec->places.end() && (dot = key.rfind('.')) != std::string::npos;) it = block.spec->places.find(key = key.substr(0, dot));
      if (it != block.spec->places.end()) {
        where = it->second;
        d.length = static_cast<int>(key.size() - (key.rfind('.') + 1));
      }
    }
    d.line = where.line;
    d.column = where.column;
  }

  const DesignContext& design_;
  Diagnostics& faults_;
  const std::function<bool(const std::string&)>& skip_;
};

}  // namespace

DesignContext designContext(const RunSpec& spec) {
  return {spec.model.integer("d_model"), spec.data.integer("context"), spec.train.integer("batch"), spec.model.text("norm")};
}

std::vector<ResolvedBlock> resolveBlocks(const std::vector<BlockSpec>& blocks, const DesignContext& design, Diagnostics& faults,
                                         const std::function<bool(const std::string& path)>& skip) {
  return Resolver(design, faults, skip).list(blocks);
}

}  // namespace serp
