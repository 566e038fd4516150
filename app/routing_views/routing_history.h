// SPDX-License-Identifier: GPL-3.0-or-later
// The routing of one run as the views read it: frames by step, layers, the newest routed text.
#pragma once

#include <QString>
#include <QStringList>
#include <memory>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp::app {

class SeriesStore;

/// A window onto a SeriesStore; of its own it keeps only when each expert was last busy. GUI thread only.
class RoutingHistory {
 public:
  explicit RoutingHistory(const SeriesStore* store) : store_(store) {}
  const std::vector<std::shared_ptr<const RoutingFrame>>& frames() const;
  bool empty() const { return frames().empty(); }
  std::size_t layers() const { return empty() ? 0 : frames().back()->layers.size(); }
  int experts(int layer) const;
  QString layerName(int layer) const;               ///< "moe 3"
  /// Index of the last frame at or before `step`; the newest for step < 0, the first for steps before it. 0 when empty.
  std::size_t indexAt(qint64 step) const;
  const RoutingFrame* at(qint64 step) const;        ///< null when empty
  const RoutingLayer* layerAt(qint64 step, int layer) const;
  /// Steps without a token of `expert` up to the frame at `step`, as idleSteps() of quantities.h; fast enough for every expert at once.
  std::int64_t idle(qint64 step, int layer, int expert) const;
  const RoutedText* text() const;
  qint64 textStep() const;
  const SeriesStore& store() const { return *store_; }

  /// Frames on an even grid of steps, so that a pause in logging shows as a gap: for each column the indices of its frames
  /// [first, last), empty where nothing was logged. At most `most` columns.
  struct Columns {
    qint64 firstStep = 0;
    double stepsPerColumn = 1;
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    int columnOf(qint64 step) const;
    qint64 stepOf(int column) const;                ///< last step of the column
  };
  Columns columns(int most) const;

 private:
  void follow() const;
  const SeriesStore* store_;
  /// [layer][expert]: indices of the frames in which it had a token, as runs [first, last] of neighbours.
  using Spans = std::vector<std::pair<std::size_t, std::size_t>>;
  mutable std::vector<std::vector<Spans>> busy_;
  mutable const RoutingFrame* followedTo_ = nullptr;
  mutable std::size_t followed_ = 0;
};

}  // namespace serp::app
