// SPDX-License-Identifier: GPL-3.0-or-later
// One YAML scalar or list as a typed parameter value, checked against its declaration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/api/param.h"
#include "engine/spec/yaml_reader.h"

namespace serp {

/// Collects faults of one file with places.
class FaultList {
 public:
  FaultList(std::string file, Diagnostics& out) : file_(std::move(file)), out_(out) {}
  void add(Place place, std::string path, std::string message, std::string fix = {}, int length = 0);
  const std::string& file() const { return file_; }

 private:
  std::string file_;
  Diagnostics& out_;
};

/// The value, or nothing with a fault reported: wrong type, out of range, quoted number, octal, .nan and so on.
std::optional<ParamValue> readParam(const Param& param, const YamlNode& node, const std::string& path, FaultList& faults);

/// 'unknown key, did you mean "experts"? (integer 1..4096, default 16)', with the fix. `extra` are structural keys.
void unknownKey(const std::string& key, Place place, const std::string& path, const ParamSchema& schema,
                const std::vector<std::string>& extra, FaultList& faults);

}  // namespace serp
