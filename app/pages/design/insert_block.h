// SPDX-License-Identifier: GPL-3.0-or-later
// Adding a block to the text of a design, as a line of its own below another one.
#pragma once

#include <QString>
#include <optional>

#include "engine/api/spec.h"

namespace serp::app {

struct Insertion {
  QString text;                                    ///< the whole design, every other byte as it was
  QString path;                                    ///< where the new block stands
};

/// Writes "- {kind: KIND}" below the entry at `path`, or below the last entry when the path names none. `text` is the text `spec`
/// was read from. Empty: the list stands on one line and has no line to add to.
std::optional<Insertion> withBlockAfter(const QString& text, const RunSpec& spec, const QString& path, const QString& kind);

}  // namespace serp::app
