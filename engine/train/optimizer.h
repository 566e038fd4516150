// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW over a model's parameters through our kernel, with clipping by global norm and decay by role.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/param.h"
#include "engine/model/block.h"

namespace serp {

/// Owned and called by the runner's thread. Moments are float32 tensors shaped like their parameters.
class Optimizer {
 public:
  /// train: beta1, beta2, eps, weight_decay, decay ("all", "matrices", "no_ssm"), clip.
  Optimizer(const std::vector<Parameter>& parameters, const ParamSet& train);

  /// Squared norm of every parameter's gradient, in the order of the parameters. A missing gradient counts 0.
  std::vector<double> gradientSquares() const;
  /// The same on the parameters' card, as doubles, without waiting for them.
  at::Tensor gradientSquaresThere() const;
  /// One update with clipping factor min(1, clip / (norm + 1e-6)), norm from gradientSquares(). Gradients are released.
  void step(double learningRate, double gradNorm);
  /// Forgets the gradients without an update.
  void dropGradients();

  std::int64_t steps() const { return steps_; }
  void setSteps(std::int64_t steps) { steps_ = steps; }
  /// First and second moments, in the order of the parameters; for checkpoints.
  const std::vector<at::Tensor>& firstMoments() const { return m_; }
  const std::vector<at::Tensor>& secondMoments() const { return v_; }

 private:
  std::vector<at::Tensor> parameters_, m_, v_;
  std::vector<double> decay_;
  double beta1_, beta2_, eps_, clip_;
  std::int64_t steps_ = 0;
};

}  // namespace serp
