// SPDX-License-Identifier: GPL-3.0-or-later
// Linear layers as one op each, with the products their backward is made of.
#include "engine/ops/linear.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor asRows(const at::Tensor& x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

/// rows Wᵀ + b, or its ReLU.
at::Tensor affine(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& bias, bool relu = false) {
  ProductOptions options;
  options.bias = bias;
  options.relu = relu;
  return product(rows, weight.t(), options);
}

/// Rows back to the shape of x, the last axis apart.
at::Tensor shapedLike(const at::Tensor& rows, at::IntArrayRef x) {
  if (x.size() == 2) return rows;
  auto sizes = x.vec();
  sizes.back() = rows.size(1);
  return rows.view(sizes);
}

/// The backward is two products and a column sum.
struct LinearOp : torch::autograd::Function<LinearOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const MaybeTensor& maybeBias) {
    const at::Tensor rows = asRows(x);
    ctx->save_for_backward({rows, weight});
    ctx->saved_data["bias"] = maybeBias.has_value();
    ctx->saved_data["sizes"] = x.sizes();
    return shapedLike(affine(rows, weight, orUndefined(maybeBias)), x.sizes());
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor dy = asRows(grads[0]);
    at::Tensor dx, db;
    if (ctx->needs_input_grad(0)) dx = shapedLike(product(dy, s[1]), ctx->saved_data["sizes"].toIntVector());
    const at::Tensor dw = product(dy.t(), s[0]);
    if (ctx->saved_data["bias"].toBool()) db = dy.sum(0);
    return {dx, dw, db};
  }
};

struct FeedForwardOp : torch::autograd::Function<FeedForwardOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w1, const MaybeTensor& b1,
                            const at::Tensor& w2, const MaybeTensor& b2) {
    const at::Tensor rows = asRows(x), h = affine(rows, w1, orUndefined(b1), true);
    ctx->save_for_backward({rows, w1, w2, h});
    ctx->saved_data["bias1"] = b1.has_value();
    ctx->saved_data["bias2"] = b2.has_value();
    ctx->saved_data["sizes"] = x.sizes();
    return shapedLike(affine(h, w2, orUndefined(b2)), x.sizes());
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor dy = asRows(grads[0]), dw2 = product(dy.t(), s[3]);
    at::Tensor dh = product(dy, s[2]);
    at::threshold_backward_out(dh, dh, s[3], 0);
    const at::Tensor dw1 = product(dh.t(), s[0]);
    at::Tensor dx, db1, db2;
    if (ctx->needs_input_grad(0)) dx = shapedLike(product(dh, s[1]), ctx->saved_data["sizes"].toIntVector());
    if (ctx->saved_data["bias1"].toBool()) db1 = dh.sum(0);
    if (ctx->saved_data["bias2"].toBool()) db2 = dy.sum(0);
    return {dx, dw1, db1, dw2, db2};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (c10::GradMode::is_enabled()) return LinearOp::apply(x, weight, maybe(bias));
  return shapedLike(affine(asRows(x), weight, bias), x.sizes());
}

at::Tensor linear32(const at::Tensor& x, const at::Tensor& weight) { return at::mm(x, weight.t()); }  // differentiated by LibTorch

at::Tensor feedForward(const at::Tensor& x, const at::Tensor& w1, const at::Tensor& b1, const at::Tensor& w2, const at::Tensor& b2) {
  if (c10::GradMode::is_enabled()) return FeedForwardOp::apply(x, w1, maybe(b1), w2, maybe(b2));
  return shapedLike(affine(affine(asRows(x), w1, b1, true), w2, b2), x.sizes());
}

}  // namespace serp::ops
