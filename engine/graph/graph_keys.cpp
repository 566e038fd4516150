// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of one node: values typed by the declaration of the primitive, formulas worked out in the scope where the node stands.
#include <algorithm>
#include <cmath>

#include "engine/base/text.h"
#include "engine/graph/graph_reader.h"
#include "engine/spec/formula.h"
#include "engine/spec/resolve.h"
#include "engine/spec/value_reader.h"

namespace serp {
namespace {

/// What a formula or a plain word of a node means, from its scope outwards.
class Numbers {
 public:
  explicit Numbers(const GraphNumbers& all) : all_(all) {}

  std::optional<double> formula(const std::string& text, const GraphScope* scope, std::int64_t width, const ParamSet* own,
                                int depth = 0) const {
    if (depth > 32) return std::nullopt;
    return evaluateFormula(text, [&](std::string_view name) { return named(std::string(name), scope, width, own, depth); });
  }
  /// A word that names a value of the block, or the word itself.
  std::string word(const std::string& text, const GraphScope* scope) const {
    if (scope == nullptr) {
      const auto it = all_.values.all().find(text);
      if (it == all_.values.all().end() || text == "nodes" || text == "out") return text;
      return std::holds_alternative<std::string>(it->second) ? std::get<std::string>(it->second) : valueText(it->second);
    }
    for (const auto& [name, value] : scope->given)
      if (name == text) return word(value, scope->outer.get());
    for (const auto& [name, value] : scope->defaults)
      if (name == text) return value;
    return text;
  }

 private:
  std::optional<double> named(const std::string& name, const GraphScope* scope, std::int64_t width, const ParamSet* own, int depth) const {
    if (name == "d_model") return static_cast<double>(all_.widths.dModel);
    if (name == "context") return static_cast<double>(all_.widths.context);
    if (name == "width") return static_cast<double>(width);
    if (own != nullptr && own->has(name)) return number(own->value(name));
    if (scope != nullptr) {
      const std::int64_t in = all_.widthOf(scope->input);
      if (name == "d_in") return static_cast<double>(in);
      if (name == "d_out") return formula(scope->to, scope->outer.get(), in, nullptr, depth + 1);
      for (const auto& [key, text] : scope->given)
        if (key == name) return formula(text, scope->outer.get(), in, nullptr, depth + 1);
      for (const auto& [key, text] : scope->defaults)
        if (key == name) return formula(text, scope, in, nullptr, depth + 1);
      return std::nullopt;
    }
    if (name == "d_in") return static_cast<double>(all_.widths.in);
    if (name == "d_out") return static_cast<double>(all_.widths.out);
    return all_.values.has(name) ? number(all_.values.value(name)) : std::nullopt;
  }
  static std::optional<double> number(const ParamValue& value) {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
    if (const auto* r = std::get_if<double>(&value)) return *r;
    return std::nullopt;
  }

  const GraphNumbers& all_;
};

class KeyReader {
 public:
  KeyReader(const GraphEntry& e, const GraphNumbers& numbers, const std::string& path, Diagnostics& faults)
      : e_(e), numbers_(numbers), source_(numbers), width_(numbers.width), path_(path), faults_(faults) {}

  bool run(GraphNode& node, std::vector<std::int64_t>& sizes) {
    unknownKeys();
    for (const Param& p : e_.info->schema) {
      const YamlNode* value = e_.keys.find(p.name);
      if (value != nullptr) given(p, *value, node.params);
      else if (p.formula.empty()) node.params.set(p.name, p.fallback);
    }
    for (const Param& p : e_.info->schema)
      if (!p.formula.empty() && !node.params.has(p.name)) numeric(p, p.formula, true, node.params);
    for (const auto& [name, text] : e_.parts) node.parts.emplace_back(name, size(text, ".into"));
    for (const std::string& text : e_.sizes) sizes.push_back(size(text, ".sizes"));
    return good_;
  }

 private:
  void fail(const std::string& key, const std::string& message, const std::string& fix = {}) {
    faults_.error(path_ + key, message);
    faults_.items.back().fix = fix;
    good_ = false;
  }

