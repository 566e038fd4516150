// SPDX-License-Identifier: GPL-3.0-or-later
// Reading the tails of a run's logs.
#include "engine/run/run_figures.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "engine/run/descriptor.h"
#include "engine/run/records.h"

namespace serp {
namespace {

constexpr std::uint64_t kMetricsTail = 64 << 10, kEvalTail = 256 << 10;
constexpr int kTrainWindow = 50;

/// The last bytes of a file, beginning at a line.
std::string tail(const std::filesystem::path& file, std::uint64_t bytes) {
  auto fd = openForReading(file, ExitCode::BadData);
  if (!fd) return {};
  const std::uint64_t size = fileSize(fd->get()), from = size > bytes ? size - bytes : 0;
  std::string text(size - from, '\0');
  if (!readAt(fd->get(), text.data(), text.size(), from)) return {};
  if (from > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

/// Calls `use` with each line from the last to the first, while it returns true.
template <class Use>
void backwards(std::string_view text, Use use) {
  while (!text.empty()) {
    if (text.back() == '\n') text.remove_suffix(1);
    const auto start = text.rfind('\n');
    const std::string_view line = start == std::string_view::npos ? text : text.substr(start + 1);
    if (!use(line)) return;
    text = start == std::string_view::npos ? std::string_view() : text.substr(0, start + 1);
  }
}

}  // namespace

void readFigures(const std::filesystem::path& run, RunMeta& meta) {
  double sum = 0, best = INFINITY, last = NAN;
  int losses = 0;
  bool first = true;
  backwards(tail(run / "metrics.jsonl", kMetricsTail), [&](std::string_view line) {
    const auto record = parseMetricsLine(line);
    if (!record) return true;
    if (first) {
      meta.steps = record->step;
      meta.tokens = record->tokens;
      if (std::isfinite(record->tokensPerSecond)) meta.tokensPerSecond = record->tokensPerSecond;
      first = false;
    }
    if (std::isfinite(record->loss)) {
      if (losses == 0) last = record->loss;
      sum += record->loss;
      best = std::min(best, record->loss);
      ++losses;
    }
    return losses < kTrainWindow;
  });
  if (losses > 0) meta.trainLoss = sum / losses;

  // Held-out text decides where there is any: a training loss is of other words at every step.
  double evalLast = NAN, evalBest = INFINITY;
  backwards(tail(run / "eval.jsonl", kEvalTail), [&](std::string_view line) {
    const auto record = parseEvalLine(line);
    if (!record || !std::isfinite(record->loss)) return true;
    if (std::isnan(evalLast)) evalLast = record->loss;
    evalBest = std::min(evalBest, record->loss);
    return true;
  });
  if (std::isfinite(evalLast)) last = evalLast, best = evalBest;
  if (std::isfinite(last)) meta.lastLoss = last, meta.bestLoss = best;
}

}  // namespace serp
