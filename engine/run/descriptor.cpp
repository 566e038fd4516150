// SPDX-License-Identifier: GPL-3.0-or-later
// Checked POSIX reading and writing on one descriptor.
#include "engine/run/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace serp {

bool Descriptor::close() {
  if (fd_ < 0) return true;
  return ::close(std::exchange(fd_, -1)) == 0;
}

bool writeAll(int fd, std::string_view bytes, std::size_t* written) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;  // a regular file that takes nothing more
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (written) *written = done;
  return done == bytes.size();
}

Diagnostics writeFault(const std::filesystem::path& path, const char* call, const std::string& kept) {
  const int error = errno;
  std::string message = std::string("cannot write: ") + call + " failed, " + std::strerror(error);
  if (!kept.empty()) message += "; " + kept;
  return fault(ExitCode::CannotWrite, message, path.string());
}

Result<Descriptor> openForReading(const std::filesystem::path& path, ExitCode exit, bool follow) {
  // O_NONBLOCK: opening a FIFO would otherwise wait for a writer that never comes.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
  Descriptor fd(::open(path.c_str(), flags));
  if (!fd.isOpen()) {
    const std::string why = !follow && errno == ELOOP ? "is a symbolic link, which is not followed here" : std::strerror(errno);
    return fault(exit, "cannot read: " + why, path.string());
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fault(exit, std::string("cannot read: ") + std::strerror(errno), path.string());
  if (S_ISDIR(info.st_mode)) return fault(exit, "cannot read: this is a folder, a file is needed", path.string());
  if (!S_ISREG(info.st_mode)) return fault(exit, "cannot read: not a regular file", path.string());
  return Result<Descriptor>(std::move(fd));
}

std::uint64_t fileSize(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

bool readAt(int fd, void* destination, std::uint64_t bytes, std::uint64_t offset) {
  constexpr std::uint64_t kPiece = std::uint64_t{1} << 30;  // Linux moves at most 2 GiB per call
  auto* to = static_cast<char*>(destination);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd, to, std::min(bytes, kPiece), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    to += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::uint64_t>(n);
  }
  return true;
}

}  // namespace serp
