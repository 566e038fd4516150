// SPDX-License-Identifier: GPL-3.0-or-later
// A YAML tree back to text, in flow style on one line: what a graph inside a design is kept as.
#pragma once

#include <string>

#include "engine/spec/yaml_tree.h"

namespace serp {

/// "{out: {op: linear, from: x, to: 2 * d_in}}". Reading it again gives the same keys, values and quotes. Refused nodes are left out.
std::string flowText(const YamlNode& node);

}  // namespace serp
