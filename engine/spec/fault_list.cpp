// SPDX-License-Identifier: GPL-3.0-or-later
// Collecting and ordering faults.
#include "engine/spec/fault_list.h"

#include <algorithm>

namespace serp {
namespace {

constexpr std::size_t kMostFaults = 100;

}  // namespace

void FaultList::add(Severity severity, Place place, const std::string& path, const std::string& message, const std::string& fix,
                    int length) {
  const bool set = place.line <= 0;
  list_.items.push_back({severity, set ? "--set" : file_, set ? 0 : place.line, set ? 0 : place.column, path,
                         message, fix, length});
}

void FaultList::at(const YamlNode& node, const std::string& path, const std::string& message, const std::string& fix) {
  add(Severity::Error, node.place, path, message, fix, static_cast<int>(node.end - node.begin));
}

void FaultList::at(Place place, const std::string& path, const std::string& message) {
  add(Severity::Error, place, path, message, {}, 0);
}

void FaultList::warn(Place place, const std::string& path, const std::string& message) {
  add(Severity::Warning, place, path, message, {}, 0);
}

void FaultList::unknownKey(const YamlNode& key, const std::string& path, const std::vector<std::string>& allowed,
                           const std::string& nearestIs, const std::string& nearestKey) {
  std::string message = "unknown key";
  if (!nearestKey.empty()) {
    message += ", did you mean \"" + nearestKey + "\"?";
    if (!nearestIs.empty()) message += " (" + nearestIs + ")";
  } else {
    message += "; allowed here:";
    for (std::size_t i = 0; i < allowed.size(); ++i) message += (i == 0 ? " " : ", ") + allowed[i];
  }
  at(key, path, message, nearestKey);
}

Diagnostics FaultList::sorted() const {
  Diagnostics out = list_;
  std::stable_sort(out.items.begin(), out.items.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
  if (out.items.size() > kMostFaults) {
    const std::size_t rest = out.items.size() - kMostFaults;
    out.items.resize(kMostFaults);
    out.items.push_back({Severity::Error, file_, 0, 0, {}, "and " + std::to_string(rest) + " more faults", {}, 0});
  }
  return out;
}

}  // namespace serp
