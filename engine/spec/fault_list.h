// SPDX-License-Identifier: GPL-3.0-or-later
// Faults of one design while it is read: collected with places and fixes, handed out in the order of the text.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

class FaultList {
 public:
  explicit FaultList(std::string file) : file_(std::move(file)) {}

  /// A fault at a node; `length` covers the node's bytes. Nodes made by --set are named so.
  void at(const YamlNode& node, const std::string& path, const std::string& message, const std::string& fix = {});
  void add(const Diagnostic& diagnostic) { list_.items.push_back(diagnostic); }
  void at(Place place, const std::string& path, const std::string& message);
  void warn(Place place, const std::string& path, const std::string& message);
  /// The key is not one of `allowed`; `describe` gives what stands behind the nearest, such as its range, or empty.
  void unknownKey(const YamlNode& key, const std::string& path, const std::vector<std::string>& allowed, const std::string& nearestIs,
                  const std::string& nearestKey);
  /// Faults of a block's own keys: cross-key rules over defaults put in their place would mislead.
  void markFaulty(const std::string& path) { faulty_.insert(path); }
  bool isFaulty(const std::string& path) const { return faulty_.count(path) != 0; }

  /// An error that spoils the design but not its reading: an empty list, a rule between keys. The rest can still be drawn.
  void soft(Place place, const std::string& path, const std::string& message) {
    ++soft_;
    at(place, path, message);
  }
  bool readable() const {
    std::size_t errors = 0;
    for (const Diagnostic& d : list_.items) errors += d.severity == Severity::Error;
    return errors == soft_;
  }
  bool hasErrors() const { return list_.hasErrors(); }
  std::size_t size() const { return list_.items.size(); }
  /// Sorted by line and column; at most a hundred, with a count of the rest.
  Diagnostics sorted() const;
  const std::string& file() const { return file_; }

 private:
  void add(Severity severity, Place place, const std::string& path, const std::string& message, const std::string& fix, int length);
  std::string file_;
  Diagnostics list_;
  std::size_t soft_ = 0;
  std::set<std::string> faulty_;
};

}  // namespace serp
