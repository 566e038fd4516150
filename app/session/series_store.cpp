// SPDX-License-Identifier: GPL-3.0-or-later
// Every logged point of one run.
#include "app/session/series_store.h"

#include <algorithm>

namespace serp::app {

void SeriesStore::append(const std::vector<StepRecord>& records) {
  if (records.empty()) return;
  // A continued run repeats the steps after its checkpoint; what it writes now replaces what was written before.
  if (!steps_.empty() && records.front().step <= steps_.back().step) {
    const auto first = std::lower_bound(steps_.begin(), steps_.end(), records.front().step,
                                        [](const StepRecord& r, std::int64_t step) { return r.step < step; });
    steps_.erase(first, steps_.end());
    ++generation_;
  }
  steps_.insert(steps_.end(), records.begin(), records.end());
  dirty_ = true;
}

void SeriesStore::append(const RunEvent& event) {
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
  while (!routing_.empty() && routing_.back()->step >= frame->step) routing_.pop_back();
  if (frame->text) {  // the history keeps counts only: a thousand texts would be most of the memory
    auto counts = std::make_shared<RoutingFrame>(*frame);
    counts->text.reset();
    frame = std::move(counts);
  }
  routing_.push_back(std::move(frame));
  dirty_ = true;
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
