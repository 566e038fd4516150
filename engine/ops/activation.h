// SPDX-License-Identifier: GPL-3.0-or-later
// The activations that feed-forwards may use, by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace serp::ops {

enum class Activation { Relu, Gelu, Silu, Relu2 };

/// "relu", "gelu" (exact, erf), "silu", "relu2" (relu squared).
Activation activationByName(const std::string& name);
/// Without gradients, rows without gaps on a card: act(h), or act(h) * up where `up` is defined, in one pass.
at::Tensor activateThere(const at::Tensor& h, const at::Tensor& up, Activation a);
/// dL/dh and, where `up` is defined, dL/dup of the above from dL/d(result), in one pass.
struct ActivationGradients { at::Tensor dh, dUp; };
ActivationGradients activateBackwardThere(const at::Tensor& grad, const at::Tensor& h, const at::Tensor& up, Activation a);
/// act(h), a new tensor; differentiable by LibTorch's own rules.
at::Tensor activate(const at::Tensor& h, Activation a);
/// dL/dh from dL/dact(h).
at::Tensor activateBackward(const at::Tensor& grad, const at::Tensor& h, Activation a);

}  // namespace serp::ops
