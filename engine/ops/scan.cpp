// SPDX-License-Identifier: GPL-3.0-or-later
// Forward and backward of the two, over contiguous tensors.
#include "engine/ops/scan.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/kernel_calls.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Room for the gradient of `t`; zeros where there is no token, for which a card's kernel writes nothing.
at::Tensor like(const at::Tensor& t, const at::Tensor& tokens) {
  return !t.defined() ? t : tokens.numel() == 0 ? at::zeros_like(t) : at::empty_like(t);
}
at::Tensor dense(const at::Tensor& t) { return t.defined() ? t.contiguous() : t; }
at::Tensor dense(const MaybeTensor& t) { return t ? t->contiguous() : at::Tensor(); }

/// Inputs in the order of selectiveScan().
struct ScanTensors {
  at::Tensor u, delta, A, B, C, skip, z, deltaBias, h0;

  explicit ScanTensors(const variable_list& t)
      : u(t[0]), delta(t[1]), A(t[2]), B(t[3]), C(t[4]), skip(t[5]), z(t[6]), deltaBias(t[7]), h0(t[8]) {}
  kernels::ScanShape shape() const { return {u.size(0), u.size(1), u.size(2), A.size(1)}; }
  kernels::ScanInput input(bool softplus) const {
    const auto s = shape();
    SERP_CHECK(delta.sizes() == u.sizes() && A.size(0) == s.channels && B.sizes() == C.sizes() && B.size(2) == s.states,
               "shapes of the selective scan do not fit");
    return {data(u), data(delta), data(A), data(B), data(C), data(skip), data(z), data(deltaBias), data(h0), nullptr,
            s.channels, s.channels, s.states, s.states, s.channels, softplus};
  }
};

struct ScanOp : torch::autograd::Function<ScanOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& u, const at::Tensor& delta, const at::Tensor& A,
                               const at::Tensor& B, const at::Tensor& C, const MaybeTensor& skip, const MaybeTensor& z,
                               const MaybeTensor& deltaBias, const MaybeTensor& h0, bool softplus) {
    const variable_list inputs = {dense(u), dense(delta), dense(A), dense(B), dense(C), dense(skip), dense(z), dense(deltaBias), dense(h0)};
    for (const at::Tensor& t : inputs)
      if (t.defined()) checkRows(t, "an input of the selective scan");
    const ScanTensors t(inputs);
    const auto shape = t.shape();
    const Place place = placeOf(t.u);
    const at::Tensor y = scratch(place, {shape.batch, shape.length, shape.channels}),
                     last = scratch(place, {shape.batch, shape.channels, shape.states}),
                     checkpoints = scratch(place, {run::scanCheckpointCount(place, shape)});
    run::scanForward(place, shape, t.input(softplus), {out(y), shape.channels, out(last), out(checkpoints)});
    variable_list saved = inputs;
    saved.push_back(checkpoints);
    ctx->save_for_backward(saved);
    ctx->saved_data["softplus"] = softplus;
    return {y, last};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const ScanTensors t(saved);
    const auto shape = t.shape();
    const at::Tensor dy = grads[0].contiguous(), dLast = grads[1].contiguous();
    const at::Tensor du = like(t.u, t.u), dDelta = like(t.delta, t.u), dA = like(t.A, t.u), dB = like(t.B, t.u), dC = like(t.C, t.u),
                     dSkip = like(t.skip, t.u), dz = like(t.z, t.u), dBias = like(t.deltaBias, t.u), dh0 = like(t.h0, t.u);
    kernels::ScanGradients g;
    g.dy = data(dy);
    g.dLastState = data(dLast);
    g.du = out(du), g.dDelta = out(dDelta), g.dB = out(dB), g.dC = out(dC), g.dz = out(dz);
    g.dA = out(dA), g.dD = out(dSkip), g.dDeltaBias = out(dBias), g.dh0 = out(dh0);
    g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = shape.channels;
    g.dbStride = g.dcStride = shape.states;
    run::scanBackward(placeOf(t.u), shape, t.input(ctx->saved_data["softplus"].toBool()), data(saved[9]), g);
    return {du, dDelta, dA, dB, dC, dSkip, dz, dBias, dh0, at::Tensor()};
  }
};

struct ConvOp : torch::autograd::Function<ConvOp> {
  static kernels::ConvInput input(const variable_list& t, bool silu) {
    return {data(t[0]), data(t[1]), data(t[2]), data(t[3]), nullptr, t[0].size(2), silu};
  }
  static kernels::ConvShape shape(const variable_list& t) { return {t[0].size(0), t[0].size(1), t[0].size(2), t[1].size(1)}; }

  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const MaybeTensor& bias,
                            const MaybeTensor& previous, bool silu) {
    const variable_list t = {dense(x), dense(weight), dense(bias), dense(previous)};
    checkRows(t[0], "x of the convolution");
    checkRows(t[1], "weight of the convolution");
    const at::Tensor y = at::empty_like(t[0]);
    run::convForward(placeOf(t[0]), shape(t), input(t, silu), out(y), t[0].size(2));
    ctx->save_for_backward(t);
    ctx->saved_data["silu"] = silu;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list t = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous(), dx = like(t[0], t[0]), dWeight = like(t[1], t[0]), dBias = like(t[2], t[0]),
                     dPrevious = like(t[3], t[0]);
    const std::int64_t D = t[0].size(2);
    run::convBackward(placeOf(t[0]), shape(t), input(t, ctx->saved_data["silu"].toBool()),
                      {data(dy), D, out(dx), D, out(dWeight), out(dBias), out(dPrevious)});
    return {dx, dWeight, dBias, dPrevious, at::Tensor()};
  }
};

}  // namespace

Scanned selectiveScan(const at::Tensor& u, const at::Tensor& delta, const at::Tensor& A, const at::Tensor& B, const at::Tensor& C,
                      const at::Tensor& skip, const at::Tensor& z, const at::Tensor& deltaBias, const at::Tensor& h0, bool softplus) {
  const auto both = ScanOp::apply(u, delta, A, B, C, maybe(skip), maybe(z), maybe(deltaBias), maybe(h0), softplus);
  return {both[0], both[1]};
}

at::Tensor causalConv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& previous, bool silu) {
  return ConvOp::apply(x, weight, maybe(bias), maybe(previous), silu);
}

}  // namespace serp::ops
