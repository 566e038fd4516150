// SPDX-License-Identifier: GPL-3.0-or-later
// Finding, listing, trashing and restoring run folders.
#include "engine/api/runs.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/run/run_figures.h"
#include "engine/run/run_lock.h"
#include "engine/run/run_meta.h"

namespace fs = std::filesystem;

namespace serp {
namespace {

constexpr const char* kTrash = ".trash";
constexpr std::size_t kMaxNameBytes = 80;

bool isFile(const fs::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool looksLikeRun(const fs::path& folder) {
  return isFile(folder / "meta.json") || isFile(folder / "resolved.yaml") || isFile(folder / "metrics.jsonl");
}

fs::path homeFolder() {
  if (const char* home = std::getenv("HOME"); home && *home == '/') return home;
  if (const passwd* user = ::getpwuid(::getuid()); user && user->pw_dir && *user->pw_dir == '/') return user->pw_dir;
  return "/tmp";
}

RunSummary summaryOf(const fs::path& run, RunMeta meta) {
  if (meta.status == "running" && !RunLock::isHeld(run)) {
    meta.status = "interrupted";
    meta.reason = "the process that wrote it is gone";
  }
  if (meta.ended.empty() || std::isnan(meta.lastLoss)) readFigures(run, meta);
  RunSummary s;
  s.folder = run;
  s.id = meta.id;
  s.name = meta.name;
  s.status = meta.status;
  s.reason = meta.reason;
  s.device = meta.device;
  s.pattern = meta.pattern;
  s.parent = meta.parentRun;
  s.started = meta.started;
  s.ended = meta.ended;
  s.seed = meta.seed;
  s.steps = meta.steps;
  s.budgetSteps = meta.budgetSteps;
  s.tokens = meta.tokens;
  s.parameters = meta.parameters;
  s.activeParameters = meta.activeParameters;
  s.lastLoss = meta.lastLoss;
  s.bestLoss = meta.bestLoss;
  s.trainLoss = meta.trainLoss;
  s.tokensPerSecond = meta.tokensPerSecond;
  s.uniformLoss = meta.uniformLoss;
  s.unigramLoss = meta.unigramLoss;
  s.entropyRate = meta.entropyRate;
  return s;
}

RunSummary unreadable(const fs::path& run, const std::string& why) {
  RunSummary s;
  s.folder = run;
  s.name = run.filename().string();
  s.status = "unreadable";
  s.reason = why;
  s.lastLoss = s.bestLoss = s.trainLoss = s.tokensPerSecond = NAN;
  return s;
}

/// `name` under `parent`, with "-2", "-3" … where it is taken.
fs::path unused(const fs::path& parent, const std::string& name) {
  fs::path path = parent / name;
  std::error_code ignored;
  for (int n = 2; fs::exists(fs::symlink_status(path, ignored)); ++n) path = parent / (name + "-" + std::to_string(n));
  return path;
}

Result<fs::path> moveRun(const fs::path& from, const fs::path& parent) {
  const fs::path to = unused(parent, from.filename().string());
  if (::rename(from.c_str(), to.c_str()) != 0)
    return fault(ExitCode::CannotWrite, std::string("cannot move the run: ") + std::strerror(errno) + "; it is where it was", from.string());
  if (auto done = syncFolder(parent); !done) return done.faults();
  if (auto done = syncFolder(from.parent_path()); !done) return done.faults();
  return to;
}

/// Without a trailing slash, so that filename() and parent_path() mean what they say.
fs::path tidy(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

}  // namespace

fs::path defaultRunsFolder() {
  const char* data = std::getenv("XDG_DATA_HOME");
  const fs::path base = data && *data == '/' ? fs::path(data) : homeFolder() / ".local/share";
  return base / "serpentarium/runs";
}

fs::path newRunFolder(const fs::path& parent, const std::string& name, std::uint64_t seed) {
  std::string plain;  // what every file system, shell and archive takes; meta.json keeps the real name
  for (const char c : name.substr(0, kMaxNameBytes)) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
    if (good) plain += c;
    else if (!plain.empty() && plain.back() != '-') plain += '-';
  }
  while (!plain.empty() && (plain.front() == '.' || plain.front() == '-')) plain.erase(0, 1);
  if (plain.empty()) plain = "run";
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char stamp[40];
  std::strftime(stamp, sizeof stamp, "-%Y%m%d-%H%M%S-s", &parts);
  return unused(parent, plain + stamp + std::to_string(seed));
}

Result<RunSummary> readSummary(const fs::path& run) {
  auto meta = readMeta(run);
  if (!meta) return meta.faults();
  return summaryOf(run, std::move(*meta));
}

std::vector<RunSummary> listRuns(const fs::path& folder) {
  std::vector<RunSummary> out;
  const auto add = [&](const fs::path& run) {
    auto meta = readMeta(run);
    if (meta) out.push_back(summaryOf(run, std::move(*meta)));
    else if (looksLikeRun(run)) out.push_back(unreadable(run, meta.faults().items.front().message));
  };
  if (looksLikeRun(folder)) {
    add(folder);
    return out;
  }
  std::error_code error;
  for (fs::directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->path().filename().string().starts_with('.') && it->is_directory(ignored)) add(it->path());
  }
  std::sort(out.begin(), out.end(), [](const RunSummary& a, const RunSummary& b) {
    return a.started != b.started ? a.started > b.started : a.folder.filename() > b.folder.filename();
  });
  return out;
}

Result<fs::path> findRun(const std::string& reference, const fs::path& runsFolder) {
  const auto refuse = [](const std::string& why) { return fault(ExitCode::BadConfiguration, why); };
  if (reference.empty()) return refuse("no run was named (a run folder, the beginning of a run's name, or \"last\")");
  if (looksLikeRun(reference)) return fs::path(reference);
  std::error_code error;
  if (reference == "last") {
    const auto runs = listRuns(runsFolder);
    if (runs.empty()) return refuse("there is no run yet in " + runsFolder.string());
    return runs.front().folder;
  }
  std::vector<std::string> names, matching;
  for (fs::directory_iterator it(runsFolder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with('.') || !looksLikeRun(it->path())) continue;
    if (name == reference) return it->path();
    if (name.starts_with(reference)) matching.push_back(name);
    names.push_back(std::move(name));
  }
  if (matching.size() == 1) return runsFolder / matching.front();
  if (matching.size() > 1) {
    std::sort(matching.begin(), matching.end());
    std::string text = "\"" + reference + "\" is the beginning of " + std::to_string(matching.size()) + " runs: ";
    for (std::size_t i = 0; i < std::min<std::size_t>(matching.size(), 5); ++i) text += (i ? ", " : "") + matching[i];
    return refuse(text + (matching.size() > 5 ? ", …" : ""));
  }
  if (fs::is_directory(reference, error)) return refuse(reference + " is a folder without a run (no meta.json)");
  const std::string close = nearest(reference, names);
  return refuse("there is no run \"" + reference + "\" in " + runsFolder.string() +
                (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
}

Result<Done> renameRun(const fs::path& run, const std::string& name) {
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  std::string wanted = name;
  while (!wanted.empty() && blank(wanted.back())) wanted.pop_back();
  while (!wanted.empty() && blank(wanted.front())) wanted.erase(0, 1);
  if (wanted.empty() || wanted.size() > kMaxNameBytes || std::any_of(wanted.begin(), wanted.end(), [](char c) { return c == '\n' || c == '\t'; }))
    return fault(ExitCode::BadConfiguration, "a run's name is one line of 1 to " + std::to_string(kMaxNameBytes) + " bytes", run.string());
  if (RunLock::isHeld(run))
    return fault(ExitCode::CannotWrite, "this run is still being written; it can be renamed when it has ended", run.string());
  auto lock = RunLock::take(run);
  if (!lock) return lock.faults();
  auto meta = readMeta(run);
  if (!meta) return meta.faults();
  meta->name = wanted;
  return writeFileAtomically(run / "meta.json", metaText(*meta));
}

Result<fs::path> trashRun(const fs::path& run) {
  const fs::path from = tidy(run);
  if (!looksLikeRun(from)) return fault(ExitCode::BadConfiguration, "this is not a run folder", from.string());
  if (RunLock::isHeld(from))
    return fault(ExitCode::CannotWrite, "this run is still being written; stop it before moving it to the trash", from.string());
  const fs::path trash = from.parent_path() / kTrash;
  if (::mkdir(trash.c_str(), 0755) != 0 && errno != EEXIST)
    return fault(ExitCode::CannotWrite, std::string("cannot create the trash folder: ") + std::strerror(errno), trash.string());
  return moveRun(from, trash);
}

Result<fs::path> restoreRun(const fs::path& trashed) {
  const fs::path from = tidy(trashed);
  if (from.parent_path().filename() != kTrash || !looksLikeRun(from))
    return fault(ExitCode::BadConfiguration, "this is not a run in the trash", from.string());
  return moveRun(from, from.parent_path().parent_path());
}

}  // namespace serp
