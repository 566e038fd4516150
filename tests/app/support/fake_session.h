// SPDX-License-Identifier: GPL-3.0-or-later
// A session that trains nothing: a thread that answers commands between pretended steps. A test double, never shipped.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "app/session/session_controller.h"
#include "engine/api/session.h"

namespace serp::test {

class FakeSession final : public Session {
 public:
  struct Options { int stepMs = 2; std::int64_t budget = 100000; bool holdAnswers = false; };
  explicit FakeSession(Options options) : options_(options), thread_([this] { main(); }) {}
  ~FakeSession() override {
    post(Stop{true});
    release();
    thread_.join();
  }

  void post(Command command) override {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    awake_.notify_all();
  }
  std::size_t drain(std::span<StepRecord> out) override {
    const std::lock_guard lock(mutex_);
    const std::size_t n = std::min(out.size(), ring_.size());
    std::copy_n(ring_.begin(), n, out.begin());
    ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  std::uint64_t droppedRecords() const override { return 0; }
  std::shared_ptr<const RoutingFrame> latestRouting() const override { const std::lock_guard lock(mutex_); return routing_; }
  std::shared_ptr<const ActivationFrame> latestActivations() const override { const std::lock_guard lock(mutex_); return activations_; }
  std::vector<RunEvent> takeEvents() override { const std::lock_guard lock(mutex_); return std::exchange(events_, {}); }
  void onWake(std::function<void()> wake) override { const std::lock_guard lock(mutex_); wake_ = std::move(wake); }
  RunState state() const noexcept override { return state_; }
  RunInfo info() const override {
    RunInfo info;
    info.name = "fake", info.device = "cpu", info.kernels = "AVX2", info.budgetSteps = options_.budget;
    info.uniformLoss = 5.545, info.unigramLoss = 3.31, info.entropyRate = 1.12, info.memoryBytes = 65e6, info.parameters = 812000;
    return info;
  }
  void release() { holding_ = false; }                ///< lets held answers through

 private:
  void wake() { if (wake_) wake_(); }
  void report(EventKind kind, std::string text, double after = 0, std::string path = {}) {
    RunEvent event;
    event.kind = kind, event.step = step_, event.text = std::move(text), event.after = after, event.path = std::move(path);
    event.seconds = static_cast<double>(step_) * 0.3;
    if (kind == EventKind::Sampled) event.prompt = "the ", event.sample = "tall miller sees a grey heron";
    events_.push_back(event);
    wake();
  }
  void handle(const Command& command) {
    if (std::holds_alternative<Pause>(command)) {
      if (state_ == RunState::Running) state_ = RunState::Paused, report(EventKind::Paused, "paused");
    } else if (std::holds_alternative<Resume>(command)) {
      if (state_ == RunState::Paused) state_ = RunState::Running, report(EventKind::Resumed, "training");
    } else if (const auto* once = std::get_if<StepOnce>(&command)) {
      for (int i = 0; i < once->steps; ++i) oneStep();
      state_ = RunState::Paused;
      report(EventKind::Paused, "paused after a step");
    } else if (const auto* live = std::get_if<SetLive>(&command)) {
      report(EventKind::LiveEdit, live->path + " changed", live->value, live->path);
    } else if (std::holds_alternative<Save>(command)) {
      report(EventKind::Saved, "checkpoint saved on request, 1 MiB");
    } else if (const auto* stop = std::get_if<Stop>(&command)) {
      if (stop->save) report(EventKind::Saved, "checkpoint saved on stopping, 1 MiB");
      report(EventKind::Stopped, "stopped");
      state_ = RunState::Finished;
    } else if (std::holds_alternative<Sample>(command)) {
      report(EventKind::Sampled, "sample drawn");
    }
  }
  void oneStep() {
    ++step_;
    StepRecord r;
    const double s = static_cast<double>(step_);
    r.step = step_, r.tokens = step_ * 4096, r.seconds = s * 0.3, r.flops = s * 1e9;
    r.loss = 1.2 + 4.3 * std::exp(-s / 60) + 0.05 * std::sin(s * 1.7);
    r.learningRate = 1e-3 * std::min(1.0, s / 20), r.gradNorm = 0.3 + 2 / s, r.tokensPerSecond = 14000 + 200 * std::sin(s), r.stepMs = 288;
    ring_.push_back(r);
    if (step_ % 10 != 0) return;
    auto frame = std::make_shared<RoutingFrame>();
    auto acts = std::make_shared<ActivationFrame>();
    acts->blocks.push_back({"embedding", "embed", "embedding", 1.27, 0, 0.008});
    for (int b = 0; b < 4; ++b) {
      const std::string n = std::to_string(b / 2 + 1), path = "blocks." + std::to_string(b);
      acts->blocks.push_back({path, (b % 2 ? "moe " : "mamba ") + n, b % 2 ? "switch_moe" : "mamba", 2.0 + b, 0.31 - 0.04 * b, 0.04});
      if (b % 2 == 0) continue;
      RoutingLayer layer;
      layer.path = path + ".mixer", layer.label = "moe " + n, layer.experts = 8;
      for (int e = 0; e < 8; ++e) layer.assigned.push_back(b == 3 && e == 5 ? 0 : 400 + 100 * std::sin(e + s)), layer.kept.push_back(400), layer.meanGate.push_back(0.125F);
      frame->layers.push_back(layer);
    }
    acts->blocks.push_back({"head", "head", "head", 14.6, 0, 0.052});
    frame->step = step_, frame->steps = 10, acts->step = step_;
    routing_ = frame, activations_ = acts;
  }
  void main() {
    std::unique_lock lock(mutex_);
    holding_ = options_.holdAnswers;
    state_ = RunState::Running;
    report(EventKind::Started, "started, seed 1");
    while (state_ != RunState::Finished) {
      if (!holding_)
        while (!commands_.empty()) {
          const Command command = commands_.front();
          commands_.erase(commands_.begin());
          handle(command);
          if (state_ == RunState::Finished) break;
        }
      if (state_ == RunState::Finished) break;
      if (state_ == RunState::Running) oneStep();
      if (step_ >= options_.budget) {
        report(EventKind::Finished, "finished");
        state_ = RunState::Finished;
        break;
      }
      awake_.wait_for(lock, std::chrono::milliseconds(options_.stepMs));
    }
    wake();
  }

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable awake_;
  std::vector<Command> commands_;
  std::vector<StepRecord> ring_;
  std::vector<RunEvent> events_;
  std::shared_ptr<const RoutingFrame> routing_;
  std::shared_ptr<const ActivationFrame> activations_;
  std::function<void()> wake_;
  std::atomic<RunState> state_{RunState::Building};
  std::atomic<bool> holding_{false};
  std::int64_t step_ = 0;
  std::thread thread_;
};

/// An opener for SessionController; `last`, if given, receives the newest session.
inline app::SessionController::Opener fakeOpener(FakeSession::Options options = {}, FakeSession** last = nullptr) {
  return [options, last](const RunSpec&, const std::filesystem::path&, const OpenOptions&) -> Result<std::unique_ptr<Session>> {
    auto session = std::make_unique<FakeSession>(options);
    if (last) *last = session.get();
    return std::unique_ptr<Session>(std::move(session));
  };
}

/// A small design with two expert layers, read by the real reader.
inline RunSpec smallSpec(int steps = 2000) {
  auto spec = parseRunSpec("name: small\nmodel:\n  d_model: 32\n  blocks:\n    - repeat: 2\n      blocks:\n        - {kind: mamba}\n"
                           "        - {kind: switch_moe, experts: 8}\ntrain: {steps: " + std::to_string(steps) +
                           ", batch: 4}\ndata: {context: 64}\n");
  return spec ? *spec : RunSpec{};
}

}  // namespace serp::test
