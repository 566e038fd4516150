// SPDX-License-Identifier: GPL-3.0-or-later
// Durable writing and guarded reading with POSIX calls, every count and return code checked.
#include "engine/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace serp {
namespace {

Diagnostics writeFault(const std::filesystem::path& path, const char* call) {
  const int error = errno;
  return fault(ExitCode::CannotWrite,
               std::string("cannot write: ") + call + " failed, " + std::strerror(error) + "; the previous file is unchanged",
               path.string());
}

/// Closes on leaving; a descriptor taken out with release() is closed by the caller, who checks the result.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<Done> syncFolder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return writeFault(folder, "open of the folder");
  if (::fsync(fd.get()) != 0) return writeFault(folder, "fsync of the folder");
  return Done{};
}

Result<Done> writeFileAtomically(const std::filesystem::path& path, std::string_view bytes) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd.get() < 0) return writeFault(path, "open");
  const auto giveUp = [&](const char* call) {
    Diagnostics d = writeFault(path, call);
    ::unlink(temporary.c_str());
    return d;
  };
  if (!writeAll(fd.get(), bytes)) return giveUp("write");
  if (::fsync(fd.get()) != 0) return giveUp("fsync");
  if (::close(fd.release()) != 0) return giveUp("close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return giveUp("rename");
  return syncFolder(path.parent_path());
}

Result<std::string> readFileCapped(const std::filesystem::path& path, std::uint64_t maxBytes, ExitCode exit) {
  const auto refuse = [&](const std::string& why) { return fault(exit, why, path.string()); };
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return refuse(std::string("cannot read: ") + std::strerror(errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return refuse(std::string("cannot read: ") + std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return refuse("cannot read: this is a folder, a file is needed");
  if (!S_ISREG(info.st_mode)) return refuse("cannot read: not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > maxBytes)
    return refuse("too large: " + std::to_string(size) + " bytes, at most " + std::to_string(maxBytes) + " are read");
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refuse(std::string("cannot read: ") + std::strerror(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  text.resize(done);
  return text;
}

}  // namespace serp
