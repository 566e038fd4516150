// SPDX-License-Identifier: GPL-3.0-or-later
// Every logged point of one run, in columns, with what a plot needs: x axes, held-out points, live edits, routing history.
#pragma once

#include <QObject>
#include <QVector>
#include <memory>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp::app {

/// Columns grow only; nothing is thinned here. GUI thread only. changed() is emitted at most once per drain.
class SeriesStore final : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  /// Steps that are there already were taken back by a continued run, and with them all that came after; equal ones stay.
  void append(const std::vector<StepRecord>& records);
  void append(const RunEvent& event);
  void append(const EvalRecord& eval);
  void append(std::shared_ptr<const RoutingFrame> frame);     ///< kept in history; its text is kept apart
  void setActivations(std::shared_ptr<const ActivationFrame> frame);
  void setInfo(const RunInfo& info);
  void clear();
  void flush();  ///< emits changed() if anything was appended

  const std::vector<StepRecord>& steps() const { return steps_; }
  const std::vector<EvalRecord>& evals() const { return evals_; }
  const std::vector<RunEvent>& events() const { return events_; }
  const std::vector<std::shared_ptr<const RoutingFrame>>& routing() const { return routing_; }
  const std::shared_ptr<const RoutedText>& text() const { return text_; }
  const std::shared_ptr<const ActivationFrame>& activations() const { return activations_; }
  const RunInfo& info() const { return info_; }
  /// Changes when points were taken back (cleared, or replaced by a continued run): whoever appended must start afresh.
  int generation() const { return generation_; }

 Q_SIGNALS:
  void changed();
  void cleared();

 private:
  void takeBack(std::int64_t step);                            ///< everything from `step` on
  std::vector<StepRecord> steps_;
  std::vector<EvalRecord> evals_;
  std::vector<RunEvent> events_;
  std::vector<std::shared_ptr<const RoutingFrame>> routing_;
  std::shared_ptr<const RoutedText> text_;
  std::shared_ptr<const ActivationFrame> activations_;
  RunInfo info_;
  bool dirty_ = false;
  int generation_ = 0;
};

}  // namespace serp::app
