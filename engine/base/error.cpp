// SPDX-License-Identifier: GPL-3.0-or-later
// Words for a failed check.
#include "engine/base/error.h"

namespace serp {

void failCheck(const char* expression, const char* file, int line, const std::string& detail) {
  throw Error(ExitCode::Internal, std::string("internal error, please report: ") + expression + " does not hold (" + detail +
                                      ") at " + file + ":" + std::to_string(line));
}

}  // namespace serp
