// SPDX-License-Identifier: GPL-3.0-or-later
// Scalars are typed strictly: no octal, no exponents for integers, no numbers in quotes, no NaN, only true and false.
#include "engine/spec/value_reader.h"

#include <algorithm>
#include <cmath>

#include "engine/base/text.h"
#include "engine/spec/tree_text.h"

namespace serp {
namespace {

constexpr std::size_t kMaxText = 4096, kMaxList = 4096, kMaxNumber = 64;

class Reader {
 public:
  Reader(const Param& param, const YamlNode& node, const std::string& path, FaultList& faults)
      : param_(param), node_(node), path_(path), faults_(faults) {}

  std::optional<ParamValue> read() {
    if (node_.refused) return std::nullopt;
    if (param_.type == ParamType::TextList) return list();
    if (param_.type == ParamType::Graph) return node_.isMap() ? std::optional<ParamValue>(flowText(node_)) : refuse("found " + describe(node_));
    if (!node_.isScalar()) return refuse(node_.kind == YamlNode::Kind::Null ? "the value is missing" : "found " + describe(node_));
    switch (param_.type) {
      case ParamType::Integer: return number(true);
      case ParamType::Real: return number(false);
      case ParamType::Boolean: return boolean();
      case ParamType::Choice: return choice();
      case ParamType::Text: return text(node_);
      default: return std::nullopt;
    }
  }

 private:
  std::nullopt_t refuse(const std::string& what, const std::string& fix = {}) {
    faults_.at(node_, path_, what + (what.ends_with('?') ? " Expected " : ", expected ") + param_.rangeText(), fix);
    return std::nullopt;
  }

  std::optional<ParamValue> number(bool whole) {
    const std::string& v = node_.value;
    if (v.size() > kMaxNumber) return refuse("found " + describe(node_));
    const auto integer = parseInteger(v);
    const auto real = parseReal(v);
    if (node_.quoted) return refuse("found text in quotes " + describe(node_), real ? v : "");
    if (whole) {
      if (integer) {
        if (!inRange(param_, static_cast<double>(*integer))) return refuse("found " + v);
        return ParamValue(static_cast<std::int64_t>(*integer));
      }
      const bool plain = real && std::floor(*real) == *real && std::abs(*real) < 1e15 && inRange(param_, *real);
      return refuse("found " + describe(node_), plain ? std::to_string(static_cast<long long>(*real)) : "");
    }
    if (!real || octalLike(v)) return refuse("found " + describe(node_));
    if (!inRange(param_, *real)) return refuse("found " + v);
    return ParamValue(*real);
  }

  /// "010" is 8 to some readers of YAML and 10 to others.
  static bool octalLike(const std::string& v) {
    const std::size_t i = v.starts_with('-') || v.starts_with('+') ? 1 : 0;
    return v.size() > i + 1 && v[i] == '0' && v[i + 1] >= '0' && v[i + 1] <= '9';
  }

  std::optional<ParamValue> boolean() {
    std::string v = node_.value;
    if (!node_.quoted && (v == "true" || v == "false")) return ParamValue(v == "true");
    std::transform(v.begin(), v.end(), v.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    const bool yes = v == "yes" || v == "on" || v == "1" || v == "true" || v == "y";
    const bool no = v == "no" || v == "off" || v == "0" || v == "false" || v == "n";
    return refuse("found " + describe(node_), yes ? "true" : no ? "false" : "");
  }

  std::optional<ParamValue> choice() {
    if (std::find(param_.choices.begin(), param_.choices.end(), node_.value) != param_.choices.end()) return ParamValue(node_.value);
    const std::string close = nearest(node_.value, param_.choices);
    if (close.empty()) return refuse("found " + describe(node_));
    return refuse("found " + describe(node_) + ", did you mean \"" + close + "\"?", close);
  }

  std::optional<ParamValue> text(const YamlNode& node) {
    if (node.value.size() > kMaxText) return refuse("found a text of " + std::to_string(node.value.size()) + " bytes, at most 4096");
    if (node.value.find('\0') != std::string::npos) return refuse("found a text with a NUL character");
    return ParamValue(node.value);
  }

  std::optional<ParamValue> list() {
    std::vector<std::string> out;
    if (node_.isScalar()) {
      const auto one = text(node_);
      if (!one) return std::nullopt;
      out.push_back(std::get<std::string>(*one));
    } else if (node_.isSequence()) {
      if (node_.items.size() > kMaxList) return refuse("found a list of " + std::to_string(node_.items.size()) + " entries");
      for (const YamlNode& item : node_.items) {
        if (item.refused) return std::nullopt;
        if (!item.isScalar()) return refuse("found " + describe(item) + " in the list");
        const auto one = text(item);
        if (!one) return std::nullopt;
        out.push_back(std::get<std::string>(*one));
      }
    } else {
      return refuse(node_.isMap() ? "found a map" : "the value is missing");
    }
    if (out.empty() || std::find(out.begin(), out.end(), "") != out.end()) return refuse(out.empty() ? "found an empty list" : "found an empty text");
    return ParamValue(std::move(out));
  }

  const Param& param_;
  const YamlNode& node_;
  const std::string& path_;
  FaultList& faults_;
};

}  // namespace

bool inRange(const Param& param, double value) {
  return (param.minimumOpen ? value > param.minimum : value >= param.minimum) && value <= param.maximum;
}

std::optional<ParamValue> readValue(const Param& param, const YamlNode& node, const std::string& path, FaultList& faults) {
  return Reader(param, node, path, faults).read();
}

}  // namespace serp
