// SPDX-License-Identifier: GPL-3.0-or-later
// A file that is read in places while others may change it: every read checks that it is still the one that was opened.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "engine/base/error.h"

namespace serp {

/// Owns a descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

inline std::int64_t mtimeNs(const struct stat& info) {
  return std::int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec;
}

/// Reading goes through pread, not through a mapping: a file that shrinks gives a short count instead of SIGBUS. Replacing or
/// deleting the name is harmless, the open file stays. Thread-safe.
class WatchedFile {
 public:
  /// Throws Error(BadData) if it differs from `size` and `mtime` already.
  WatchedFile(const std::filesystem::path& path, std::uint64_t size, std::int64_t mtime);
  void read(std::uint64_t at, char* out, std::size_t count) const;
  std::uint64_t size() const { return size_; }
  void checkUnchanged() const;
  int fd() const { return fd_.get(); }

 private:
  std::filesystem::path path_;
  std::uint64_t size_;
  std::int64_t mtime_;
  Fd fd_;
};

}  // namespace serp
