// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients stay the tensors that the backward pass made (no arena copy); the kernel runs once per parameter.
#include "engine/train/optimizer.h"

#include <c10/core/GradMode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "engine/ops/device_calls.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"
#include "kernels/adamw.h"

namespace serp {
namespace {

double decayOf(ParameterRole role, const std::string& rule, double weightDecay) {
  if (rule == "all") return weightDecay;
  if (rule == "matrices") return role == ParameterRole::Matrix || role == ParameterRole::Embedding ? weightDecay : 0;
  return role == ParameterRole::StateSpace ? 0 : weightDecay;  // "no_ssm"
}

}  // namespace

Optimizer::Optimizer(const std::vector<Parameter>& parameters, const ParamSet& train)
    : beta1_(train.real("beta1")), beta2_(train.real("beta2")), eps_(train.real("eps")), clip_(train.real("clip")) {
  const c10::NoGradGuard noGrad;
  for (const Parameter& p : parameters) {
    parameters_.push_back(p.tensor);
    m_.push_back(at::zeros_like(p.tensor.detach()));
    v_.push_back(at::zeros_like(p.tensor.detach()));
    decay_.push_back(decayOf(p.role, train.text("decay"), train.real("weight_decay")));
  }
}

at::Tensor Optimizer::gradientSquaresThere() const {
  const ops::Place place = ops::placeOf(parameters_.front());
  const at::Tensor squares = at::zeros({static_cast<std::int64_t>(parameters_.size())}, m_.front().options().dtype(at::kDouble));
  auto* total = squares.mutable_data_ptr<double>();
  for (const at::Tensor& p : parameters_) {
    if (const at::Tensor g = p.grad(); g.defined()) {
      const at::Tensor flat = g.contiguous();
      ops::gpu::sumOfSquares(place, flat.numel(), ops::data(flat), total);
    }
    ++total;
  }
  return squares;
}

std::vector<double> Optimizer::gradientSquares() const {
  if (!parameters_.empty() && ops::placeOf(parameters_.front()).gpu) return ops::readBack(gradientSquaresThere());
  std::vector<double> squares(parameters_.size(), 0);
  const auto parallel = ops::torchParallel();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor g = parameters_[i].grad();
    if (!g.defined()) continue;
    const at::Tensor flat = g.contiguous();
    squares[i] = kernels::sumOfSquares(flat.numel(), ops::data(flat), parallel);
  }
  return squares;
}

void Optimizer::step(double learningRate, double gradNorm) {
  ++steps_;
  kernels::AdamWSettings s;
  s.learningRate = static_cast<float>(learningRate);
  s.beta1 = beta1_;
  s.beta2 = beta2_;
  s.eps = static_cast<float>(eps_);
  s.gradScale = clip_ > 0 ? static_cast<float>(std::min(1.0, clip_ / (gradNorm + 1e-6))) : 1.0f;
  s.step = steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor g = parameters_[i].grad();
    if (!g.defined()) continue;
    const at::Tensor flat = g.contiguous();
    s.weightDecay = static_cast<float>(decay_[i]);
    ops::run::adamw(ops::placeOf(flat), flat.numel(), ops::out(parameters_[i].detach()), ops::out(flat), ops::out(m_[i]), ops::out(v_[i]), s);
  }
  dropGradients();
}

void Optimizer::dropGradients() {
  for (at::Tensor& p : parameters_) p.mutable_grad() = at::Tensor();
}

}  // namespace serp
