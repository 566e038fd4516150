// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of sessions share: small designs, waiting for a state, and run folders as texts.
#pragma once

#include <QTemporaryDir>
#include <QtTest/QtTest>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "engine/api/session.h"

namespace serp::test {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A Mamba layer and an expert layer, some milliseconds a step; `train` holds further keys of that section.
inline std::string tinyDesign(const std::string& train = {}, const std::string& blocks = "{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16}") {
  return "name: tiny\nthreads: 1\nmodel: {d_model: 16, blocks: [" + blocks + "]}\ntrain: {batch: 2, learning_rate: 0.01" +
         (train.empty() ? "" : ", " + train) + "}\ndata: {source: babel, context: 16, babel_bytes: 16384}\n";
}

inline RunSpec specOf(const std::string& text, const std::vector<std::pair<std::string, std::string>>& overrides = {}) {
  auto spec = parseRunSpec(text, {}, overrides);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  return *spec;
}

inline std::string readAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<nlohmann::json> jsonLines(const fs::path& path) {
  std::vector<nlohmann::json> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

/// The lines of a log without what a clock decides.
inline std::vector<nlohmann::json> withoutTimes(const fs::path& path) {
  auto lines = jsonLines(path);
  for (auto& line : lines)
    for (const char* key : {"seconds", "tokens_per_s", "step_ms", "time"}) line.erase(key);
  return lines;
}

/// A session with everything it said so far.
struct Watched {
  std::unique_ptr<Session> session;
  std::vector<RunEvent> events;
  std::vector<StepRecord> records;

  void collect() {
    std::array<StepRecord, 1024> buffer;
    while (const std::size_t n = session->drain(buffer)) records.insert(records.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
    for (RunEvent& e : session->takeEvents()) events.push_back(std::move(e));
  }
  /// Collects until `done` holds or half a minute has passed.
  bool until(const std::function<bool()>& done) {
    const auto begin = Clock::now();
    for (;;) {
      collect();
      if (done()) return true;
      if (Clock::now() - begin > std::chrono::seconds(30)) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  bool reaches(RunState state) {
    return until([&] { return session->state() == state; });
  }
  bool ends() {
    const bool over = until([&] { return session->state() == RunState::Finished || session->state() == RunState::Failed; });
    collect();
    return over;
  }
  int count(EventKind kind) const {
    int n = 0;
    for (const RunEvent& e : events) n += e.kind == kind;
    return n;
  }
  const RunEvent* last(EventKind kind) const {
    for (auto e = events.rbegin(); e != events.rend(); ++e)
      if (e->kind == kind) return &*e;
    return nullptr;
  }
};

inline Watched open(const RunSpec& spec, const fs::path& folder, const OpenOptions& options = {}) {
  auto opened = openSession(spec, folder, options);
  if (!opened) qFatal("%s", opened.faults().text().c_str());
  return {std::move(*opened), {}, {}};
}

/// Runs to the end and gives the session's last words.
inline Watched finished(const RunSpec& spec, const fs::path& folder, const OpenOptions& options = {}) {
  Watched w = open(spec, folder, options);
  if (!w.ends()) qFatal("the session does not end");
  return w;
}

/// Goes on with a run as `serp train --resume` does.
inline Watched resumed(const fs::path& folder, const std::vector<std::pair<std::string, std::string>>& overrides = {}) {
  auto spec = loadRunSpec((folder / "resolved.yaml").string(), overrides);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  OpenOptions options;
  options.resumeFrom = folder;
  return finished(*spec, folder, options);
}

inline fs::path checkpoint(const fs::path& run, int step, const std::string& file = {}) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%08d", step);
  const fs::path folder = run / "checkpoints" / name;
  return file.empty() ? folder : folder / file;
}

}  // namespace serp::test
