// SPDX-License-Identifier: GPL-3.0-or-later
// The fused classifier: one pass over the logits gives loss, hits and gradient in place.
#include "engine/ops/cross_entropy.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "engine/ops/device_calls.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

[[noreturn]] void outside(int64_t vocab) {
  throw Error(ExitCode::BadData, "a token id lies outside the vocabulary of " + std::to_string(vocab));
}

struct CrossEntropyOp : torch::autograd::Function<CrossEntropyOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& logits, const at::Tensor& target, int64_t counted,
                               bool wantsGrad, bool unit) {
    checkRows(logits, "logits");
    const int64_t rows = logits.size(0), vocab = logits.size(1);
    const Place place = placeOf(logits);
    const at::Tensor perToken = scratch(place, {rows}), hits = scratch(place, {rows}, at::kByte);
    at::Tensor loss;
    kernels::CrossEntropyOutput o;
    o.loss = out(perToken);
    o.hit = hits.mutable_data_ptr<std::uint8_t>();
    o.scale = counted > 0 ? 1.0f / static_cast<float>(counted) : 0.0f;
    if (wantsGrad) {
      o.dLogits = const_cast<float*>(data(logits));  // in place: the head's product does not need its output again
      o.dStride = logits.stride(0);
    }
    if (place.gpu) {
      gpu::crossEntropy(rows, vocab, data(logits), logits.stride(0), target.const_data_ptr<std::int64_t>(), o);
      loss = perToken.sum(at::kDouble).div(static_cast<double>(std::max<int64_t>(1, counted))).to(at::kFloat);
    } else {
      if (!run::crossEntropy(rows, vocab, data(logits), logits.stride(0), target.const_data_ptr<std::int64_t>(), o)) outside(vocab);
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) sum += o.loss[i];
      loss = scratch({});
      *out(loss) = counted > 0 ? static_cast<float>(sum / static_cast<double>(counted)) : 0.0f;
    }
    if (wantsGrad) ctx->saved_data["grad"] = logits.detach();
    ctx->saved_data["unit"] = unit;
    ctx->mark_non_differentiable({perToken, hits});
    return {loss, perToken, hits};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    at::Tensor dLogits = ctx->saved_data["grad"].toTensor();
    if (placeOf(dLogits).gpu) {
      if (!ctx->saved_data["unit"].toBool()) dLogits = dLogits.mul(grads[0]);
    } else if (const float g = grads[0].item<float>(); g != 1.0f) {
      dLogits = dLogits.mul(g);
    }
    return {dLogits, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

CrossEntropy apply(const at::Tensor& logits, const at::Tensor& target, int64_t counted, bool unit) {
  SERP_CHECK(target.scalar_type() == at::kLong && target.is_contiguous() && target.dim() == 1 && target.size(0) == logits.size(0),
             "targets must be int64 [rows]");
  const bool wantsGrad = c10::GradMode::is_enabled() && logits.requires_grad();
  const auto result = CrossEntropyOp::apply(logits, target, counted, wantsGrad, unit);
  return {result[0], result[1], result[2], counted};
}

}  // namespace

CrossEntropy crossEntropy(const at::Tensor& logits, const at::Tensor& target) {
  if (placeOf(logits).gpu) return apply(logits, target.to(logits.device()), countTargets(target, logits.size(1)), false);
  int64_t counted = 0;  // the kernel looks for ids outside
  const auto* t = target.const_data_ptr<std::int64_t>();
  for (int64_t i = 0; i < target.size(0); ++i) counted += t[i] >= 0;
  return apply(logits, target, counted, false);
}

int64_t countTargets(const at::Tensor& target, int64_t vocab) {
  SERP_CHECK(target.device().is_cpu() && target.scalar_type() == at::kLong && target.is_contiguous(), "targets must be int64 on the host");
  int64_t counted = 0;
  const auto* t = target.const_data_ptr<std::int64_t>();
  for (int64_t i = 0; i < target.numel(); ++i) {
    if (t[i] >= vocab) outside(vocab);
    counted += t[i] >= 0;
  }
  return counted;
}

CrossEntropy crossEntropyThere(const at::Tensor& logits, const at::Tensor& target, int64_t counted, bool unit) {
  return apply(logits, target, counted, unit);
}

}  // namespace serp::ops
