// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's one exception, and the check for our own mistakes.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "engine/api/diagnostic.h"

namespace serp {

/// Thrown inside the engine only, prefixed by the block's or file's name; caught once, in the runner or a verb's main.
class Error : public std::runtime_error {
 public:
  Error(ExitCode exit, const std::string& message) : std::runtime_error(message), exit_(exit) {}
  explicit Error(Diagnostics faults)
      : std::runtime_error(faults.text()), exit_(faults.exit), faults_(std::move(faults)) {}
  ExitCode exitCode() const noexcept { return exit_; }
  const Diagnostics& faults() const noexcept { return faults_; }

 private:
  ExitCode exit_;
  Diagnostics faults_;
};

[[noreturn]] void failCheck(const char* expression, const char* file, int line, const std::string& detail);

}  // namespace serp

/// Our bug if it fails: throws serp::Error with ExitCode::Internal and the expression.
#define SERP_CHECK(condition, detail) \
  do {                                \
    if (!(condition)) ::serp::failCheck(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)
