// SPDX-License-Identifier: GPL-3.0-or-later
// Reading and writing manifest.json. Every byte matters: a flipped bit must show as a fault here or as a hash that differs.
#include "engine/run/checkpoint_manifest.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "engine/run/checkpoint_store.h"

namespace serp {
namespace {

constexpr std::string_view kFormat = "serpentarium checkpoint";
constexpr std::array<std::string_view, 3> kFiles = {"model.safetensors", "optimizer.safetensors", "state.json"};

bool isSha256(const std::string& text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool hasExactly(const nlohmann::json& object, const std::set<std::string>& keys) {
  if (!object.is_object() || object.size() != keys.size()) return false;
  return std::all_of(keys.begin(), keys.end(), [&](const std::string& key) { return object.contains(key); });
}

/// Parses without depth or duplicates: the parser's own tree keeps the last of two equal keys, which would hide one.
nlohmann::json parseShallow(const std::string& text, bool& faulty) {
  std::vector<std::set<std::string>> open;
  faulty = false;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) {
      if (depth >= 4) faulty = true;
      open.emplace_back();
    } else if (event == Event::object_end) {
      open.pop_back();
    } else if (event == Event::key) {
      if (!open.back().insert(value.get<std::string>()).second) faulty = true;
    } else if (event == Event::array_start) {
      faulty = true;
    }
    return true;
  };
  nlohmann::json tree = nlohmann::json::parse(text, watch, false);
  if (tree.is_discarded()) faulty = true;
  return tree;
}

}  // namespace

std::string manifestText(const CheckpointManifest& manifest) {
  nlohmann::ordered_json root;
  root["format"] = kFormat;
  root["version"] = CheckpointStore::kFormatVersion;
  root["step"] = manifest.step;
  root["files"] = nlohmann::ordered_json::object();
  for (const auto& [name, info] : manifest.files) root["files"][name] = {{"bytes", info.bytes}, {"sha256", info.sha256}};
  return root.dump(1) + "\n";
}

Result<CheckpointManifest> parseManifest(const std::string& text, const std::string& file) {
  const auto refuse = [&](const std::string& why) { return fault(ExitCode::BadData, why, file); };
  bool faulty = false;
  const nlohmann::json root = parseShallow(text, faulty);
  if (faulty || !root.is_object()) return refuse("the manifest is damaged");
  if (!root.contains("format") || root["format"] != kFormat) return refuse("this is not the manifest of a checkpoint");
  if (!root.contains("version") || !root["version"].is_number_integer()) return refuse("the manifest names no format version");
  if (root["version"] != CheckpointStore::kFormatVersion)
    return refuse("checkpoint format version " + root["version"].dump() + ", this program reads version " +
                  std::to_string(CheckpointStore::kFormatVersion));
  if (!hasExactly(root, {"format", "version", "step", "files"}) || !root["step"].is_number_unsigned() || !root["files"].is_object())
    return refuse("the manifest is damaged");

  CheckpointManifest manifest;
  if (root["step"].get<std::uint64_t>() > std::uint64_t{1} << 60) return refuse("the manifest is damaged");
  manifest.step = root["step"].get<std::int64_t>();
  for (const auto& [name, info] : root["files"].items()) {
    // An allowlist is what keeps "../", absolute paths and names with NUL out.
    if (std::find(kFiles.begin(), kFiles.end(), name) == kFiles.end())
      return refuse("the manifest names a file that does not belong to a checkpoint");
    if (!hasExactly(info, {"bytes", "sha256"}) || !info["bytes"].is_number_unsigned() || !info["sha256"].is_string() ||
        !isSha256(info["sha256"].get<std::string>()))
      return refuse("the manifest is damaged at " + name);
    manifest.files[name] = {info["bytes"].get<std::uint64_t>(), info["sha256"].get<std::string>()};
  }
  for (const char* needed : {"model.safetensors", "state.json"})
    if (!manifest.files.contains(needed)) return refuse(std::string("the manifest names no ") + needed);
  return manifest;
}

}  // namespace serp
