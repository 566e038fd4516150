// SPDX-License-Identifier: GPL-3.0-or-later
// Norm weights start at 1, biases at 0.
#include "engine/model/norm_layer.h"

#include <ATen/ops/add.h>

namespace serp {

NormLayer::NormLayer(const std::string& kind, std::int64_t width, double eps, const Initialiser& init)
    : layer_(kind == "layer_norm"), none_(kind == "none"), eps_(eps) {
  if (none_) return;
  weight_ = init.constant({width}, 1);
  weight_.set_requires_grad(true);
  parameters_.push_back({"weight", weight_, ParameterRole::Norm});
  if (layer_) {
    bias_ = init.constant({width}, 0);
    bias_.set_requires_grad(true);
    parameters_.push_back({"bias", bias_, ParameterRole::Norm});
  }
}

at::Tensor NormLayer::forward(const at::Tensor& x) const {
  if (none_) return x;
  return ops::norm(x, weight_, bias_, layer_ ? kernels::NormKind::Layer : kernels::NormKind::Rms, eps_);
}

ops::SumAndNorm NormLayer::forward(const at::Tensor& x, const at::Tensor& update) const {
  if (!none_) return ops::addNorm(x, update, weight_, bias_, layer_ ? kernels::NormKind::Layer : kernels::NormKind::Rms, eps_);
  const at::Tensor sum = at::add(x, update);
  return {sum, sum};
}

}  // namespace serp
