// SPDX-License-Identifier: GPL-3.0-or-later
// Text to a plain tree, strictly: no aliases, anchors, tags, merge keys, second documents or duplicate keys; size and depth capped.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/spec.h"

namespace serp {

inline constexpr std::size_t kMaxDesignBytes = 8u << 20;
inline constexpr int kMaxDesignDepth = 48;
inline constexpr std::size_t kMaxDesignNodes = 200000;

/// A node with its bytes in the text: [begin, end). Nodes that --set made have place.line 0.
struct YamlNode {
  enum class Kind { Null, Scalar, Sequence, Map };
  Kind kind = Kind::Null;
  std::string value;             ///< Scalar
  bool quoted = false;           ///< Scalar written in quotes or as a | or > block
  bool flow = false;             ///< Sequence, Map: written with brackets
  bool refused = false;          ///< a fault is recorded already: an alias, a duplicate or merge key
  std::size_t begin = 0, end = 0;
  Place place, endPlace;
  std::vector<YamlNode> keys;    ///< Map: scalars
  std::vector<YamlNode> items;   ///< Map: values in the order of keys; Sequence: entries

  bool isMap() const { return kind == Kind::Map; }
  bool isSequence() const { return kind == Kind::Sequence; }
  bool isScalar() const { return kind == Kind::Scalar; }
  /// The value of a key, or null.
  const YamlNode* find(const std::string& key) const;
  YamlNode* find(const std::string& key);
  /// Sets or adds a key.
  YamlNode& put(const std::string& key, YamlNode value);
};

/// "a map", "a list", "nothing", or the scalar's text in quotes, cut to a readable length.
std::string describe(const YamlNode& node);

/// Line and column, both from 1, in characters, of byte `at`.
class LineIndex {
 public:
  explicit LineIndex(const std::string& text);
  Place place(std::size_t at) const;

 private:
  const std::string& text_;
  std::vector<std::size_t> starts_;
};

/// A tree and what was wrong with the text. `usable`: the tree is whole, so its keys can be checked as well.
struct YamlText {
  YamlNode root;
  Diagnostics faults;
  bool usable = false;
};

/// The whole text as one tree. Faults carry file, line and column. Never nests deeper than kMaxDesignDepth.
YamlText readYaml(const std::string& text, const std::string& file);

}  // namespace serp
