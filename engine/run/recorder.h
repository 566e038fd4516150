// SPDX-License-Identifier: GPL-3.0-or-later
// The lossless log of a run: metrics, evaluations, events, samples as lines of JSON, routing as fixed-size binary frames.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/api/diagnostic.h"
#include "engine/api/telemetry.h"
#include "engine/run/append_log.h"
#include "engine/run/routing_file.h"

namespace serp {

/// One thread (the runner's). Nothing here throws or fails the run: trouble is told through `notice`, once per trouble.
class Recorder {
 public:
  using Notice = AppendLog::Notice;

  /// `notice` is called on the calling thread, possibly from inside a record call; it may not call back into the recorder.
  Recorder(std::filesystem::path run, Notice notice, std::chrono::milliseconds retryAfter = std::chrono::seconds(1));

  void metrics(const StepRecord& record);
  void eval(const EvalRecord& record);
  void event(const RunEvent& event);
  void sample(std::int64_t step, double seconds, const std::string& prompt, const std::string& text);
  void routing(const RoutingFrame& frame);

  /// Before resuming after `step`: records of later steps move into superseded/, so that every step stands once in each log and
  /// nothing is lost. Call before the first record. Blocks.
  Result<Done> rewind(std::int64_t step);
  /// True if everything recorded so far is in the files.
  bool flush();

 private:
  bool openRouting(const RoutingFrame& frame);

  std::filesystem::path run_;
  Notice notice_;
  std::chrono::milliseconds retryAfter_;
  AppendLog metrics_, evals_, events_, samples_;
  std::unique_ptr<AppendLog> routing_;
  RoutingLayout layout_;
  bool routingTold_ = false, routingRefused_ = false;
};

}  // namespace serp
