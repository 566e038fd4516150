// SPDX-License-Identifier: GPL-3.0-or-later
// Comparing a fast kernel's output with the plain one's, and remembering the worst element seen.
#include <cmath>
#include <cstdio>
#include <mutex>

#include "engine/base/error.h"
#include "engine/ops/kernel_calls.h"

namespace serp::ops {
namespace {

struct {
  std::mutex lock;
  std::int64_t compared = 0;
  double worst = 0;
  std::string where;
} gChecks;

struct Disagreement {
  double relative = 0;
  std::size_t element = 0;
};

Disagreement worstElement(std::span<const float> got, std::span<const float> want) {
  Disagreement d;
  if (got.size() != want.size()) return {HUGE_VAL, 0};
  double top = 0;
  for (const float w : want)
    if (std::isfinite(w)) top = std::max(top, std::fabs(static_cast<double>(w)));
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double g = got[i], w = want[i];
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    if (!std::isfinite(g) || !std::isfinite(w)) return {HUGE_VAL, i};
    const double off = std::fabs(g - w) / (std::fabs(w) + top);
    if (off > d.relative) d = {off, i};
  }
  return d;
}

}  // namespace

double worstDisagreement(std::span<const float> got, std::span<const float> want) { return worstElement(got, want).relative; }

void compareKernels(const char* kernel, const char* output, std::span<const float> got, std::span<const float> want,
                    double tolerance) {
  const Disagreement d = worstElement(got, want);
  const auto say = [&](const char* format) {
    char text[256];
    const bool there = d.element < got.size() && d.element < want.size();
    std::snprintf(text, sizeof text, format, kernel, output, d.relative, d.element, there ? static_cast<double>(got[d.element]) : 0.0,
                  there ? static_cast<double>(want[d.element]) : 0.0);
    return std::string(text);
  };
  {
    const std::lock_guard hold(gChecks.lock);
    ++gChecks.compared;
    if (d.relative > gChecks.worst) {
      gChecks.worst = d.relative;
      gChecks.where = say("%s, %s: off by %.2g of its largest value at element %zu (%.7g against %.7g)");
    }
  }
  if (d.relative <= tolerance) return;
  char allowed[48];
  std::snprintf(allowed, sizeof allowed, ", allowed is %.0g", tolerance);
  throw Error(ExitCode::Internal,
              say("[%s] the fast kernel leaves the plain one in %s by %.2g of its largest value at element %zu (%.7g against %.7g)") + allowed);
}

std::string checkSummary() {
  const std::lock_guard hold(gChecks.lock);
  if (gChecks.compared == 0) return "no kernel was compared";
  const std::string count = std::to_string(gChecks.compared) + " outputs of fast kernels compared with the plain ones; ";
  return count + (gChecks.where.empty() ? "no bit differs" : "worst: " + gChecks.where);
}

void forgetChecks() {
  const std::lock_guard hold(gChecks.lock);
  gChecks.compared = 0;
  gChecks.worst = 0;
  gChecks.where.clear();
}

}  // namespace serp::ops
