// SPDX-License-Identifier: GPL-3.0-or-later
// Where shipped designs lie: beside the installed or moved program, else in the sources it was built from.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "engine/api/spec.h"
#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/spec/yaml_tree.h"

namespace serp {

namespace {

namespace fs = std::filesystem;

/// PREFIX/share/serpentarium/presets of an installation, or presets/ of the source tree that holds the build: whichever comes first
/// on the way up from the program. Either may have been moved since it was made.
fs::path findPresets() {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 6 && folder.has_relative_path(); ++level, folder = folder.parent_path())
    for (const fs::path& presets : {folder / "share" / "serpentarium" / "presets", folder / "presets"})
      if (fs::is_directory(presets / "start", error)) return presets;
  return SERP_PRESET_SOURCE;
}

/// Alphabetical, except that numbers count as numbers: moe_mamba_e4 before moe_mamba_e16.
bool comesBefore(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (digit(a[i]) && digit(b[j])) {
      const std::size_t iEnd = std::min(a.find_first_not_of("0123456789", i), a.size()), jEnd = std::min(b.find_first_not_of("0123456789", j), b.size());
      if (iEnd - i != jEnd - j) return iEnd - i < jEnd - j;
      if (const int order = a.compare(i, iEnd - i, b, j, jEnd - j); order != 0) return order < 0;
      i = iEnd;
      j = jEnd;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() < b.size();
}

}  // namespace

std::filesystem::path presetFolder() {
  static const fs::path folder = findPresets();
  return folder;
}

std::vector<PresetInfo> listPresets() {
  std::vector<PresetInfo> presets;
  std::error_code error;
  for (fs::recursive_directory_iterator it(presetFolder(), error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".yaml") continue;
    PresetInfo p;
    p.file = it->path();
    p.name = fs::relative(p.file, presetFolder(), error).replace_extension().generic_string();
    if (auto text = readFileCapped(p.file, 1 << 20, ExitCode::BadConfiguration)) p.text = *text;
    if (p.text.starts_with("# ")) p.title = p.text.substr(2, p.text.find('\n') - 2);
    presets.push_back(std::move(p));
  }
  std::sort(presets.begin(), presets.end(), [](const PresetInfo& a, const PresetInfo& b) { return comesBefore(a.name, b.name); });
  return presets;
}

namespace {

/// A word that is neither a path nor a file: most likely a preset's name.
bool looksLikePreset(const std::string& config) {
  return !config.ends_with(".yaml") && !config.ends_with(".yml") && !config.starts_with("/") && !config.starts_with(".");
}

/// A preset of this name in some folder ("moe_mamba" for "start/moe_mamba"), else the one spelt most alike.
std::string nearestPreset(const std::string& config) {
  std::vector<std::string> names, inFolder;
  for (const PresetInfo& p : listPresets()) {
    names.push_back(p.name);
    if (p.name.ends_with("/" + config)) inFolder.push_back(p.name);
  }
  return inFolder.empty() ? nearest(config, names) : inFolder.back();  // "start" sorts last
}

}  // namespace

Result<RunSpec> loadRunSpec(const std::string& config, const std::vector<std::pair<std::string, std::string>>& overrides) {
  std::error_code error;
  std::filesystem::path file = config;
  if (looksLikePreset(config) && !std::filesystem::exists(file, error)) {
    file = presetFolder() / (config + ".yaml");
    if (config.find("..") != std::string::npos || !std::filesystem::exists(file, error)) {
      const std::string close = nearestPreset(config);
      return fault(ExitCode::BadConfiguration, "no file and no preset of this name" +
                                                   (close.empty() ? "; `serp plan --list` names the presets" : ", did you mean \"" + close + "\"?"),
                   config);
    }
  }
  auto text = readFileCapped(file, kMaxDesignBytes + 1, ExitCode::BadConfiguration);
  if (!text) return text.faults();
  return parseRunSpec(*text, looksLikePreset(config) ? config : file.string(), overrides);
}

}  // namespace serp
