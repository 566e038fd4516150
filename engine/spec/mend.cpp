// SPDX-License-Identifier: GPL-3.0-or-later
// Remedies for rules that a design breaks: the nearest value that keeps the rule, or the block that is missing.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/api/edit.h"
#include "engine/api/spec.h"
#include "engine/base/text.h"
#include "engine/spec/block_info.h"
#include "engine/spec/resolve.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

const ResolvedBlock* blockAt(const std::vector<ResolvedBlock>& blocks, const std::string& path) {
  for (const ResolvedBlock& block : blocks) {
    if (block.path == path) return &block;
    if (const ResolvedBlock* inner = blockAt(block.children, path)) return inner;
  }
  return nullptr;
}

std::int64_t nearestDivisor(std::int64_t width, std::int64_t wanted) {
  std::int64_t best = 1;
  for (std::int64_t d = 1; d <= width && d <= 4096; ++d)
    if (width % d == 0 && std::llabs(d - wanted) < std::llabs(best - wanted)) best = d;
  return best;
}

/// A value of the key that keeps the rule, or empty: tried, not assumed.
std::string remedy(const std::string& text, const ResolvedBlock& block, const std::string& key) {
  const Param* param = nullptr;
  for (const Param& p : block.definition->info.schema)
    if (p.name == key) param = &p;
  if (param == nullptr || param->type == ParamType::Slot || block.definition->check == nullptr) return {};
  const auto keeps = [&](const ParamValue& value) {  // in the text, where what follows from the key follows it
    const auto edit = setKeys(text, {block.path}, key, valueText(value));
    if (!edit) return false;
    const DraftSpec tried = draftRunSpec(edit->text);
    const std::string inside = block.path + ".";
    return tried.spec && std::none_of(tried.faults.items.begin(), tried.faults.items.end(), [&](const Diagnostic& d) {
             return d.severity == Severity::Error && d.path.starts_with(inside);
           });
  };
  std::vector<ParamValue> candidates;
  if (param->type == ParamType::Integer) {
    const std::int64_t now = block.params.integer(key);
    candidates.emplace_back(nearestDivisor(block.in, now));
    for (const auto& [name, value] : block.params.all())   // "at most as many as": the other key's value
      if (const auto* other = std::get_if<std::int64_t>(&value); other != nullptr && *other < now && name != key && inRange(*param, static_cast<double>(*other))) candidates.emplace_back(*other);
  } else if (param->type == ParamType::Real) {
    const double now = block.params.real(key);
    candidates.emplace_back(std::max(now, std::ceil(1000.0 / static_cast<double>(block.in)) / 1000));   // one whole channel
    for (const auto& [name, value] : block.params.all())
      if (const auto* other = std::get_if<double>(&value); other != nullptr && name != key && inRange(*param, static_cast<double>(*other))) candidates.emplace_back(*other);
  }
  if (param->formula.empty()) candidates.push_back(param->fallback);
  for (const ParamValue& value : candidates)
    if (keeps(value)) return valueText(value);
  return {};
}

}  // namespace

std::optional<Mending> mendFault(const std::string& text, const Diagnostic& fault) {
  if (fault.severity != Severity::Error || !fault.fix.empty() || fault.path.empty()) return std::nullopt;
  const DraftSpec draft = draftRunSpec(text);
  if (!draft.spec) return std::nullopt;
  const std::string& path = fault.path;
  if (path.ends_with(".blocks") || path.ends_with(".parallel")) {
    auto edit = insertBlocks(text, path, 0, "mamba");
    if (!edit) return std::nullopt;
    return Mending{"insert mamba", std::move(*edit)};
  }
  const std::size_t dot = path.rfind('.');
  if (dot == std::string::npos) return std::nullopt;
  Diagnostics ignored;
  const std::vector<ResolvedBlock> blocks = resolveBlocks(draft.spec->blocks, designContext(*draft.spec), ignored);
  const ResolvedBlock* block = blockAt(blocks, path.substr(0, dot));
  if (block == nullptr || block->spec == nullptr) return std::nullopt;
  const std::string key = path.substr(dot + 1), value = remedy(text, *block, key);
  if (value.empty()) return std::nullopt;
  auto edit = setKeys(text, {block->path}, key, value);
  if (!edit) return std::nullopt;
  return Mending{key + ": " + value, std::move(*edit)};
}

}  // namespace serp
