// SPDX-License-Identifier: GPL-3.0-or-later
// Finding frames by step and putting them on an even grid.
#include "app/routing_views/routing_history.h"

#include <algorithm>
#include <cmath>

#include "app/session/series_store.h"

namespace serp::app {

const std::vector<std::shared_ptr<const RoutingFrame>>& RoutingHistory::frames() const { return store_->routing(); }

int RoutingHistory::experts(int layer) const {
  return layer >= 0 && static_cast<std::size_t>(layer) < layers() ? frames().back()->layers[static_cast<std::size_t>(layer)].experts : 0;
}

QString RoutingHistory::layerName(int layer) const {
  if (layer < 0 || static_cast<std::size_t>(layer) >= layers()) return {};
  const RoutingLayer& l = frames().back()->layers[static_cast<std::size_t>(layer)];
  return QString::fromStdString(l.label.empty() ? l.path : l.label);
}

std::size_t RoutingHistory::indexAt(qint64 step) const {
  const auto& all = frames();
  if (all.empty()) return 0;
  if (step < 0) return all.size() - 1;
  const auto after = std::upper_bound(all.begin(), all.end(), step, [](qint64 s, const auto& frame) { return s < frame->step; });
  return after == all.begin() ? 0 : static_cast<std::size_t>(after - all.begin()) - 1;
}

const RoutingFrame* RoutingHistory::at(qint64 step) const { return empty() ? nullptr : frames()[indexAt(step)].get(); }

const RoutingLayer* RoutingHistory::layerAt(qint64 step, int layer) const {
  const RoutingFrame* frame = at(step);
  return frame && layer >= 0 && static_cast<std::size_t>(layer) < frame->layers.size() ? &frame->layers[static_cast<std::size_t>(layer)] : nullptr;
}

void RoutingHistory::follow() const {
  const auto& all = frames();
  // Frames were taken back (cleared, or a run was continued): start afresh.
  if (followed_ > all.size() || (followed_ > 0 && all[followed_ - 1].get() != followedTo_)) {
    busy_.clear();
    followed_ = 0;
  }
  for (; followed_ < all.size(); ++followed_) {
    const RoutingFrame& frame = *all[followed_];
    busy_.resize(std::max(busy_.size(), frame.layers.size()));
    for (std::size_t l = 0; l < frame.layers.size(); ++l) {
      const auto& assigned = frame.layers[l].assigned;
      busy_[l].resize(std::max(busy_[l].size(), assigned.size()));
      for (std::size_t e = 0; e < assigned.size(); ++e) {
        if (!(assigned[e] > 0)) continue;
        Spans& spans = busy_[l][e];
        if (!spans.empty() && spans.back().second + 1 == followed_) spans.back().second = followed_;
        else spans.emplace_back(followed_, followed_);
      }
    }
  }
  followedTo_ = all.empty() ? nullptr : all.back().get();
}

std::int64_t RoutingHistory::idle(qint64 step, int layer, int expert) const {
  if (empty()) return 0;
  follow();
  const auto& all = frames();
  const std::size_t at = indexAt(step);
  const auto l = static_cast<std::size_t>(layer), e = static_cast<std::size_t>(expert);
  const std::int64_t sinceStart = all[at]->step - all.front()->step + all.front()->steps;
  if (l >= busy_.size() || e >= busy_[l].size()) return sinceStart;
  const Spans& spans = busy_[l][e];
  const auto after = std::upper_bound(spans.begin(), spans.end(), at, [](std::size_t i, const auto& span) { return i < span.first; });
  if (after == spans.begin()) return sinceStart;
  return all[at]->step - all[std::min(at, std::prev(after)->second)]->step;
}

const RoutedText* RoutingHistory::text() const { return store_->text().get(); }

qint64 RoutingHistory::textStep() const {
  for (auto it = frames().rbegin(); it != frames().rend(); ++it)
    if ((*it)->text) return (*it)->textStep;
  return -1;
}

int RoutingHistory::Columns::columnOf(qint64 step) const {
  if (ranges.empty()) return -1;
  const double at = std::ceil(static_cast<double>(step - firstStep) / stepsPerColumn);
  return std::clamp(static_cast<int>(at), 0, static_cast<int>(ranges.size()) - 1);
}

qint64 RoutingHistory::Columns::stepOf(int column) const { return firstStep + static_cast<qint64>(std::floor(column * stepsPerColumn)); }

RoutingHistory::Columns RoutingHistory::columns(int most) const {
  Columns out;
  const auto& all = frames();
  if (all.empty()) return out;
  std::vector<int> widths;
  for (const auto& frame : all) widths.push_back(std::max(1, frame->steps));
  std::nth_element(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2), widths.end());
  const double width = widths[widths.size() / 2];
  out.firstStep = all.front()->step;
  const double span = static_cast<double>(all.back()->step - out.firstStep);
  out.stepsPerColumn = std::max(width, span / std::max(1, most - 1));
  const int count = static_cast<int>(std::ceil(span / out.stepsPerColumn - 1e-9)) + 1;
  out.ranges.assign(static_cast<std::size_t>(count), {0, 0});
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& range = out.ranges[static_cast<std::size_t>(out.columnOf(all[i]->step))];
    if (range.first == range.second) range = {i, i + 1};
    else range.second = i + 1;
  }
  return out;
}

}  // namespace serp::app
