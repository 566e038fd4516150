// SPDX-License-Identifier: GPL-3.0-or-later
// Appending with one write per record, a bounded queue behind a failing disk, and repair of torn ends.
#include "engine/run/append_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"

namespace serp {

AppendLog::AppendLog(std::filesystem::path path, std::uint64_t frameBytes, Notice notice, std::chrono::milliseconds retryAfter)
    : path_(std::move(path)), frameBytes_(frameBytes), notice_(std::move(notice)), retryAfter_(retryAfter) {}

AppendLog::~AppendLog() {
  notice_ = nullptr;  // whoever listens may be gone already
  if (!waiting_.empty()) writeWaiting();
}

void AppendLog::appendLine(std::string_view line) {
  SERP_CHECK(frameBytes_ == 0, "lines into a file of frames");
  put(std::string(line) + "\n");
}

void AppendLog::appendFrame(std::string_view frame) {
  SERP_CHECK(frame.size() == frameBytes_, "frame size");
  put(frame);
}

void AppendLog::put(std::string_view bytes) {
  if (waiting_.size() + bytes.size() > kMaxWaitingBytes) ++lost_;
  else waiting_ += bytes;
  if (failing_ && std::chrono::steady_clock::now() < nextTry_) return;
  writeWaiting();
}

bool AppendLog::flush() {
  return waiting_.empty() || writeWaiting();
}

bool AppendLog::openAndRepair() {
  fd_ = Descriptor(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd_.isOpen()) return failed("open");
  const std::uint64_t size = fileSize(fd_.get());
  if (frameBytes_ > 0) {
    if (size % frameBytes_ != 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size - size % frameBytes_)) != 0) {
      fd_.close();
      return failed("ftruncate");
    }
    return true;
  }
  char last = '\n';
  if (size > 0 && !readAt(fd_.get(), &last, 1, size - 1)) {
    fd_.close();
    return failed("read");
  }
  if (last != '\n') waiting_.insert(0, 1, '\n');
  return true;
}

bool AppendLog::failed(const char* call) {
  const std::string why = std::strerror(errno);
  nextTry_ = std::chrono::steady_clock::now() + retryAfter_;
  if (!failing_ && notice_)
    notice_("cannot write " + path_.filename().string() + " (" + call + ": " + why +
            "); training goes on, records wait in memory and are written when it works again");
  failing_ = true;
  return false;
}

bool AppendLog::writeWaiting() {
  if (!fd_.isOpen() && !openAndRepair()) return false;
  const std::uint64_t before = fileSize(fd_.get());
  std::size_t written = 0;
  if (!writeAll(fd_.get(), waiting_, &written)) {
    const int error = errno;
    // Take the part that went out back, so that readers see no torn record; where even that fails, the rest continues it.
    if (written > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(before)) != 0) waiting_.erase(0, written);
    errno = error;
    return failed("write");
  }
  waiting_.clear();
  if (failing_ && notice_)
    notice_("writing " + path_.filename().string() + " works again" +
            (lost_ > told_ ? "; " + std::to_string(lost_ - told_) + " records did not fit in memory and are lost" : ""));
  told_ = lost_;
  failing_ = false;
  return true;
}

}  // namespace serp
