// SPDX-License-Identifier: GPL-3.0-or-later
// openSession: the checks that answer at once, then the runner's thread.
#include "engine/api/session.h"

#include <unistd.h>

#include <system_error>

#include "engine/run/runner.h"

namespace serp {
namespace {

/// The nearest existing folder above `folder` must be writable, `folder` itself absent or empty.
Result<Done> checkNewFolder(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(folder, error)) {
    if (!fs::is_directory(folder, error)) return fault(ExitCode::CannotWrite, "cannot write: this is a file, a folder is needed", folder);
    if (!fs::is_empty(folder, error))
      return fault(ExitCode::BadConfiguration, "the folder is not empty; choose another one, or continue the run in it with --resume", folder);
  }
  fs::path above = fs::absolute(folder, error);
  while (!above.empty() && !fs::exists(above, error)) above = above.parent_path();
  if (::access(above.c_str(), W_OK) != 0)
    return fault(ExitCode::CannotWrite, "cannot write here: no permission; choose another folder with --out", above);
  return Done{};
}

}  // namespace

Result<std::unique_ptr<Session>> openSession(const RunSpec& spec, const std::filesystem::path& runFolder, const OpenOptions& options) {
  if (options.resumeFrom.empty()) {
    if (auto ok = checkNewFolder(runFolder); !ok) return ok.faults();
  }
  auto runner = std::make_unique<Runner>(spec, runFolder, options);
  runner->start();
  return std::unique_ptr<Session>(std::move(runner));
}

}  // namespace serp
