// SPDX-License-Identifier: GPL-3.0-or-later
// Run folders made by the engine's own writers, with numbers that a test can compute by hand.
#pragma once

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/api/spec.h"
#include "engine/api/telemetry.h"
#include "engine/run/recorder.h"
#include "engine/run/run_folder.h"

namespace serp::test {

struct MadeRun {
  std::string name = "made", status = "finished";
  std::uint64_t seed = 1;
  int steps = 100, evalEvery = 0;
  std::int64_t tokensPerStep = 1000;
  double secondsPerStep = 0.1;
  std::function<double(int step)> loss = [](int step) { return 1 + 4 * std::exp(-step / 40.0); };
  std::string design;                        ///< YAML; empty: a small mixture whose seed is `seed`
  std::vector<RoutingFrame> routing;
};

inline std::string madeDesign(const std::string& name, std::uint64_t seed, bool experts = true, int width = 32) {
  return "name: " + name + "\nmodel:\n  d_model: " + std::to_string(width) + "\n  blocks:\n    - repeat: 2\n      blocks:\n        - {kind: mamba}\n" +
         (experts ? "        - {kind: switch_moe, experts: 4}\n" : "        - {kind: dense_ffn}\n") +
         "train: {steps: 100, batch: 4, seed: " + std::to_string(seed) + "}\ndata: {context: 64}\n";
}

/// Writes a whole run. False: something could not be written.
inline bool makeRun(const std::filesystem::path& folder, const MadeRun& run) {
  const std::string config = run.design.empty() ? madeDesign(run.name, run.seed) : run.design;
  auto spec = parseRunSpec(config);
  if (!spec) return false;
  RunMeta meta;
  meta.name = run.name, meta.seed = run.seed, meta.device = "cpu", meta.budgetSteps = run.steps;
  meta.pattern = patternText(*spec), meta.steps = run.steps, meta.tokens = run.steps * run.tokensPerStep;
  meta.parameters = 1000000, meta.activeParameters = 250000;
  auto made = RunFolder::create(folder, meta, config, resolvedText(*spec));
  if (!made) return false;
  bool good = true;
  {
    Recorder recorder(folder, [&](const auto&...) { good = false; });
    for (int step = 1; step <= run.steps; ++step) {
      StepRecord r;
      r.step = step, r.tokens = step * run.tokensPerStep, r.seconds = step * run.secondsPerStep, r.flops = step * 2e9;
      r.loss = run.loss(step), r.learningRate = 1e-3, r.gradNorm = 0.5, r.tokensPerSecond = 10000, r.stepMs = 100;
      recorder.metrics(r);
      if (run.evalEvery > 0 && step % run.evalEvery == 0) {
        EvalRecord e;
        e.step = step, e.tokens = r.tokens, e.loss = r.loss + 0.25, e.bitsPerByte = e.loss / std::log(2.0), e.seconds = 0.01;
        recorder.eval(e);
      }
    }
    for (const RoutingFrame& frame : run.routing) recorder.routing(frame);
    good = recorder.flush() && good;
  }
  return good && (run.status == "running" || made->end(run.status, "made for a test"));
}

/// A layer with these tokens per expert; `kept` falls back to `assigned`.
inline RoutingLayer madeLayer(std::string label, std::vector<double> assigned, std::vector<double> kept = {}, double capacityFactor = 0) {
  RoutingLayer layer;
  layer.path = "blocks.1", layer.label = std::move(label);
  layer.experts = static_cast<int>(assigned.size());
  layer.capacityFactor = capacityFactor;
  layer.kept = kept.empty() ? assigned : std::move(kept);
  double all = 0;
  for (const double a : assigned) all += a;
  for (const double a : assigned) layer.meanGate.push_back(all > 0 ? static_cast<float>(a / all) : 0.0f);
  layer.entropy = std::log(static_cast<double>(assigned.size())) * 0.9;
  layer.assigned = std::move(assigned);
  return layer;
}

/// Frames every `every` steps; expert e of layer l gets 100 + 10·((e + step/every + l) mod experts) tokens.
inline std::vector<RoutingFrame> madeRouting(int layers, int experts, int steps, int every) {
  std::vector<RoutingFrame> out;
  for (int step = every; step <= steps; step += every) {
    RoutingFrame frame;
    frame.step = step, frame.steps = every;
    for (int l = 0; l < layers; ++l) {
      std::vector<double> assigned;
      for (int e = 0; e < experts; ++e) assigned.push_back(100 + 10 * ((e + step / every + l) % experts));
      RoutingLayer layer = madeLayer("moe " + std::to_string(l + 1), std::move(assigned), {}, 1.25);
      layer.path = "blocks." + std::to_string(2 * l + 1);
      frame.layers.push_back(std::move(layer));
    }
    out.push_back(std::move(frame));
  }
  return out;
}

/// A text of `tokens` letters in two tongues; token i visits expert i mod `experts` in every layer.
inline std::shared_ptr<const RoutedText> madeText(int layers, int experts, int tokens) {
  auto text = std::make_shared<RoutedText>();
  text->labelNames = {"prose", "arithmetic"};
  const std::string letters = "the tall miller sees 12+34=46;\n";
  for (int i = 0; i < tokens; ++i) {
    text->pieces.push_back(letters.substr(static_cast<std::size_t>(i) % letters.size(), 1));
    text->labels.push_back(static_cast<std::uint8_t>(i % letters.size() >= 21));
  }
  for (int l = 0; l < layers; ++l) {
    auto& expert = text->expert.emplace_back();
    auto& weight = text->weight.emplace_back();
    auto& entropy = text->entropy.emplace_back();
    for (int i = 0; i < tokens; ++i) expert.push_back(static_cast<std::int16_t>(i % experts)), weight.push_back(0.75f), entropy.push_back(0.5f);
  }
  return text;
}

}  // namespace serp::test
