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
  std::sort(presets.begin(), presets.end(), [](const PresetInfo& a, const PresetInfo& b) { return a.name < b.name; });
  return presets;
}

namespace {

/// A word that is neither a path nor a file: most likely a preset's name.
bool looksLikePreset(const std::string& config) {
  return !config.ends_with(".yaml") && !config.ends_with(".yml") && !config.starts_with("/") && !config.starts_with(".");
}

}  // namespace

Result<RunSpec> loadRunSpec(const std::string& config, const std::vector<std::pair<std::string, std::string>>& overrides) {
  std::error_code error;
  std::filesystem::path file = config;
  if (looksLikePreset(config) && !std::filesystem::exists(file, error)) {
    file = presetFolder() / (config + ".yaml");
    if (config.find("..") != std::string::npos || !std::filesystem::exists(file, error)) {
      std::vector<std::string> names;
      for (const PresetInfo& p : listPresets()) names.push_back(p.name);
      const std::string close = nearest(config, names);
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
