// SPDX-License-Identifier: GPL-3.0-or-later
// Which bytes of a design's text belong to which block: entries of lists with their lines and comments, and the way to them by path.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/spec/yaml_tree.h"

namespace serp {

/// A node and where it hangs. `parent` is null for the whole document.
struct Spot {
  const YamlNode* node = nullptr;
  const YamlNode* parent = nullptr;
  std::size_t index = 0;             ///< in parent->items
};

/// One entry of a list written with dashes: whole lines, the comment lines right above at the dash's column included.
struct EntryLines {
  std::size_t begin = 0;             ///< with its comments
  std::size_t dashLine = 0;          ///< without them
  std::size_t end = 0;               ///< past its last line
};

/// A design's text with its tree. The text must outlive it.
class BlockText {
 public:
  explicit BlockText(const std::string& text);
  BlockText(const BlockText&) = delete;
  bool usable() const { return yaml_.usable; }
  const Diagnostics& faults() const { return yaml_.faults; }
  const YamlNode& root() const { return yaml_.root; }
  const std::string& text() const { return text_; }

  /// The node at a path ("model.blocks[0].out_proj"), or nothing.
  std::optional<Spot> find(const std::string& path) const;
  /// Column of the dashes of a list written with them, from 0; nothing for [flow] lists and for dashes that share their line.
  std::optional<std::size_t> dashColumn(const YamlNode& list) const;
  /// The lines of all entries of such a list; found once.
  const std::vector<EntryLines>& entries(const YamlNode& list) const;
  /// A block as an entry of its own, "- {kind: mamba}\n" at column 0; from a list with the comments right above it.
  std::string extract(const Spot& spot) const;

 private:
  std::size_t dashFrom(std::size_t at) const;
  const std::string& text_;
  YamlText yaml_;
  mutable std::unordered_map<const YamlNode*, std::vector<EntryLines>> entries_;
};

/// A node on one line, with brackets; comments are lost.
std::string flowText(const YamlNode& node, const std::string& text);

/// "model.blocks[0].blocks" and 1 of "model.blocks[0].blocks[1]"; nothing for slots.
struct ListPlace { std::string list; std::size_t index = 0; };
std::optional<ListPlace> listPlace(const std::string& path);
/// The path after entries of `list` from `index` on moved by `by` places.
std::string movedPath(const std::string& path, const std::string& list, std::size_t index, long by);
/// Whether `path` is `outer` or lies inside it.
bool isInside(const std::string& path, const std::string& outer);

}  // namespace serp
