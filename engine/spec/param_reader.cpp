// SPDX-License-Identifier: GPL-3.0-or-later
// Strict typing: what a person wrote is taken at its word or refused with what is allowed.
#include "engine/spec/param_reader.h"

#include <algorithm>
#include <cmath>

#include "engine/base/text.h"

namespace serp {

void FaultList::add(Place place, std::string path, std::string message, std::string fix, int length) {
  if (out_.items.size() >= 500) return;
  Diagnostic d;
  d.file = file_;
  d.line = place.line;
  d.column = place.column;
  d.path = std::move(path);
  d.message = std::move(message);
  d.fix = std::move(fix);
  d.length = length;
  out_.items.push_back(std::move(d));
}

namespace {

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return "nothing";
    case YamlNode::Kind::List: return "a list";
    case YamlNode::Kind::Map: return "a map";
    case YamlNode::Kind::Scalar: break;
  }
  const std::string s = node.scalar.size() > 40 ? node.scalar.substr(0, 40) + "…" : node.scalar;
  return node.quoted ? "the text \"" + s + "\"" : s;
}

/// Underscores between digits are a habit of other formats; they are refused with everything else that is not a plain number.
std::optional<double> plainNumber(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::Scalar || node.quoted) return std::nullopt;
  return parseReal(node.scalar);
}

}  // namespace

std::optional<ParamValue> readParam(const Param& param, const YamlNode& node, const std::string& path, FaultList& faults) {
  const auto wrong = [&](const std::string& why, std::string fix = {}) {
    faults.add(node.place, path, why + " (" + param.rangeText() + ")", std::move(fix),
               static_cast<int>(std::min<std::size_t>(node.scalar.size() + (node.quoted ? 2 : 0), 200)));
    return std::nullopt;
  };
  const bool scalar = node.kind == YamlNode::Kind::Scalar;
  switch (param.type) {
    case ParamType::Integer: {
      const auto value = scalar && !node.quoted ? parseInteger(node.scalar) : std::nullopt;
      if (!value) {
        if (const auto number = plainNumber(node); number && *number == std::floor(*number) && std::fabs(*number) < 1e15)
          return wrong("found " + shown(node) + ", write it as a plain integer", numberText(*number).find('e') == std::string::npos
                                                                                    ? numberText(*number) : std::to_string(std::llround(*number)));
        return wrong("found " + shown(node) + ", an integer is needed");
      }
      const auto v = static_cast<double>(*value);
      if (v < param.minimum || v > param.maximum)
        return wrong("found " + shown(node) + ", out of range", numberText(std::clamp(v, param.minimum, param.maximum)));
      return ParamValue(static_cast<std::int64_t>(*value));
    }
    case ParamType::Real: {
      const auto value = plainNumber(node);
      if (!value) return wrong("found " + shown(node) + ", a finite number is needed");
      if (*value < param.minimum || *value > param.maximum || (param.minimumOpen && *value <= param.minimum))
        return wrong("found " + shown(node) + ", out of range");
      return ParamValue(*value);
    }
    case ParamType::Boolean:
      if (scalar && !node.quoted && (node.scalar == "true" || node.scalar == "false")) return ParamValue(node.scalar == "true");
      return wrong("found " + shown(node) + ", true or false is needed");
    case ParamType::Choice: {
      if (!scalar) return wrong("found " + shown(node) + ", one word is needed");
      if (std::find(param.choices.begin(), param.choices.end(), node.scalar) != param.choices.end()) return ParamValue(node.scalar);
      const std::string close = nearest(node.scalar, param.choices);
      return wrong("found " + shown(node) + (close.empty() ? ", not one of the choices" : ", did you mean \"" + close + "\"?"), close);
    }
    case ParamType::Text:
      if (scalar) return ParamValue(node.scalar);
      if (node.kind == YamlNode::Kind::Null) return ParamValue(std::string());
      return wrong("found " + shown(node) + ", a text is needed");
    case ParamType::TextList: {
      if (scalar) return ParamValue(std::vector<std::string>{node.scalar});
      if (node.kind != YamlNode::Kind::List || node.items.empty()) return wrong("found " + shown(node) + ", a text or a list of texts is needed");
      std::vector<std::string> list;
      for (const YamlNode& item : node.items) {
        if (item.kind != YamlNode::Kind::Scalar) return wrong("found " + shown(item) + " in the list, a text is needed");
        list.push_back(item.scalar);
      }
      return ParamValue(std::move(list));
    }
    case ParamType::Slot: break;
  }
  return std::nullopt;
}

void unknownKey(const std::string& key, Place place, const std::string& path, const ParamSchema& schema,
                const std::vector<std::string>& extra, FaultList& faults) {
  std::vector<std::string> names = extra;
  for (const Param& p : schema) names.push_back(p.name);
  const std::string close = nearest(key, names);
  std::string message = "unknown key";
  if (!close.empty()) {
    message += ", did you mean \"" + close + "\"?";
    for (const Param& p : schema)
      if (p.name == close) message += " (" + p.rangeText() + ")";
  } else {
    std::sort(names.begin(), names.end());
    message += "; allowed:";
    for (const std::string& n : names) message += " " + n;
  }
  faults.add(place, path, message, close, static_cast<int>(std::min<std::size_t>(key.size(), 200)));
}

}  // namespace serp
