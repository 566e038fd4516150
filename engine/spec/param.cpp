// SPDX-License-Identifier: GPL-3.0-or-later
// Constructors of parameters, their printed ranges, and sets of values.
#include "engine/api/param.h"

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace serp {
namespace {

Param named(std::string name, ParamType type, std::string help) {
  Param p;
  p.name = std::move(name);
  p.type = type;
  p.help = std::move(help);
  return p;
}

Param ranged(std::string name, ParamType type, double minimum, double maximum, std::string help) {
  Param p = named(std::move(name), type, std::move(help));
  p.minimum = minimum;
  p.maximum = maximum;
  return p;
}

std::string bound(const Param& p, double value) {
  return p.type == ParamType::Integer ? std::to_string(static_cast<std::int64_t>(value)) : numberText(value);
}

/// Whether YAML reads the text back as the same plain scalar.
bool plainSafe(const std::string& s) {
  if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL" || s == "true" || s == "false" || s == "-" || s == "---" || s == "...") return false;
  if (s.front() == ' ' || s.back() == ' ' || s.back() == ':') return false;
  for (const char c : s)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  if (std::string("-?:,[]{}#&*!|>'\"%@`=<").find(s.front()) != std::string::npos) return false;
  if (s.find_first_of(",[]{}\"\\") != std::string::npos) return false;
  return s.find(": ") == std::string::npos && s.find(" #") == std::string::npos && !parseReal(s);
}

std::string quoted(const std::string& s) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += std::string("\\") + c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (c == '\r') out += "\\r";
    else if (u < 0x20 || u == 0x7F) out += std::string("\\x") + kHex[u >> 4] + kHex[u & 15];
    else out += c;
  }
  return out + "\"";
}

std::string textValue(const std::string& s) { return plainSafe(s) ? s : quoted(s); }

}  // namespace

Param integer(std::string name, double minimum, double maximum, std::int64_t fallback, std::string help) {
  Param p = ranged(std::move(name), ParamType::Integer, minimum, maximum, std::move(help));
  p.fallback = fallback;
  return p;
}

Param integer(std::string name, double minimum, double maximum, Derived fallback, std::string help) {
  Param p = ranged(std::move(name), ParamType::Integer, minimum, maximum, std::move(help));
  p.formula = std::move(fallback.formula);
  return p;
}

Param real(std::string name, double minimum, double maximum, double fallback, std::string help) {
  Param p = ranged(std::move(name), ParamType::Real, minimum, maximum, std::move(help));
  p.fallback = fallback;
  return p;
}

Param real(std::string name, double minimum, double maximum, Derived fallback, std::string help) {
  Param p = ranged(std::move(name), ParamType::Real, minimum, maximum, std::move(help));
  p.fallback = 0.0;
  p.formula = std::move(fallback.formula);
  return p;
}

Param boolean(std::string name, bool fallback, std::string help) {
  Param p = named(std::move(name), ParamType::Boolean, std::move(help));
  p.fallback = fallback;
  return p;
}

Param choice(std::string name, std::vector<std::string> choices, std::string fallback, std::string help) {
  Param p = named(std::move(name), ParamType::Choice, std::move(help));
  p.choices = std::move(choices);
  p.fallback = std::move(fallback);
  return p;
}

Param text(std::string name, std::string fallback, std::string help) {
  Param p = named(std::move(name), ParamType::Text, std::move(help));
  p.fallback = std::move(fallback);
  return p;
}

Param textList(std::string name, std::vector<std::string> fallback, std::string help) {
  Param p = named(std::move(name), ParamType::TextList, std::move(help));
  p.fallback = std::move(fallback);
  return p;
}

Param slot(std::string name, std::string kind, std::string in, std::string out, std::string help) {
  Param p = named(std::move(name), ParamType::Slot, std::move(help));
  p.fallback = kind;
  p.slotKind = std::move(kind);
  p.slotIn = std::move(in);
  p.slotOut = std::move(out);
  return p;
}

Param graph(std::string name, std::string fallback, std::string help) {
  Param p = named(std::move(name), ParamType::Graph, std::move(help));
  p.fallback = std::move(fallback);
  return p;
}

std::string Param::rangeText() const {
  std::string out;
  switch (type) {
    case ParamType::Integer: out = "integer " + bound(*this, minimum) + ".." + bound(*this, maximum); break;
    case ParamType::Real:
      out = minimumOpen ? "number above " + bound(*this, minimum) + " up to " + bound(*this, maximum)
                        : "number " + bound(*this, minimum) + ".." + bound(*this, maximum);
      break;
    case ParamType::Boolean: out = "true or false"; break;
    case ParamType::Choice:
      out = "one of ";
      for (std::size_t i = 0; i < choices.size(); ++i) out += (i == 0 ? "" : " | ") + choices[i];
      break;
    case ParamType::Text: out = "text"; break;
    case ParamType::TextList: out = "text or list of texts"; break;
    case ParamType::Slot: out = "a block {kind: ...}"; break;
    case ParamType::Graph: return "a map of nodes, as in {out: {op: linear, from: x}}";
  }
  if (!unit.empty()) out += " " + unit;
  return out + ", default " + (formula.empty() ? valueText(fallback) : formula);
}

const ParamValue& ParamSet::value(const std::string& name) const {
  const auto it = values_.find(name);
  SERP_CHECK(it != values_.end(), "no parameter " + name);
  return it->second;
}

std::int64_t ParamSet::integer(const std::string& name) const {
  const auto* v = std::get_if<std::int64_t>(&value(name));
  SERP_CHECK(v != nullptr, name + " is no integer");
  return *v;
}

double ParamSet::real(const std::string& name) const {
  const ParamValue& v = value(name);
  if (const auto* i = std::get_if<std::int64_t>(&v)) return static_cast<double>(*i);
  const auto* r = std::get_if<double>(&v);
  SERP_CHECK(r != nullptr, name + " is no number");
  return *r;
}

bool ParamSet::boolean(const std::string& name) const {
  const auto* v = std::get_if<bool>(&value(name));
  SERP_CHECK(v != nullptr, name + " is no truth value");
  return *v;
}

const std::string& ParamSet::text(const std::string& name) const {
  const auto* v = std::get_if<std::string>(&value(name));
  SERP_CHECK(v != nullptr, name + " is no text");
  return *v;
}

const std::vector<std::string>& ParamSet::list(const std::string& name) const {
  const auto* v = std::get_if<std::vector<std::string>>(&value(name));
  SERP_CHECK(v != nullptr, name + " is no list");
  return *v;
}

std::string valueText(const ParamValue& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return std::to_string(*i);
  if (const auto* r = std::get_if<double>(&value)) return numberText(*r);
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* s = std::get_if<std::string>(&value)) return textValue(*s);
  std::string out = "[";
  for (const std::string& s : std::get<std::vector<std::string>>(value)) out += (out.size() == 1 ? "" : ", ") + textValue(s);
  return out + "]";
}

}  // namespace serp
