// SPDX-License-Identifier: GPL-3.0-or-later
// What every block of a model is: parameters by name, forward over a batch, one-token step with a state, live values.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/plan.h"
#include "engine/model/init.h"
#include "engine/model/step_context.h"

namespace serp {

/// A trained tensor. `role` decides weight decay where the options tell roles apart.
enum class ParameterRole { Matrix, Vector, Norm, Embedding, StateSpace };
struct Parameter {
  std::string name;       ///< "in_proj.weight" inside a block; the full path in LanguageModel::parameters()
  at::Tensor tensor;      ///< float32 leaf that requires a gradient
  ParameterRole role = ParameterRole::Matrix;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What a block remembers between tokens of one batch of sequences. Copying a state is cloning its tensors.
class BlockState {
 public:
  virtual ~BlockState() = default;
  /// What it holds, by name; blocks inside a block under their own name and a dot. Not copies.
  virtual NamedTensors tensors() const = 0;
  /// Whether a step changes the tensors in place: same size, same memory.
  virtual bool keepsSize() const { return true; }
};

class Block;

/// What a block gets while it is built: its node of the plan, the initialiser, and the way to make children by kind.
struct BuildingSite {
  const PlanNode& node;
  const Initialiser& init;
  std::int64_t context = 0;      ///< training context, tokens
  std::int64_t blocks = 1;       ///< blocks in the whole model
  double normEps = 1e-5;
  /// Builds the node of a slot or branch; registered kinds only.
  std::unique_ptr<Block> make(const PlanNode& child) const;
};

/// Not thread-safe; the runner's thread owns the model.
class Block {
 public:
  virtual ~Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// x [B, T, in] → [B, T, out], differentiable.
  virtual at::Tensor forward(const at::Tensor& x, StepContext& ctx) = 0;
  /// A fresh state for `batch` sequences; null when the block keeps none.
  virtual std::unique_ptr<BlockState> makeState(std::int64_t batch) const;
  /// forward() that starts from `state` and leaves it after the last token. No gradient. Blocks without state: forward().
  virtual at::Tensor prefill(const at::Tensor& x, BlockState* state, StepContext& ctx);
  /// One token: x [B, in] → [B, out]. Default: prefill of length 1.
  virtual at::Tensor step(const at::Tensor& x, BlockState* state, StepContext& ctx);
  /// Sets a live parameter; false if this block has no such key.
  virtual bool setLive(const std::string& key, double value);
  /// The current value of a live parameter.
  virtual bool live(const std::string& key, double& value) const;

  /// Every live key with its current value.
  std::vector<std::pair<std::string, double>> liveValues() const;

  const std::string& path() const { return path_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Block*>& children() const { return children_; }

 protected:
  explicit Block(const BuildingSite& site) : path_(site.node.path) {}
  /// Registers a trained tensor: named, initialised, a leaf.
  at::Tensor addParameter(std::string name, at::Tensor value, ParameterRole role);
  /// Registers a tensor that another object made and keeps using (a norm layer's weight).
  void adoptParameter(std::string name, at::Tensor tensor, ParameterRole role) { parameters_.push_back({std::move(name), tensor, role}); }
  /// Registers a child for parameters(), setLive() and the like; the caller keeps ownership.
  void addChild(Block* child) { children_.push_back(child); }
  /// Registers a live value that setLive() may change.
  void addLive(std::string key, double* value) { live_.push_back({std::move(key), value}); }

 private:
  std::string path_;
  std::vector<Parameter> parameters_;
  std::vector<Block*> children_;
  struct Live { std::string key; double* value; };
  std::vector<Live> live_;
};

/// Ties a kind to the class that computes it. One static object per block file.
class BlockFactory {
 public:
  using Make = std::unique_ptr<Block> (*)(const BuildingSite&);
  BlockFactory(const char* kind, Make make);
  static Make find(const std::string& kind);   ///< null if the kind has no class
};

template <class T>
std::unique_ptr<Block> makeBlock(const BuildingSite& site) {
  return std::make_unique<T>(site);
}

}  // namespace serp
