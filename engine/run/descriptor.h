// SPDX-License-Identifier: GPL-3.0-or-later
// A file descriptor that closes itself, and the two checked calls everything in this folder is built from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "engine/api/diagnostic.h"

namespace serp {

/// Owns one descriptor. Where the result of close() matters, call close() and look at it; the destructor cannot.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool isOpen() const { return fd_ >= 0; }
  bool close();  ///< false: the system refused, errno says why; the descriptor is gone either way

 private:
  int fd_ = -1;
};

/// Writes everything or returns false with errno set. `written`, where given, is how much went out before a failure.
bool writeAll(int fd, std::string_view bytes, std::size_t* written = nullptr);

/// "cannot write: fsync failed, No space left on device; <kept>" from errno, with ExitCode::CannotWrite.
Diagnostics writeFault(const std::filesystem::path& path, const char* call, const std::string& kept);

/// Opens a regular file for reading; folders, FIFOs, devices and (with `follow` false) links are refused without blocking.
Result<Descriptor> openForReading(const std::filesystem::path& path, ExitCode exit, bool follow = true);

/// Size of an open file, 0 where it cannot be told.
std::uint64_t fileSize(int fd);

/// Fills `bytes` from `offset`; false at a short file (errno 0) or an error (errno set).
bool readAt(int fd, void* destination, std::uint64_t bytes, std::uint64_t offset);

}  // namespace serp
