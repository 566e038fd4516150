// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of a design as text: whole blocks are put in, taken out, moved and wrapped while every other byte stays as it was.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp {

/// The text after one gesture, what to select in it (paths as in diagnostics), and a few words for an undo list.
struct DesignEdit {
  std::string text;
  std::vector<std::string> selection;
  std::string label;
};

// All functions return at once, touch neither disk nor torch, and leave comments, key order and layout of what they do not name.
// Faults say why there is no such edit; a design with faults in its values can still be edited, one that is no YAML cannot.
// `list` is the path of a list of blocks: "model.blocks", "model.blocks[0].blocks", "model.blocks[1].parallel".
// `blocks` is YAML: a list of blocks ("- {kind: mamba}"), one block ("{kind: mamba}"), or a kind alone ("mamba").

/// Puts blocks into a list before entry `index` (its length: at the end). An empty or missing list is filled.
Result<DesignEdit> insertBlocks(const std::string& text, const std::string& list, std::size_t index, const std::string& blocks);
/// Takes blocks out, with the comment lines right above them; a block in a slot leaves the slot to its default.
Result<DesignEdit> removeBlocks(const std::string& text, const std::vector<std::string>& paths);
/// Moves blocks to another place, together and in the order of the text. Not into themselves.
Result<DesignEdit> moveBlocks(const std::string& text, const std::vector<std::string>& paths, const std::string& list, std::size_t index);
/// Copies blocks of one list behind the last of them.
Result<DesignEdit> duplicateBlocks(const std::string& text, const std::vector<std::string>& paths);
/// Neighbours of one list become the content of one "repeat" (of `times`) or one "parallel".
Result<DesignEdit> wrapBlocks(const std::string& text, const std::vector<std::string>& paths, const std::string& container, int times);
/// The content of a repeat or parallel takes the container's place.
Result<DesignEdit> unwrapBlock(const std::string& text, const std::string& path);
/// Fills a slot ("model.blocks[0]", "out_proj") with one block, replacing what it holds.
Result<DesignEdit> fillSlot(const std::string& text, const std::string& owner, const std::string& slot, const std::string& block);
/// Moves a block of a list into a slot; the list loses it.
Result<DesignEdit> moveToSlot(const std::string& text, const std::string& path, const std::string& owner, const std::string& slot);
/// Sets or removes "bypass: true" on blocks: bypassed, the stream passes by and the block is not built.
Result<DesignEdit> bypassBlocks(const std::string& text, const std::vector<std::string>& paths, bool on);
/// Sets one key on several places: "experts" of all selected expert layers.
Result<DesignEdit> setKeys(const std::string& text, const std::vector<std::string>& paths, const std::string& key, const std::string& value);
/// Removes a key, so that its default holds again. A key that is not there is no fault.
Result<DesignEdit> unsetKey(const std::string& text, const std::string& path);
/// The blocks become what a pattern says ("(ME)8"); letters the design has already keep their blocks, keys and comments.
Result<DesignEdit> setPattern(const std::string& text, const std::string& pattern);

/// What would mend a fault of a design: words for a button ("insert mamba", "heads: 4") and the text after it.
struct Mending {
  std::string label;
  DesignEdit edit;
};
/// Nothing where only a person can tell, and for faults that carry a replacement text of their own (Diagnostic::fix).
std::optional<Mending> mendFault(const std::string& text, const Diagnostic& fault);

/// Blocks as YAML for a clipboard, one list entry each, with the comments right above them.
Result<std::string> copyBlocks(const std::string& text, const std::vector<std::string>& paths);
/// Whether a text is blocks that insertBlocks() would take; faults say what it is instead.
Diagnostics checkBlocks(const std::string& blocks);
/// A pattern as YAML list of blocks: "(ME)2" is a repeat of {kind: mamba} and {kind: switch_moe}. Faults name the position.
Result<std::string> patternBlocks(const std::string& pattern);

}  // namespace serp
