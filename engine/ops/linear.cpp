// SPDX-License-Identifier: GPL-3.0-or-later
// Linear layers through LibTorch's products; bfloat16 keeps float32 masters and casts operands on the way in.
#include "engine/ops/linear.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::atomic<Precision> gPrecision{Precision::Float32};

at::Tensor low(const at::Tensor& t) { return gPrecision.load() == Precision::Bfloat16 ? t.to(at::kBFloat16) : t; }
at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor r = at::mm(low(a), low(b));
  return r.scalar_type() == at::kFloat ? r : r.to(at::kFloat);
}

/// y = x Wᵀ + b, rows flattened. The backward is two products and a column sum.
struct LinearOp : torch::autograd::Function<LinearOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    ctx->save_for_backward({rows, weight});
    ctx->saved_data["bias"] = bias.defined();
    ctx->saved_data["sizes"] = x.sizes();
    at::Tensor y = gPrecision.load() == Precision::Float32 && bias.defined() ? at::addmm(bias, rows, weight.t())
                                                                             : product(rows, weight.t());
    if (bias.defined() && gPrecision.load() != Precision::Float32) y.add_(bias);
    auto sizes = x.sizes().vec();
    sizes.back() = weight.size(0);
    return y.view(sizes);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].reshape({-1, grads[0].size(-1)});
    at::Tensor dx, db;
    if (ctx->needs_input_grad(0)) dx = product(dy, s[1]).view(ctx->saved_data["sizes"].toIntVector());
    const at::Tensor dw = product(dy.t(), s[0]);
    if (ctx->saved_data["bias"].toBool()) db = dy.sum(0);
    return {dx, dw, db};
  }
};

struct FeedForwardOp : torch::autograd::Function<FeedForwardOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2,
                            const at::Tensor& b2) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    at::Tensor h = b1.defined() && gPrecision.load() == Precision::Float32 ? at::addmm(b1, rows, w1.t()) : product(rows, w1.t());
    if (b1.defined() && gPrecision.load() != Precision::Float32) h.add_(b1);
    h.relu_();
    at::Tensor y = b2.defined() && gPrecision.load() == Precision::Float32 ? at::addmm(b2, h, w2.t()) : product(h, w2.t());
    if (b2.defined() && gPrecision.load() != Precision::Float32) y.add_(b2);
    ctx->save_for_backward({rows, w1, w2, h});
    ctx->saved_data["bias"] = b1.defined();
    ctx->saved_data["sizes"] = x.sizes();
    auto sizes = x.sizes().vec();
    sizes.back() = w2.size(0);
    return y.view(sizes);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const bool bias = ctx->saved_data["bias"].toBool();
    const at::Tensor dy = grads[0].reshape({-1, grads[0].size(-1)});
    const at::Tensor dw2 = product(dy.t(), s[3]);
    const at::Tensor dh = at::threshold_backward(product(dy, s[2]), s[3], 0);
    const at::Tensor dw1 = product(dh.t(), s[0]);
    const at::Tensor dx = product(dh, s[1]).view(ctx->saved_data["sizes"].toIntVector());
    return {dx, dw1, bias ? dh.sum(0) : at::Tensor(), dw2, bias ? dy.sum(0) : at::Tensor()};
  }
};

}  // namespace

void setPrecision(Precision p) { gPrecision.store(p); }
Precision precision() { return gPrecision.load(); }

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) { return LinearOp::apply(x, weight, bias); }

at::Tensor linear32(const at::Tensor& x, const at::Tensor& weight) { return at::mm(x, weight.t()); }

at::Tensor feedForward(const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2, const at::Tensor& b2) {
  return FeedForwardOp::apply(x, w1, b1, w2, b2);
}

}  // namespace serp::ops
