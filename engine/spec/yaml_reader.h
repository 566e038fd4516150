// SPDX-License-Identifier: GPL-3.0-or-later
// YAML text as a small strict tree: maps with unique keys, lists and scalars, each with its place. Anything that could surprise is
// refused: aliases, anchors, tags, merge keys, several documents, bad UTF-8, excessive depth or size.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/spec.h"

namespace serp {

struct YamlNode {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  std::string scalar;
  bool quoted = false;
  Place place;                                        ///< of the value, from 1
  std::vector<YamlNode> items;                        ///< List: entries; Map: values, in order
  std::vector<std::pair<std::string, Place>> keys;    ///< Map: parallel to items

  const YamlNode* find(const std::string& key) const {
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (keys[i].first == key) return &items[i];
    return nullptr;
  }
  YamlNode* find(const std::string& key) { return const_cast<YamlNode*>(std::as_const(*this).find(key)); }
};

inline constexpr std::size_t kMaxYamlBytes = 8u << 20;

/// Every fault of the form of the text; faults of meaning come later. `file` goes into the diagnostics.
Result<YamlNode> readYaml(const std::string& text, const std::string& file);

}  // namespace serp
