// SPDX-License-Identifier: GPL-3.0-or-later
// Every logged point of one run.
#include "app/session/series_store.h"

#include <algorithm>
#include <cmath>

namespace serp::app {
namespace {

bool sameRecord(const StepRecord& a, const StepRecord& b) {
  return a.step == b.step && a.seconds == b.seconds && (a.loss == b.loss || (std::isnan(a.loss) && std::isnan(b.loss)));
}

bool sameBeginning(const RunEvent& a, const RunEvent& b) {
  return a.kind == b.kind && a.step == b.step && a.seconds == b.seconds && a.text == b.text;
}

}  // namespace

void SeriesStore::append(const std::vector<StepRecord>& records) {
  if (records.empty()) return;
  auto fresh = records.begin();
  // A continued run repeats the steps after its checkpoint; what it writes now replaces what was written before. A log that became
  // shorter is read again from its start: the records both have are not repeated, they are the same.
  if (!steps_.empty() && fresh->step <= steps_.back().step) {
    auto held = std::lower_bound(steps_.begin(), steps_.end(), fresh->step, [](const StepRecord& r, std::int64_t step) { return r.step < step; });
    while (held != steps_.end() && fresh != records.end() && sameRecord(*held, *fresh)) ++held, ++fresh;
    takeBack(fresh != records.end() ? fresh->step : records.back().step + 1);
  }
  steps_.insert(steps_.end(), fresh, records.end());
  dirty_ = true;
}

void SeriesStore::takeBack(std::int64_t step) {
  std::erase_if(steps_, [step](const StepRecord& r) { return r.step >= step; });
  std::erase_if(evals_, [step](const EvalRecord& r) { return r.step >= step; });
  std::erase_if(routing_, [step](const auto& frame) { return frame->step >= step; });
  // The events of the session that goes on come after its own beginning, which is earlier than its first step.
  const auto last = std::find_if(events_.rbegin(), events_.rend(), [](const RunEvent& e) { return e.kind == EventKind::Started; });
  const auto goesOn = last == events_.rend() ? events_.end() : std::prev(last.base());
  const bool continued = goesOn != events_.end() && std::any_of(events_.begin(), goesOn, [&](const RunEvent& e) { return e.step > goesOn->step; });
  const auto former = continued ? goesOn : events_.end();
  events_.erase(std::remove_if(events_.begin(), former, [step](const RunEvent& e) { return e.step >= step; }), former);
  ++generation_;
}

void SeriesStore::append(const RunEvent& event) {
  if (event.kind == EventKind::Started && !events_.empty() && sameBeginning(event, events_.front())) {
    events_.clear();                                 // a log that became shorter is read again from its start
    ++generation_;
  }
  events_.push_back(event);
  if (event.kind == EventKind::Evaluated && event.eval.step > 0) append(event.eval);
  dirty_ = true;
}

void SeriesStore::append(const EvalRecord& eval) {
  // The same measurement arrives as an event and as a line of eval.jsonl.
  const auto at = std::lower_bound(evals_.begin(), evals_.end(), eval.step,
                                   [](const EvalRecord& r, std::int64_t step) { return r.step < step; });
  if (at != evals_.end() && at->step == eval.step) *at = eval;
  else evals_.insert(at, eval);
  dirty_ = true;
}

void SeriesStore::append(std::shared_ptr<const RoutingFrame> frame) {
  if (!frame || (!routing_.empty() && routing_.back()->step == frame->step && !frame->text)) return;
  if (frame->text) text_ = frame->text;
  dirty_ = true;
  if (frame->layers.empty()) return;                 // a text routed before the first window
  while (!routing_.empty() && routing_.back()->step >= frame->step) routing_.pop_back();
  if (frame->text) {  // the history keeps counts only: a thousand texts would be most of the memory
    auto counts = std::make_shared<RoutingFrame>(*frame);
    counts->text.reset();
    frame = std::move(counts);
  }
  routing_.push_back(std::move(frame));
}

void SeriesStore::setActivations(std::shared_ptr<const ActivationFrame> frame) {
  if (!frame || frame == activations_) return;
  activations_ = std::move(frame);
  dirty_ = true;
}

void SeriesStore::setInfo(const RunInfo& info) {
  info_ = info;
  dirty_ = true;
}

void SeriesStore::clear() {
  steps_.clear();
  evals_.clear();
  events_.clear();
  routing_.clear();
  text_.reset();
  activations_.reset();
  info_ = {};
  dirty_ = false;
  ++generation_;
  Q_EMIT cleared();
}

void SeriesStore::flush() {
  if (!dirty_) return;
  dirty_ = false;
  Q_EMIT changed();
}

}  // namespace serp::app
