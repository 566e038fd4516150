// SPDX-License-Identifier: GPL-3.0-or-later
// Where shipped designs lie: beside the installed program, or in the sources it was built from.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "engine/api/spec.h"
#include "engine/base/atomic_file.h"

namespace serp {

std::filesystem::path presetFolder() {
  namespace fs = std::filesystem;
  static const fs::path folder = [] {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    const fs::path installed = program.parent_path().parent_path() / "share/serpentarium/presets";
    if (!error && fs::is_directory(installed, error)) return installed;
    return fs::path(SERP_PRESET_SOURCE);
  }();
  return folder;
}

std::vector<PresetInfo> listPresets() {
  namespace fs = std::filesystem;
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

}  // namespace serp
