// SPDX-License-Identifier: GPL-3.0-or-later
// A parameter as its block or section declares it, once: type, range, default, unit, help, and whether it acts on a running model.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace serp {

enum class ParamType { Integer, Real, Boolean, Choice, Text, TextList, Slot, Graph };

/// Values as they stand after validation. TextList is kept as strings, Graph as the text of its map in flow style.
using ParamValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::string>>;

struct Param {
  std::string name;
  ParamType type = ParamType::Integer;
  double minimum = 0, maximum = 0;           ///< Integer and Real
  bool minimumOpen = false;                  ///< the range excludes its minimum
  ParamValue fallback;                       ///< default when `formula` is empty
  std::string formula;                       ///< derived default, e.g. "3 * d_model"; names: other params, d_model, d_in, d_out, context
  std::vector<std::string> choices;          ///< Choice
  std::string unit;                          ///< "tokens", "s", or empty
  std::string help;
  bool acts = false;                         ///< live: a change acts at the next step
  std::string slotKind, slotIn, slotOut;     ///< Slot: default block kind and the formulas of its widths

  Param& live() { acts = true; return *this; }
  Param& units(std::string u) { unit = std::move(u); return *this; }
  Param& openMinimum() { minimumOpen = true; return *this; }
  /// "integer 1..4096, default 16": what error messages and docs print.
  std::string rangeText() const;
};

using ParamSchema = std::vector<Param>;

/// Marks a default that is computed from others.
struct Derived { std::string formula; };
inline Derived derived(std::string formula) { return {std::move(formula)}; }

Param integer(std::string name, double minimum, double maximum, std::int64_t fallback, std::string help);
Param integer(std::string name, double minimum, double maximum, Derived fallback, std::string help);
Param real(std::string name, double minimum, double maximum, double fallback, std::string help);
Param real(std::string name, double minimum, double maximum, Derived fallback, std::string help);
Param boolean(std::string name, bool fallback, std::string help);
Param choice(std::string name, std::vector<std::string> choices, std::string fallback, std::string help);
Param text(std::string name, std::string fallback, std::string help);
Param textList(std::string name, std::vector<std::string> fallback, std::string help);
/// A place that holds another block; widths are formulas. The default kind is used when the design does not fill it.
Param slot(std::string name, std::string kind, std::string in, std::string out, std::string help);

/// A map of primitives by name (engine/api/block_graph.h), kept as text: "{out: {op: linear, from: x, to: d_out}}".
Param graph(std::string name, std::string fallback, std::string help);

/// Values by name. Asking for a name or type that is not there is our bug (serp::Error Internal).
class ParamSet {
 public:
  bool has(const std::string& name) const { return values_.count(name) != 0; }
  std::int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;   ///< also reads integers
  bool boolean(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::vector<std::string>& list(const std::string& name) const;
  const ParamValue& value(const std::string& name) const;
  void set(const std::string& name, ParamValue value) { values_[name] = std::move(value); }
  void erase(const std::string& name) { values_.erase(name); }
  const std::map<std::string, ParamValue>& all() const { return values_; }

 private:
  std::map<std::string, ParamValue> values_;
};

/// A value as it would stand in YAML.
std::string valueText(const ParamValue& value);

}  // namespace serp
