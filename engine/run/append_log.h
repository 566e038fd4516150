// SPDX-License-Identifier: GPL-3.0-or-later
// An append-only file of lines or of fixed-size frames that outlives full disks and torn ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "engine/run/descriptor.h"

namespace serp {

/// Every append is one write(2), so followers see whole records and a kill costs at most one. A write that fails is told once,
/// its records wait in memory (up to a cap) and are tried again later; appending never throws and never blocks on a retry.
class AppendLog {
 public:
  using Notice = std::function<void(const std::string&)>;
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;

  /// `frameBytes` 0: lines. The file is created at the first append. A torn end is repaired then: lines get the newline they lack,
  /// so that the next one starts clean; frames are cut back to a whole number.
  AppendLog(std::filesystem::path path, std::uint64_t frameBytes, Notice notice,
            std::chrono::milliseconds retryAfter = std::chrono::seconds(1));
  /// Tries once more to write what waits.
  ~AppendLog();
  AppendLog(AppendLog&&) = default;
  AppendLog& operator=(AppendLog&&) = delete;

  void appendLine(std::string_view line);
  void appendFrame(std::string_view frame);
  /// True if everything appended so far is in the file.
  bool flush();
  std::uint64_t lostRecords() const { return lost_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  void put(std::string_view bytes);
  bool openAndRepair();
  bool failed(const char* call);
  bool writeWaiting();

  std::filesystem::path path_;
  std::uint64_t frameBytes_;
  Notice notice_;
  std::chrono::milliseconds retryAfter_;
  std::chrono::steady_clock::time_point nextTry_{};
  Descriptor fd_;
  std::string waiting_;
  std::uint64_t lost_ = 0, told_ = 0;
  bool failing_ = false;
};

}  // namespace serp
