// SPDX-License-Identifier: GPL-3.0-or-later
// The activations that feed-forwards may use, by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace serp::ops {

enum class Activation { Relu, Gelu, Silu, Relu2 };

/// "relu", "gelu" (exact, erf), "silu", "relu2" (relu squared).
Activation activationByName(const std::string& name);
/// act(h), a new tensor; differentiable by LibTorch's own rules.
at::Tensor activate(const at::Tensor& h, Activation a);
/// dL/dh from dL/dact(h).
at::Tensor activateBackward(const at::Tensor& grad, const at::Tensor& h, Activation a);

}  // namespace serp::ops
