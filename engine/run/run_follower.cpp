// SPDX-License-Identifier: GPL-3.0-or-later
// Following logs that another process may be writing: whole records only, damaged ones skipped and counted.
#include <algorithm>
#include <string_view>

#include "engine/api/runs.h"
#include "engine/base/atomic_file.h"
#include "engine/run/descriptor.h"
#include "engine/run/records.h"
#include "engine/run/routing_file.h"

namespace serp {
namespace {

constexpr std::uint64_t kMaxRead = std::uint64_t{64} << 20;  // per call; the rest comes with the next one
constexpr std::uint64_t kMaxLayoutBytes = std::uint64_t{64} << 20;

/// What stands behind `offset`. A file that became shorter was rewound by a resume: it is read again from its start.
std::string readFrom(const std::filesystem::path& file, std::uint64_t& offset, std::uint64_t most) {
  auto fd = openForReading(file, ExitCode::BadData);
  if (!fd) return {};
  const std::uint64_t size = fileSize(fd->get());
  if (size < offset) offset = 0;
  std::string bytes(std::min(size - offset, most), '\0');
  if (!readAt(fd->get(), bytes.data(), bytes.size(), offset)) return {};
  return bytes;
}

template <class Record, class Parse>
std::vector<Record> parseLines(const std::string& text, int& damaged, Parse parse) {
  std::vector<Record> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    if (auto record = parse(line)) out.push_back(std::move(*record));
    else if (!line.empty()) ++damaged;
    at = end + 1;
  }
  return out;
}

}  // namespace

RunFollower::RunFollower(std::filesystem::path run) : run_(std::move(run)) {}

std::string RunFollower::fresh(const char* file, std::uint64_t& offset) {
  std::string bytes = readFrom(run_ / file, offset, kMaxRead);
  const auto last = bytes.rfind('\n');
  if (last == std::string::npos) {
    if (bytes.size() < kMaxRead) return {};  // a torn end is a line not yet written: wait for the rest
    offset += bytes.size();                  // 64 MiB without a line end are no log
    ++damaged_;
    return {};
  }
  bytes.resize(last + 1);
  offset += bytes.size();
  return bytes;
}

std::vector<StepRecord> RunFollower::metrics() {
  return parseLines<StepRecord>(fresh("metrics.jsonl", metricsAt_), damaged_, parseMetricsLine);
}

std::vector<EvalRecord> RunFollower::evals() {
  return parseLines<EvalRecord>(fresh("eval.jsonl", evalAt_), damaged_, parseEvalLine);
}

std::vector<RunEvent> RunFollower::events() {
  return parseLines<RunEvent>(fresh("events.jsonl", eventsAt_), damaged_, parseEventLine);
}

std::vector<RoutingFrame> RunFollower::routing() {
  if (layers_.empty()) {
    const auto path = run_ / "routing.json";
    const auto text = readFileCapped(path, kMaxLayoutBytes, ExitCode::BadData);
    if (!text) return {};  // not there yet
    auto layout = parseRoutingLayout(*text, path.string());
    if (!layout) return {};
    layers_ = std::move(layout->layers);
    if (layers_.empty()) return {};
  }
  const RoutingLayout layout = RoutingLayout::of(layers_);
  const std::uint64_t most = std::max<std::uint64_t>(1, kMaxRead / layout.frameBytes) * layout.frameBytes;
  const std::string bytes = readFrom(run_ / "routing.bin", routingAt_, most);
  const std::uint64_t whole = bytes.size() - bytes.size() % layout.frameBytes;
  std::vector<RoutingFrame> out;
  for (std::uint64_t at = 0; at < whole; at += layout.frameBytes) {
    auto frame = unpackRouting(layout, std::string_view(bytes).substr(at, layout.frameBytes));
    if (frame) out.push_back(std::move(*frame));
    else ++damaged_;
  }
  routingAt_ += whole;
  return out;
}

}  // namespace serp
