// SPDX-License-Identifier: GPL-3.0-or-later
// A causal language model built from a plan: embedding, residual blocks, optional final norm, head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/plan.h"
#include "engine/api/spec.h"
#include "engine/model/block.h"
#include "engine/model/norm_layer.h"

namespace serp {

/// What a batch of sequences needs to go on token by token: one state per block, and the number of tokens seen.
struct DecodeState {
  std::vector<std::unique_ptr<BlockState>> blocks;
  std::int64_t batch = 0, length = 0;
};

/// Owned and called by one thread. Tensor names are block paths ("blocks.3.mixer.in_proj.weight").
class LanguageModel {
 public:
  /// Builds and initialises from the seed of the run. Throws serp::Error.
  LanguageModel(const RunSpec& spec, const Plan& plan, std::uint64_t seed);

  /// Throws serp::Error(BadData) for an id outside the vocabulary; tokens [B, T] int64 on the host.
  void checkIds(const at::Tensor& tokens) const;
  /// Moves every parameter; blocks keep the tensors they hold. Before an optimizer or a decoding state exists.
  void moveTo(at::Device device);
  at::Device device() const { return embedding_.device(); }

  /// tokens [B, T] int64 → logits [B*T, V] on the model's device, differentiable. Ids on the host are range-checked first and brought to the
  /// device; those that are there already are taken as they are.
  at::Tensor forward(const at::Tensor& tokens, StepContext& ctx);
  /// Starts decoding: an empty state for `batch` sequences.
  DecodeState start(std::int64_t batch) const;
  /// Runs tokens [B, T] from the state's position and leaves the state after them → logits [B*T, V]. T > 1 only on an empty state.
  at::Tensor advance(const at::Tensor& tokens, DecodeState& state, StepContext& ctx);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Index into parameters() → index into blockLabels(): which block a parameter belongs to.
  const std::vector<int>& parameterBlock() const { return parameterBlock_; }
  struct BlockName { std::string path, label, kind; };
  /// "embedding", every top-level block, "head".
  const std::vector<BlockName>& blockNames() const { return names_; }

  /// "**.balance" (every block that has it) or "blocks.1.mixer.balance" / "blocks.1.balance". Returns how many blocks took it.
  int setLive(const std::string& path, double value);
  /// Value of the first block that has the live key named by `path`; false if none has.
  bool live(const std::string& path, double& value) const;

  /// Every live value of the model as "<block path>.<key>".
  std::vector<std::pair<std::string, double>> liveValues() const;

  std::int64_t vocab() const { return vocab_; }
  /// Whether a vector of its position is added to every token.
  bool hasPositions() const { return positions_.defined(); }
  const Plan& plan() const { return plan_; }

 private:
  struct Layer {
    std::unique_ptr<NormLayer> norm;
    std::shared_ptr<Block> block;   ///< of several layers where they share weights
    bool owner = true;              ///< the first of them
    std::string path;               ///< "blocks.3.mixer", of this layer
  };
  at::Tensor embed(const at::Tensor& tokens, std::int64_t first) const;
  /// `run(layer, index, normed)` is the layer's update; returns the logits.
  template <class Run>
  at::Tensor stack(at::Tensor x, ActivationObserver* observer, const Run& run) const;
  void adopt(const std::string& prefix, const std::vector<Parameter>& parameters, int block);
  void adoptTree(const Block& block, int index);
  template <class F>
  void visit(const std::string& path, const F& f) const;

  Plan plan_;
  std::int64_t vocab_ = 0;
  double embeddingScale_ = 1;
  at::Tensor embedding_, positions_, head_;
  std::unique_ptr<NormLayer> finalNorm_;
  std::vector<Layer> layers_;
  std::vector<Parameter> parameters_;
  std::vector<int> parameterBlock_;
  std::vector<BlockName> names_;
};

}  // namespace serp
