// SPDX-License-Identifier: GPL-3.0-or-later
// The norm op: forward keeps x and two statistics per row.
#include "engine/ops/norm.h"

#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::NormShape shapeOf(const at::Tensor& x, int64_t kind, double eps) {
  return {static_cast<kernels::NormKind>(kind), x.size(-1) == 0 ? 0 : x.numel() / x.size(-1), x.size(-1), static_cast<float>(eps)};
}

struct NormOp : torch::autograd::Function<NormOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& xIn, const at::Tensor& weight, const at::Tensor& bias,
                            int64_t kind, double eps) {
    const at::Tensor x = xIn.contiguous();
    checkRows(x, "norm x");
    const auto shape = shapeOf(x, kind, eps);
    const at::Tensor y = at::empty_like(x);
    const at::Tensor stats = scratch({shape.rows, 2});
    require(kernels::normForward(shape, data(x), shape.width, data(weight), data(bias), out(y), shape.width, out(stats), torchParallel()),
            "norm");
    ctx->save_for_backward({x, weight, bias, stats});
    ctx->saved_data["kind"] = kind;
    ctx->saved_data["eps"] = eps;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &stats = saved[3];
    const auto shape = shapeOf(x, ctx->saved_data["kind"].toInt(), ctx->saved_data["eps"].toDouble());
    const at::Tensor dy = grads[0].contiguous();
    const at::Tensor dx = at::empty_like(x);
    const at::Tensor dWeight = weight.defined() ? at::empty_like(weight) : at::Tensor();
    const at::Tensor dBias = bias.defined() ? at::empty_like(bias) : at::Tensor();
    const auto parallel = torchParallel();
    const at::Tensor work = scratch({kernels::normBackwardWorkspace(shape, parallel.threads)});
    require(kernels::normBackward(shape, data(x), shape.width, data(weight), data(stats), data(dy), shape.width, nullptr, out(dx),
                                  shape.width, out(dWeight), out(dBias), out(work), parallel),
            "norm backward");
    return {dx, dWeight, dBias, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, kernels::NormKind kind, double eps) {
  return NormOp::apply(x, weight, bias, static_cast<int64_t>(kind), eps);
}

}  // namespace serp::ops
