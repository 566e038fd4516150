// SPDX-License-Identifier: GPL-3.0-or-later
// Open-file-description locks: bound to the descriptor and not to the process, and askable without taking them.
#include "engine/run/run_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace serp {
namespace {

constexpr const char* kName = ".lock";

struct flock wholeFile(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<RunLock> RunLock::take(const std::filesystem::path& run) {
  const std::filesystem::path path = run / kName;
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.isOpen()) return writeFault(path, "open", "");
  struct flock lock = wholeFile(F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      std::array<char, 32> holder{};
      const ssize_t n = ::pread(fd.get(), holder.data(), holder.size() - 1, 0);
      std::string who = n > 0 ? std::string(holder.data(), static_cast<std::size_t>(n)) : std::string();
      while (!who.empty() && (who.back() < '0' || who.back() > '9')) who.pop_back();
      return fault(ExitCode::CannotWrite,
                   "this run is being written by " + (who.empty() ? "another process" : "process " + who) +
                       "; it can be read meanwhile, or stop that process first",
                   run.string());
    }
    // A file system without locks (some network mounts): better unguarded than unusable.
    if (errno != ENOLCK && errno != EOPNOTSUPP && errno != EINVAL) return writeFault(path, "lock", "");
  }
  // The number is for people only; the lock itself is what counts, so a failure here changes nothing.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) == 0) writeAll(fd.get(), pid);
  return RunLock(std::move(fd));
}

bool RunLock::isHeld(const std::filesystem::path& run) {
  const Descriptor fd(::open((run / kName).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd.isOpen()) return false;
  struct flock lock = wholeFile(F_RDLCK);
  return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace serp
