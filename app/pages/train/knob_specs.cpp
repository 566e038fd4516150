// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the knobs of a design from the declarations of its blocks.
#include "app/pages/train/knob_specs.h"

#include <algorithm>

#include "engine/api/catalog.h"

namespace serp::app {
namespace {

double number(const ParamValue& value, double otherwise) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  return otherwise;
}

bool numeric(const Param& param) { return (param.type == ParamType::Integer || param.type == ParamType::Real) && param.formula.empty(); }

KnobSpec knobOf(const Param& param, const std::string& path, double preset, bool live) {
  KnobSpec out;
  out.path = QString::fromStdString(path);
  out.name = QString::fromStdString(param.name);
  out.help = QString::fromStdString(param.help);
  out.minimum = param.minimum;
  out.maximum = param.maximum;
  out.preset = preset;
  out.integer = param.type == ParamType::Integer;
  out.live = live;
  return out;
}

void collect(const BlockSpec& block, std::vector<KnobSpec>& live, std::vector<KnobSpec>& structural) {
  for (const BlockSpec& child : block.children) collect(child, live, structural);
  for (const auto& [slot, filled] : block.filled) collect(filled, live, structural);
  const BlockInfo* info = findBlock(block.kind);
  if (!info) return;
  for (const Param& param : info->schema) {
    const bool shape = param.name == "experts" || param.name == "top_k";
    if (!numeric(param) || (!param.acts && !shape)) continue;
    std::vector<KnobSpec>& into = param.acts ? live : structural;
    const QString name = QString::fromStdString(param.name);
    if (std::any_of(into.begin(), into.end(), [&](const KnobSpec& k) { return k.name == name; })) continue;
    const double preset = number(block.params.has(param.name) ? block.params.value(param.name) : param.fallback, param.minimum);
    into.push_back(knobOf(param, "**." + param.name, preset, param.acts));
  }
}

}  // namespace

std::vector<KnobSpec> knobSpecs(const RunSpec& spec) {
  std::vector<KnobSpec> live, structural;
  for (const Param& param : section("train").schema) {
    if (!numeric(param) || !param.acts) continue;
    const double preset = number(spec.train.has(param.name) ? spec.train.value(param.name) : param.fallback, 1);
    KnobSpec knob = knobOf(param, "train." + param.name, preset, true);
    if (param.name == "learning_rate_scale") {
      knob.name = QStringLiteral("learning_rate");   // what it acts on; the factor says how
      knob.factor = true;
    }
    live.push_back(std::move(knob));
  }
  for (const BlockSpec& block : spec.blocks) collect(block, live, structural);
  live.insert(live.end(), structural.begin(), structural.end());
  return live;
}

}  // namespace serp::app
