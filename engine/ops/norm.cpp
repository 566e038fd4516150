// SPDX-License-Identifier: GPL-3.0-or-later
// The norm ops: forward keeps x and two statistics per row.
#include "engine/ops/norm.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/device_calls.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::NormShape shapeOf(const at::Tensor& x, int64_t kind, double eps) {
  return {static_cast<kernels::NormKind>(kind), x.size(-1) == 0 ? 0 : x.numel() / x.size(-1), x.size(-1), static_cast<float>(eps)};
}

/// `stats` is filled; x is contiguous.
at::Tensor normalise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t kind, double eps, at::Tensor& stats) {
  checkRows(x, "norm x");
  const auto shape = shapeOf(x, kind, eps);
  const at::Tensor y = at::empty_like(x);
  const Place place = placeOf(x);
  stats = scratch(place, {shape.rows, 2});
  run::normForward(place, shape, data(x), data(weight), data(bias), out(y), out(stats));
  return y;
}

/// `sum` becomes x + update; on a card in the same pass.
at::Tensor normaliseSum(const at::Tensor& x, const at::Tensor& update, const at::Tensor& weight, const at::Tensor& bias, int64_t kind,
                        double eps, at::Tensor& sum, at::Tensor& stats) {
  const Place place = placeOf(x);
  if (!place.gpu || !x.is_contiguous() || !update.is_contiguous() || x.sizes() != update.sizes()) {
    sum = at::add(x, update).contiguous();
    return normalise(sum, weight, bias, kind, eps, stats);
  }
  checkRows(x, "norm x");
  checkRows(update, "norm update");
  const auto shape = shapeOf(x, kind, eps);
  sum = at::empty_like(x);
  stats = scratch(place, {shape.rows, 2});
  const at::Tensor y = at::empty_like(x);
  gpu::normResidualForward(shape, data(x), data(update), out(sum), data(weight), data(bias), out(y), out(stats));
  return y;
}

void keep(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& stats,
          int64_t kind, double eps) {
  ctx->save_for_backward({x, weight, bias, stats});
  ctx->saved_data["kind"] = kind;
  ctx->saved_data["eps"] = eps;
}

struct NormGradients { at::Tensor dx, dWeight, dBias; };

/// `add` (or undefined) is added to dx.
NormGradients normGradients(AutogradContext* ctx, const at::Tensor& grad, const at::Tensor& add) {
  const auto saved = ctx->get_saved_variables();
  const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &stats = saved[3];
  const auto shape = shapeOf(x, ctx->saved_data["kind"].toInt(), ctx->saved_data["eps"].toDouble());
  const at::Tensor dy = grad.contiguous(), stream = add.defined() ? add.contiguous() : add;
  NormGradients g;
  g.dx = at::empty_like(x);
  const auto like = [&](const at::Tensor& t) {  // without rows a card's kernel has nothing to do, and writes nothing
    return !t.defined() ? t : shape.rows == 0 ? at::zeros_like(t) : at::empty_like(t);
  };
  g.dWeight = like(weight);
  g.dBias = like(bias);
  run::normBackward(placeOf(x), shape, data(x), data(weight), data(stats), data(dy), data(stream), out(g.dx), out(g.dWeight), out(g.dBias));
  return g;
}

struct NormOp : torch::autograd::Function<NormOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& xIn, const MaybeTensor& maybeWeight,
                            const MaybeTensor& maybeBias, int64_t kind, double eps) {
    const at::Tensor x = xIn.contiguous(), weight = orUndefined(maybeWeight), bias = orUndefined(maybeBias);
    at::Tensor stats;
    const at::Tensor y = normalise(x, weight, bias, kind, eps, stats);
    keep(ctx, x, weight, bias, stats, kind, eps);
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const NormGradients g = normGradients(ctx, grads[0], {});
    return {g.dx, g.dWeight, g.dBias, at::Tensor(), at::Tensor()};
  }
};

struct AddNormOp : torch::autograd::Function<AddNormOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& update, const MaybeTensor& maybeWeight,
                               const MaybeTensor& maybeBias, int64_t kind, double eps) {
    const at::Tensor weight = orUndefined(maybeWeight), bias = orUndefined(maybeBias);
    at::Tensor stats, sum;
    const at::Tensor y = normaliseSum(x, update, weight, bias, kind, eps, sum, stats);
    keep(ctx, sum, weight, bias, stats, kind, eps);
    ctx->set_materialize_grads(false);
    return {sum, y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor none;
    if (!grads[1].defined()) return {grads[0], grads[0], none, none, none, none};
    const NormGradients g = normGradients(ctx, grads[1], grads[0]);
    return {g.dx, g.dx, g.dWeight, g.dBias, none, none};
  }
};

}  // namespace

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, kernels::NormKind kind, double eps) {
  if (c10::GradMode::is_enabled()) return NormOp::apply(x, maybe(weight), maybe(bias), static_cast<int64_t>(kind), eps);
  at::Tensor stats;
  return normalise(x.contiguous(), weight, bias, static_cast<int64_t>(kind), eps, stats);
}

SumAndNorm addNorm(const at::Tensor& x, const at::Tensor& update, const at::Tensor& weight, const at::Tensor& bias,
                   kernels::NormKind kind, double eps) {
  if (c10::GradMode::is_enabled()) {
    const auto both = AddNormOp::apply(x, update, maybe(weight), maybe(bias), static_cast<int64_t>(kind), eps);
    return {both[0], both[1]};
  }
  at::Tensor stats, sum;
  const at::Tensor y = normaliseSum(x, update, weight, bias, static_cast<int64_t>(kind), eps, sum, stats);
  return {sum, y};
}

}  // namespace serp::ops
