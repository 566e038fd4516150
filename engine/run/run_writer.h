// SPDX-License-Identifier: GPL-3.0-or-later
// Everything a run writes, behind one object: folder, logs, checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/api/session.h"
#include "engine/api/spec.h"
#include "engine/api/telemetry.h"

namespace serp {

class Tokenizer;

/// Runner thread only. Log lines never throw: a disk that refuses them gives one notice through `notice()` and is tried again.
class RunWriter {
 public:
  RunWriter();
  ~RunWriter();

  /// Creates the folder of a new run (config.yaml, resolved.yaml, meta.json, tokenizer). Throws serp::Error(CannotWrite).
  void create(const std::filesystem::path& folder, const RunSpec& spec, const RunInfo& info, const OpenOptions& options,
              const Tokenizer& tokenizer);
  /// Opens the folder of a run that goes on after `step`; records of later steps are set aside, and so is the old resolved.yaml where
  /// the design goes on with other values (a larger budget).
  void reopen(const std::filesystem::path& folder, const RunSpec& spec, const RunInfo& info, const Tokenizer& tokenizer, std::int64_t step);

  void step(const StepRecord& record);
  void eval(const EvalRecord& record);
  void event(const RunEvent& event);
  void sample(std::int64_t step, double seconds, const std::string& prompt, const std::string& text);
  void routing(const RoutingFrame& frame);
  /// Where the tokens of the probe text go at the end; a disk that refuses it gives a notice.
  void routedText(const RoutedText& text, std::int64_t step);
  /// A checkpoint of this step was written: meta.json follows.
  void saved(std::int64_t step, std::int64_t tokens);
  /// True if every record so far is in its file.
  bool flush();
  void finish(const std::string& status, const std::string& reason);
  /// Throws serp::Error(CannotWrite) once the folder is gone or closed to us; asked between steps.
  void checkFolder() const;
  /// A pending notice about the disk, once; empty if none.
  std::string notice();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serp
