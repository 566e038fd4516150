// SPDX-License-Identifier: GPL-3.0-or-later
// Three one-click experiments on a design: what they change, as text and as a design of their own.
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "engine/api/catalog.h"
#include "engine/api/spec.h"

namespace serp::app {

struct Experiment {
  enum class Kind { BalanceOff, TwoExperts, Attention };
  Kind kind = Kind::BalanceOff;
  QString title, sentence;
  QString change;                                    ///< as it stands in the design: "balance: 0.01 → 0"
  std::optional<RunSpec> spec;                       ///< the changed design; none: `missing` says what the design lacks
  QString missing;
};

/// Balancing off, two experts per token, attention instead of Mamba; each changes one thing and renames the design. Milliseconds.
std::vector<Experiment> experimentsOn(const RunSpec& base);

}  // namespace serp::app
