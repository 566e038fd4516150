// SPDX-License-Identifier: GPL-3.0-or-later
// From explicit keys to whole blocks: defaults filled in, widths of slots worked out, cross-key rules checked. No repeats expanded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/api/spec.h"
#include "engine/spec/block_info.h"

namespace serp {

/// Wider streams than this overflow later counts and fit no machine.
inline constexpr std::int64_t kMaxWidth = 1 << 24;

/// A block with all its values. Children of "repeat" are its body, of "parallel" its branches, of others their slots in order.
struct ResolvedBlock {
  const BlockDefinition* definition = nullptr;
  const BlockSpec* spec = nullptr;     ///< null for a slot that the design leaves at its default
  std::string slot;
  std::string path;                    ///< where it stands, or would stand, in the text
  Place place;
  std::int64_t in = 0, out = 0;
  ParamSet params;
  std::string norm;                    ///< before the block: a kind of norm or "none"; empty inside slots
  bool bypassed = false;               ///< stands in the text, is not built
  std::vector<ResolvedBlock> children;
};

/// What blocks share.
struct DesignContext {
  std::int64_t dModel = 0, context = 0, batch = 0;
  std::string norm;
};
DesignContext designContext(const RunSpec& spec);

/// All blocks of the design. Faults are added to `faults` with the block's place; checks are left out for paths in `skip`.
std::vector<ResolvedBlock> resolveBlocks(const std::vector<BlockSpec>& blocks, const DesignContext& design, Diagnostics& faults,
                                         const std::function<bool(const std::string& path)>& skip = {});

}  // namespace serp
