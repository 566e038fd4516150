// SPDX-License-Identifier: GPL-3.0-or-later
// Activations through LibTorch's elementwise kernels.
#include "engine/ops/activation.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/threshold_backward.h>

#include "engine/base/error.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"

namespace serp::ops {

Activation activationByName(const std::string& name) {
  if (name == "relu") return Activation::Relu;
  if (name == "gelu") return Activation::Gelu;
  if (name == "silu") return Activation::Silu;
  SERP_CHECK(name == "relu2", "unknown activation " + name);
  return Activation::Relu2;
}

at::Tensor activate(const at::Tensor& h, Activation a) {
  switch (a) {
    case Activation::Relu: return at::relu(h);
    case Activation::Gelu: return at::gelu(h);
    case Activation::Silu: return at::silu(h);
    case Activation::Relu2: break;
  }
  const at::Tensor r = at::relu(h);
  return at::mul(r, r);
}

at::Tensor activateBackward(const at::Tensor& grad, const at::Tensor& h, Activation a) {
  switch (a) {
    case Activation::Relu: return at::threshold_backward(grad, h, 0);
    case Activation::Gelu: return at::gelu_backward(grad, h);
    case Activation::Silu: return at::silu_backward(grad, h);
    case Activation::Relu2: break;
  }
  return at::mul(grad, at::relu(h)).mul_(2);
}

at::Tensor activateThere(const at::Tensor& h, const at::Tensor& up, Activation a) {
  const at::Tensor y = at::empty_like(h);
  require(deviceKernels().activate(deviceStream(), h.size(0), h.size(1), static_cast<int>(a), data(h), data(up), out(y)), "activation");
  return y;
}

ActivationGradients activateBackwardThere(const at::Tensor& grad, const at::Tensor& h, const at::Tensor& up, Activation a) {
  const ActivationGradients g{at::empty_like(h), up.defined() ? at::empty_like(up) : up};
  require(deviceKernels().activateBackward(deviceStream(), h.size(0), h.size(1), static_cast<int>(a), data(h), data(up), data(grad), out(g.dh),
                                           out(g.dUp)),
          "activation backward");
  return g;
}

}  // namespace serp::ops
