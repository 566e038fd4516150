// SPDX-License-Identifier: GPL-3.0-or-later
// What a run says of itself: one record per step, frames of routing and activations, rare events. Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace serp {

/// One training step. Losses in nats per token; `loss` is cross entropy alone. NaN = not measured at this step.
struct StepRecord {
  std::int64_t step = 0;          ///< from 1: steps done
  std::int64_t tokens = 0;        ///< tokens seen so far
  double seconds = 0;             ///< training time so far, pauses left out
  double flops = 0;               ///< training FLOPs so far, by the plan's count
  double loss = 0, auxLoss = 0, zLoss = 0, accuracy = 0;
  double learningRate = 0, gradNorm = 0, tokensPerSecond = 0, stepMs = 0;
  std::uint8_t skipped = 0;       ///< 1: the update was not applied (non-finite or spike)
};
static_assert(std::is_trivially_copyable_v<StepRecord>);

struct EvalRecord {
  std::int64_t step = 0, tokens = 0;
  double loss = 0, bitsPerByte = 0, accuracy = 0, seconds = 0;
};

/// One expert layer in one window of steps (sums over `steps` steps).
struct RoutingLayer {
  std::string path;               ///< "blocks.1.mixer"
  std::string label;              ///< "moe 1"
  int experts = 0, topK = 1;
  double capacityFactor = 0;      ///< 0 = no limit
  std::vector<double> assigned, kept;   ///< [experts] tokens
  std::vector<float> meanGate;    ///< [experts] mean probability of the expert over all tokens
  double entropy = 0;             ///< mean router entropy, nats
  double balanceLoss = 0, zLoss = 0;
};

/// Where each token of a probe text goes.
struct RoutedText {
  std::vector<std::string> pieces;            ///< text of each token
  std::vector<std::uint8_t> labels;           ///< tongue per token, or empty
  std::vector<std::string> labelNames;
  /// Per expert layer, per token: first-choice expert and its probability; same order as RoutingFrame::layers.
  std::vector<std::vector<std::int16_t>> expert;
  std::vector<std::vector<float>> weight;
  std::vector<std::vector<float>> entropy;
};

struct RoutingFrame {
  std::int64_t step = 0;
  int steps = 1;                              ///< width of the window
  std::vector<RoutingLayer> layers;
  std::shared_ptr<const RoutedText> text;     ///< newest routed probe, or null
  std::int64_t textStep = 0;
};

/// Norms of one block, for the live architecture strip.
struct BlockActivity {
  std::string path, label, kind;
  double outputNorm = 0;          ///< RMS of the residual stream after the block
  double updateRatio = 0;         ///< norm of the block's output over norm of the stream it is added to
  double gradNorm = 0;            ///< global norm of its parameters' gradient
};

struct ActivationFrame {
  std::int64_t step = 0;
  int steps = 1;
  std::vector<BlockActivity> blocks;          ///< "embedding" first, "head" last
};

enum class EventKind { Started, LiveEdit, Paused, Resumed, Saved, Warning, Skipped, Evaluated, Sampled, Milestone, Finished, Stopped,
                       Failed };
const char* eventName(EventKind kind);

struct RunEvent {
  EventKind kind = EventKind::Started;
  std::int64_t step = 0;
  double seconds = 0;
  std::string text;               ///< a sentence for a person
  std::string path;               ///< LiveEdit: what was changed
  double before = 0, after = 0;   ///< LiveEdit
  int exitCode = 0;               ///< Finished, Stopped, Failed
  std::string sample, prompt;     ///< Sampled
  EvalRecord eval;                ///< Evaluated
};

/// What does not change while a session runs; available once it is Ready.
struct RunInfo {
  std::string name, folder, device, kernels, tokenizer, dataDescription;
  int threads = 1;
  std::int64_t budgetSteps = 0, parameters = 0, activeParameters = 0, vocab = 0, context = 0, batch = 0;
  double uniformLoss = 0, unigramLoss = 0, entropyRate = -1;   ///< entropyRate < 0: not known
  std::vector<std::string> labelNames;
  double memoryBytes = 0;
  std::uint64_t seed = 0;
};

enum class RunState : std::uint8_t { Building, Ready, Running, Pausing, Paused, Stopping, Finished, Failed };
const char* stateName(RunState state);

}  // namespace serp
