// SPDX-License-Identifier: GPL-3.0-or-later
// One typed value from one YAML node, by the declaration of its parameter.
#pragma once

#include <optional>
#include <string>

#include "engine/api/param.h"
#include "engine/spec/fault_list.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

/// The value, or nothing and a fault that says what was found and what is allowed. Not for slots.
std::optional<ParamValue> readValue(const Param& param, const YamlNode& node, const std::string& path, FaultList& faults);
/// Whether a number lies in the range of its parameter.
bool inRange(const Param& param, double value);

}  // namespace serp
