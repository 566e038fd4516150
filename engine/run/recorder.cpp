// SPDX-License-Identifier: GPL-3.0-or-later
// Where each record goes, and taking back the records of an abandoned stretch before a resume.
#include "engine/run/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "engine/base/atomic_file.h"
#include "engine/run/records.h"

namespace fs = std::filesystem;

namespace serp {
namespace {

constexpr std::uint64_t kMaxLayoutBytes = 64 << 20;

/// Byte offset in `text` at which the records after `step` begin. Logs grow by step, so the first later one decides
/// (a "saved" event may tell of a step some steps back); damaged
/// lines belong to what stands before them.
std::size_t laterLines(std::string_view text, std::int64_t step) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto found = lineStep(text.substr(at, end - at));
    if (found && *found > step) return at;
    at = end + 1;
  }
  return text.size();
}

std::size_t laterFrames(std::string_view bytes, std::uint64_t frameBytes, std::int64_t step) {
  std::size_t at = 0;
  for (; at + frameBytes <= bytes.size(); at += frameBytes) {
    std::int64_t found = 0;
    std::memcpy(&found, bytes.data() + at, sizeof found);
    if (found > step) break;
  }
  return at;
}

/// Moves the end of a file, from `keep` on, into superseded/: appended there and synced before it is cut here.
Result<Done> moveEnd(const fs::path& file, std::string_view bytes, std::size_t keep) {
  if (keep >= bytes.size()) return Done{};
  const fs::path folder = file.parent_path() / "superseded", target = folder / file.filename();
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return writeFault(folder, "mkdir", "the log is unchanged");
  const Descriptor to(::open(target.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!to.isOpen() || !writeAll(to.get(), bytes.substr(keep)) || ::fsync(to.get()) != 0)
    return writeFault(target, "write", "the log is unchanged");
  if (::truncate(file.c_str(), static_cast<off_t>(keep)) != 0) return writeFault(file, "truncate", "the log is unchanged");
  return Done{};
}

}  // namespace

Recorder::Recorder(fs::path run, Notice notice, std::chrono::milliseconds retryAfter)
    : run_(std::move(run)),
      notice_(std::move(notice)),
      retryAfter_(retryAfter),
      metrics_(run_ / "metrics.jsonl", 0, notice_, retryAfter),
      evals_(run_ / "eval.jsonl", 0, notice_, retryAfter),
      events_(run_ / "events.jsonl", 0, notice_, retryAfter),
      samples_(run_ / "samples.jsonl", 0, notice_, retryAfter) {}

void Recorder::metrics(const StepRecord& record) { metrics_.appendLine(metricsLine(record)); }
void Recorder::eval(const EvalRecord& record) { evals_.appendLine(evalLine(record)); }
void Recorder::event(const RunEvent& event) { events_.appendLine(eventLine(event)); }

void Recorder::sample(std::int64_t step, double seconds, const std::string& prompt, const std::string& text) {
  samples_.appendLine(sampleLine(step, seconds, prompt, text));
}

bool Recorder::openRouting(const RoutingFrame& frame) {
  const auto refuse = [&](const std::string& why, bool forGood) {
    if (!routingTold_ && notice_) notice_("routing is not recorded: " + why);
    routingTold_ = true;
    routingRefused_ = forGood;
    return false;
  };
  const RoutingLayout layout = RoutingLayout::of(frame.layers);
  if (routing_) return layout_.sameShape(layout) || refuse("the expert layers changed while the run was going", true);
  const fs::path file = run_ / "routing.json";
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    const auto text = readFileCapped(file, kMaxLayoutBytes, ExitCode::BadData);
    if (!text) return refuse(text.faults().text(), true);
    const auto there = parseRoutingLayout(*text, file.string());
    if (!there) return refuse(there.faults().text(), true);
    if (!there->sameShape(layout)) return refuse("this run was recorded with other expert layers", true);
  } else if (auto done = writeFileAtomically(file, routingLayoutText(layout)); !done) {
    return refuse(done.faults().text() + "; tried again at the next frame", false);
  }
  layout_ = layout;
  routing_ = std::make_unique<AppendLog>(run_ / "routing.bin", layout_.frameBytes, notice_, retryAfter_);
  return true;
}

void Recorder::routing(const RoutingFrame& frame) {
  if (frame.layers.empty() || routingRefused_ || !openRouting(frame)) return;
  routing_->appendFrame(packRouting(layout_, frame));
}

Result<Done> Recorder::rewind(std::int64_t step) {
  constexpr std::uint64_t kMaxLogBytes = std::uint64_t{8} << 30;
  std::error_code ignored;
  for (const AppendLog* log : {&metrics_, &evals_, &events_, &samples_}) {
    if (!fs::exists(log->path(), ignored)) continue;
    const auto text = readFileCapped(log->path(), kMaxLogBytes, ExitCode::BadData);
    if (!text) return text.faults();
    if (auto done = moveEnd(log->path(), *text, laterLines(*text, step)); !done) return done;
  }
  const fs::path layoutFile = run_ / "routing.json", frames = run_ / "routing.bin";
  if (!fs::exists(layoutFile, ignored) || !fs::exists(frames, ignored)) return Done{};
  const auto text = readFileCapped(layoutFile, kMaxLayoutBytes, ExitCode::BadData);
  const auto layout = text ? parseRoutingLayout(*text, layoutFile.string()) : Result<RoutingLayout>(text.faults());
  if (!layout || layout->frameBytes == 0) return Done{};  // told when recording starts; nothing can be cut without the layout
  const auto bytes = readFileCapped(frames, kMaxLogBytes, ExitCode::BadData);
  if (!bytes) return bytes.faults();
  return moveEnd(frames, *bytes, laterFrames(*bytes, layout->frameBytes, step));
}

bool Recorder::flush() {
  bool all = metrics_.flush();
  all = evals_.flush() && all;
  all = events_.flush() && all;
  all = samples_.flush() && all;
  return (!routing_ || routing_->flush()) && all;
}

}  // namespace serp
