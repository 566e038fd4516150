// SPDX-License-Identifier: GPL-3.0-or-later
// Creating, reopening and ending a run's folder.
#include "engine/run/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/run/checkpoint_store.h"
#include "engine/run/records.h"
#include "engine/run/run_figures.h"

namespace fs = std::filesystem;

namespace serp {
namespace {

constexpr std::uint64_t kMaxTextBytes = 16 << 20;

/// Ids come from the system's randomness, not from the clock: clocks are set back, and two runs start in one second.
std::string newId() {
  std::random_device source;
  std::string id;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> part{};
    std::snprintf(part.data(), part.size(), "%08x", static_cast<unsigned>(source()));
    id += part.data();
  }
  return id;
}

std::string hostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Result<Done> makeFolder(const fs::path& path) {
  const auto cannot = [&](const std::string& why) {
    return fault(ExitCode::CannotWrite, "cannot create the run folder: " + why, path.string());
  };
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) return fault(ExitCode::BadConfiguration, "a file of this name exists, a folder is needed", path.string());
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
      if (it->path().filename() != ".lock")
        return fault(ExitCode::BadConfiguration,
                     "the folder is not empty; choose another --out, or continue the run in it with --resume", path.string());
    if (error) return cannot(error.message());
    return Done{};
  }
  fs::create_directories(path, error);
  if (error) return cannot(error.message());
  return Done{};
}

}  // namespace

Result<RunFolder> RunFolder::create(const fs::path& path, RunMeta meta, std::string_view config, std::string_view resolved) {
  if (auto made = makeFolder(path); !made) return made.faults();
  auto lock = RunLock::take(path);
  if (!lock) return lock.faults();
  // Looked at again under the lock: another writer may have been faster between the two.
  if (auto made = makeFolder(path); !made) return made.faults();

  RunFolder folder;
  folder.path_ = path;
  folder.lock_ = std::move(lock).value();
  meta.id = newId();
  meta.started = utcNow();
  meta.ended.clear();
  meta.status = "running";
  meta.pid = ::getpid();
  meta.host = hostName();
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return writeFault(path, "stat", "");
  folder.device_ = info.st_dev;
  folder.inode_ = info.st_ino;
  for (const auto& [name, text] : {std::pair{"config.yaml", config}, std::pair{"resolved.yaml", resolved}})
    if (auto done = writeFileAtomically(path / name, text); !done) return done.faults();
  if (auto done = folder.update(meta); !done) return done.faults();
  return Result<RunFolder>(std::move(folder));
}

Result<RunFolder> RunFolder::reopen(const fs::path& path) {
  auto meta = readMeta(path);
  if (!meta) return meta.faults();
  auto lock = RunLock::take(path);
  if (!lock) return lock.faults();
  RunFolder folder;
  folder.path_ = path;
  folder.lock_ = std::move(lock).value();
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return writeFault(path, "stat", "");
  folder.device_ = info.st_dev;
  folder.inode_ = info.st_ino;
  meta->status = "running";
  meta->reason.clear();
  meta->ended.clear();
  meta->pid = ::getpid();
  meta->host = hostName();
  if (auto done = folder.update(*meta); !done) return done.faults();
  CheckpointStore(path).cleanLeftovers();  // safe only here: the lock is ours, so whoever was writing them is gone
  return Result<RunFolder>(std::move(folder));
}

std::string RunFolder::config() const {
  auto text = readFileCapped(path_ / "config.yaml", kMaxTextBytes, ExitCode::BadData);
  return text ? *text : std::string();
}

std::string RunFolder::resolved() const {
  auto text = readFileCapped(path_ / "resolved.yaml", kMaxTextBytes, ExitCode::BadData);
  return text ? *text : std::string();
}

Result<Done> RunFolder::update(const RunMeta& meta) {
  meta_ = meta;
  return writeFileAtomically(path_ / "meta.json", metaText(meta_));
}

Result<Done> RunFolder::end(const std::string& status, const std::string& reason) {
  SERP_CHECK(status == "finished" || status == "stopped" || status == "failed" || status == "interrupted", status);
  RunMeta meta = meta_;
  meta.status = status;
  meta.reason = reason;
  meta.ended = utcNow();
  readFigures(path_, meta);
  return update(meta);
}

Result<Done> RunFolder::check() const {
  struct stat info{};
  const auto gone = [&](const std::string& why) {
    return fault(ExitCode::CannotWrite, "the run folder " + why + "; bring it back to go on saving", path_.string());
  };
  if (::stat(path_.c_str(), &info) != 0) return gone(errno == ENOENT ? "was moved or deleted" : std::strerror(errno));
  if (info.st_dev != device_ || info.st_ino != inode_) return gone("was replaced by another one");
  if (::access(path_.c_str(), W_OK | X_OK) != 0) return gone("can no longer be written");
  return Done{};
}

}  // namespace serp
