// SPDX-License-Identifier: GPL-3.0-or-later
// How attention's work is cut into tasks and what scratch a task has; the same for every instruction set.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/attention.h"

namespace serp::kernels {

inline constexpr std::int64_t kAttentionQueries = 96;         ///< in one block of the backward
inline constexpr std::int64_t kRowRoom = 16 * (256 + 16);     ///< floats for the rows of A beside a panel
inline constexpr std::int64_t kAttentionPanel = 32;           ///< keys in the widest panel

/// Floats from one row of a head to the next where we store them: off the powers of two.
inline std::int64_t headPitch(const AttentionShape& s) { return (s.width + 15) / 16 * 16 + 16; }

struct AttentionPlan {
  std::int64_t parts = 1;   ///< a head's queries are cut where there are fewer heads than threads
  std::int64_t tasks = 0, pieces = 0;
  std::int64_t length = 0;
  std::int64_t pitch = 0;      ///< of a row of scores
  std::int64_t panel = 0;      ///< floats for all keys, or values, of one head, packed
  std::int64_t rotated = 0;    ///< floats for the rows of one panel
  std::int64_t forwardFloats = 0, backwardFloats = 0;

  AttentionPlan(const AttentionShape& s, int threads) : length(s.length) {
    const std::int64_t heads = s.batch * s.keyHeads, wanted = std::max(1, threads);
    if (heads > 0 && heads < wanted) parts = std::min((wanted + heads - 1) / heads, std::max<std::int64_t>(1, s.length / 64));
    tasks = heads * parts;
    pieces = std::min(wanted, tasks);
    const std::int64_t keys = (s.length + kAttentionPanel - 1) / kAttentionPanel * kAttentionPanel;
    const std::int64_t columns = (s.width + kAttentionPanel - 1) / kAttentionPanel * kAttentionPanel;
    const std::int64_t queries = std::min(kAttentionQueries, s.length), row = headPitch(s);
    pitch = keys + 16;
    panel = keys * columns;
    rotated = kAttentionPanel * row;
    forwardFloats = (2 * panel + rotated + kRowRoom + 16 * pitch + 15) / 16 * 16;
    // K and V as columns, K as rows; rotated keys; gradients of keys and values; queries rotated, queries and dy packed, dq; P and dS.
    backwardFloats = (3 * panel + 3 * s.length * row + 2 * queries * row + 2 * kAttentionQueries * columns + kRowRoom +
                      2 * queries * pitch + 15) / 16 * 16;
  }

  /// The first query of a part: every part has about as many pairs of query and key.
  std::int64_t boundary(std::int64_t part) const {
    if (part <= 0) return 0;
    if (part >= parts) return length;
    const double share = std::sqrt(static_cast<double>(part) / static_cast<double>(parts));
    return std::min(length, static_cast<std::int64_t>(share * static_cast<double>(length)) / 12 * 12);
  }
};

}  // namespace serp::kernels
