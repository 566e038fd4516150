// SPDX-License-Identifier: GPL-3.0-or-later
// The norm before a block: layer_norm, rms_norm or none.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "engine/model/block.h"
#include "engine/ops/norm.h"

namespace serp {

/// A norm of width `width`, its trained vectors named "norm.weight", "norm.bias" under `prefix`.
class NormLayer {
 public:
  NormLayer(const std::string& kind, std::int64_t width, double eps, const Initialiser& init);
  at::Tensor forward(const at::Tensor& x) const;
  /// x + update and its norm.
  ops::SumAndNorm forward(const at::Tensor& x, const at::Tensor& update) const;
  /// Named "weight" and "bias".
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  bool layer_ = false, none_ = false;
  double eps_;
  at::Tensor weight_, bias_;
  std::vector<Parameter> parameters_;
};

}  // namespace serp