  void unknownKeys() {
    std::vector<std::string> allowed = {"op", "from"};
    for (const Param& p : e_.info->schema) allowed.push_back(p.name);
    if (e_.info->op == "split") allowed.push_back("into");
    if (e_.info->op == "parameter" || e_.info->op == "constant") allowed.push_back("sizes");
    for (const YamlNode& key : e_.keys.keys) {
      if (std::find(allowed.begin(), allowed.end(), key.value) != allowed.end()) continue;
      const std::string close = nearest(key.value, allowed);
      std::string list;
      for (const std::string& a : allowed) list += (list.empty() ? " " : ", ") + a;
      fail("." + key.value, "unknown key" + (close.empty() ? "; allowed here:" + list : ", did you mean \"" + close + "\"?"), close);
    }
  }

  void given(const Param& p, const YamlNode& value, ParamSet& params) {
    const std::string at = path_ + "." + p.name;
    if (value.isScalar() && (p.type == ParamType::Integer || p.type == ParamType::Real)) return numeric(p, value.value, false, params);
    YamlNode named = value;
    if (value.isScalar()) named.value = numbers_.word(value.value, e_.scope.get());
    FaultList list("");
    if (auto v = readValue(p, named, at, list)) return params.set(p.name, std::move(*v));
    for (const Diagnostic& d : list.sorted().items) fail(d.path.substr(path_.size()), d.message, d.fix);
    params.set(p.name, p.fallback);
  }

  void numeric(const Param& p, const std::string& text, bool fallback, ParamSet& params) {
    const auto value = plain(text) ? parseReal(text) : numbers_.formula(text, e_.scope.get(), width_, fallback ? &params : nullptr);
    const bool whole = p.type == ParamType::Integer;
    const std::string found =
        "found " + (plain(text) ? text : "\"" + text.substr(0, 80) + "\"" + (value ? " = " + numberText(*value) : ""));
    const bool fits = value && inRange(p, *value) && (!whole || std::floor(*value) == *value);
    if (!fits) {
      const bool unknown = !value;
      fail("." + p.name, found + ", expected " + p.rangeText() +
                             (unknown ? "; formulas may name d_in, d_out, d_model, context, width" + valueNames()
                              : whole && value && inRange(p, *value) ? "; int(...) cuts a fraction off"
                                                                     : ""));
    }
    const double number = fits ? *value : std::max(p.minimum, 1.0);
    if (whole) params.set(p.name, static_cast<std::int64_t>(number));
    else params.set(p.name, number);
  }

  std::int64_t size(const std::string& text, const char* key) {
    const auto value = plain(text) ? parseReal(text) : numbers_.formula(text, e_.scope.get(), width_, nullptr);
    if (value && *value >= 1 && *value <= static_cast<double>(kMaxWidth) && std::floor(*value) == *value)
      return static_cast<std::int64_t>(*value);
    fail(key, "found " + (plain(text) ? text : "\"" + text.substr(0, 80) + "\"" + (value ? " = " + numberText(*value) : "")) +
                  ", expected a whole number 1.." + std::to_string(kMaxWidth) +
                  (value ? "" : " or a formula over d_in, d_out, d_model, context, width" + valueNames()));
    return 1;
  }

  std::string valueNames() const {
    std::string out;
    if (e_.scope != nullptr) return out;
    for (const auto& [name, value] : source_.values.all())
      if (!std::holds_alternative<std::string>(value)) out += ", " + name;
    return out;
  }
  static bool plain(const std::string& text) { return parseReal(text).has_value(); }

  const GraphEntry& e_;
  Numbers numbers_;
  const GraphNumbers& source_;
  std::int64_t width_;
  std::string path_;
  Diagnostics& faults_;
  bool good_ = true;
};

}  // namespace

bool readKeys(const GraphEntry& entry, const GraphNumbers& numbers, const std::string& path, GraphNode& node,
              std::vector<std::int64_t>& sizes, Diagnostics& faults) {
  return KeyReader(entry, numbers, path, faults).run(node, sizes);
}

}  // namespace serp
