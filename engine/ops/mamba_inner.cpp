// SPDX-License-Identifier: GPL-3.0-or-later
// Forward and backward of the Mamba inner op: convolution, x_proj, dt_proj and the selective scan, by our kernels and plain
// matrix products. Saved for the backward: the inputs, the convolution's output, x_proj's output, delta and scan checkpoints.
#include "engine/ops/mamba_inner.h"

#include <c10/core/GradMode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/kernel_calls.h"
#include "engine/ops/products.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The small products around the scan stay in float32 whatever the run's precision: delta and the state are sensitive.
ProductOptions wide() {
  ProductOptions o;
  o.wide = true;
  return o;
}

/// x and z as row-strided views, wherever they come from.
struct Inputs {
  at::Tensor x, z;
  Place place;
  int64_t B = 0, T = 0, D = 0, xStride = 0, zStride = 0;
};

Inputs inputs(const at::Tensor& xz, const at::Tensor& x, const at::Tensor& z) {
  Inputs in;
  if (xz.defined()) {
    checkRows(xz, "xz");
    SERP_CHECK(xz.is_contiguous(), "xz must be contiguous");
    in.D = xz.size(-1) / 2;
    in.x = xz.narrow(-1, 0, in.D);
    in.z = xz.narrow(-1, in.D, in.D);
    in.xStride = in.zStride = 2 * in.D;
  } else {
    checkRows(x, "x");
    SERP_CHECK(x.is_contiguous() && z.is_contiguous() && x.sizes() == z.sizes(), "x and z must be contiguous and alike");
    in.x = x;
    in.z = z;
    in.D = in.xStride = in.zStride = x.size(-1);
  }
  in.place = placeOf(in.x);
  in.B = in.x.size(0);
  in.T = in.x.dim() == 3 ? in.x.size(1) : 1;
  return in;
}

kernels::ConvInput convInput(const Inputs& in, const at::Tensor& weight, const at::Tensor& bias) {
  kernels::ConvInput c;
  c.x = data(in.x);
  c.xStride = in.xStride;
  c.weight = data(weight);
  c.bias = data(bias);
  return c;
}

kernels::ScanInput scanInput(const Inputs& in, const at::Tensor& u, const at::Tensor& dbl, const at::Tensor& delta,
                             const at::Tensor& A, const at::Tensor& skip, const at::Tensor& dtBias, int64_t R, int64_t N) {
  kernels::ScanInput s;
  s.u = data(u);
  s.delta = data(delta);
  s.uStride = s.deltaStride = in.D;
  s.A = data(A);
  s.B = data(dbl) + R;
  s.C = data(dbl) + R + N;
  s.bStride = s.cStride = R + 2 * N;
  s.D = data(skip);
  s.z = data(in.z);
  s.zStride = in.zStride;
  s.deltaBias = data(dtBias);
  return s;
}

struct Forward {
  at::Tensor u, dbl, delta, A, checkpoints, y;
};

Forward runForward(const Inputs& in, const MambaInnerWeights& w, bool keep, MambaInnerState* state) {
  const int64_t rows = in.B * in.T, N = w.aLog.size(1), R = w.dtProj.size(1);
  Forward f;
  f.u = scratch(in.place, {rows, in.D});
  kernels::ConvInput conv = convInput(in, w.convWeight, w.convBias);
  const kernels::ConvShape convShape{in.B, in.T, in.D, w.convWeight.size(1)};
  if (state) conv.previous = data(state->window);
  run::convForward(in.place, convShape, conv, out(f.u), in.D);
  f.dbl = product(f.u, w.xProj.t(), wide());                      // [rows, R + 2N]
  f.delta = product(f.dbl.narrow(1, 0, R), w.dtProj.t(), wide()); // [rows, D]
  f.A = w.aLog.exp().neg_();
  kernels::ScanInput scan = scanInput(in, f.u, f.dbl, f.delta, f.A, w.skip, w.dtBias, R, N);
  const kernels::ScanShape shape{in.B, in.T, in.D, N};
  kernels::ScanOutput o;
  f.y = scratch(in.place, {rows, in.D});
  o.y = out(f.y);
  o.yStride = in.D;
  if (keep) {
    f.checkpoints = scratch(in.place, {run::scanCheckpointCount(in.place, shape)});
    o.checkpoints = out(f.checkpoints);
  }
  at::Tensor last;
  if (state) {
    scan.h0 = data(state->h);
    last = at::empty_like(state->h);
    o.lastState = out(last);
  }
  run::scanForward(in.place, shape, scan, o);
  if (state) {
    state->h = last;
    const int64_t keepRows = state->window.size(1);
    if (keepRows > 0) {
      at::Tensor all = at::zeros({in.B, keepRows, in.D}, state->window.options());
      for (int64_t k = 0; k < keepRows; ++k) {
        const int64_t t = in.T - keepRows + k;   // negative: still the old window
        all.select(1, k).copy_(t >= 0 ? in.x.select(1, t) : state->window.select(1, keepRows + t));
      }
      state->window = all;
    }
  }
  return f;
}

struct MambaInnerOp : torch::autograd::Function<MambaInnerOp> {
  static at::Tensor forward(AutogradContext* ctx, const MaybeTensor& fused, const MaybeTensor& left, const MaybeTensor& right,
                            const at::Tensor& convWeight, const MaybeTensor& maybeConvBias, const at::Tensor& xProj,
                            const at::Tensor& dtProj, const at::Tensor& dtBias, const at::Tensor& aLog, const at::Tensor& skip) {
    const at::Tensor xz = orUndefined(fused), x = orUndefined(left), z = orUndefined(right), convBias = orUndefined(maybeConvBias);
    const Inputs in = inputs(xz, x, z);
    const Forward f = runForward(in, {convWeight, convBias, xProj, dtProj, dtBias, aLog, skip}, true, nullptr);
    ctx->save_for_backward({xz, x, z, convWeight, convBias, xProj, dtProj, dtBias, skip, f.u, f.dbl, f.delta, f.A, f.checkpoints});
    return f.y.view({in.B, in.T, in.D});
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor &xz = s[0], &x = s[1], &z = s[2], &convWeight = s[3], &convBias = s[4], &xProj = s[5], &dtProj = s[6],
                     &dtBias = s[7], &skip = s[8], &u = s[9], &dbl = s[10], &delta = s[11], &A = s[12], &checkpoints = s[13];
    const Inputs in = inputs(xz, x, z);
    const int64_t rows = in.B * in.T, D = in.D, N = A.size(1), R = dtProj.size(1), P = R + 2 * N;
    const at::Tensor dy = grads[0].contiguous();

    at::Tensor dxz, dx, dz;
    if (xz.defined()) {
      dxz = at::empty_like(xz);
      dx = dxz.narrow(-1, 0, D);
      dz = dxz.narrow(-1, D, D);
    } else {
      dx = at::empty_like(x);
      dz = at::empty_like(z);
    }
    const at::Tensor du = scratch(in.place, {rows, D}), dDelta = scratch(in.place, {rows, D}), dDbl = scratch(in.place, {rows, P}),
                     dA = at::empty_like(A), dSkip = at::empty_like(skip), dDtBias = at::empty_like(dtBias);
    const kernels::ScanShape shape{in.B, in.T, D, N};
    const kernels::ScanInput scan = scanInput(in, u, dbl, delta, A, skip, dtBias, R, N);
    kernels::ScanGradients g;
    g.dy = data(dy);
    g.dyStride = D;
    g.du = out(du);
    g.dDelta = out(dDelta);
    g.duStride = g.dDeltaStride = D;
    g.dB = out(dDbl) + R;
    g.dC = out(dDbl) + R + N;
    g.dbStride = g.dcStride = P;
    g.dz = out(dz);
    g.dzStride = in.zStride;
    g.dA = out(dA);
    g.dD = out(dSkip);
    g.dDeltaBias = out(dDtBias);
    run::scanBackward(in.place, shape, scan, data(checkpoints), g);
    // delta = dbl[:, :R] dtProjᵀ
    at::Tensor dLow = dDbl.narrow(1, 0, R);
    multiply(dLow, dDelta, dtProj, wide());                             // [rows, R]
    const at::Tensor dDtProj = product(dDelta.t(), dbl.narrow(1, 0, R), wide());  // [D, R]
    // dbl = u xProjᵀ
    ProductOptions adding = wide();
    adding.accumulate = true;
    multiply(du, dDbl, xProj, adding);                                  // [rows, D]
    const at::Tensor dXProj = product(dDbl.t(), u, wide());             // [P, D]

    const kernels::ConvShape convShape{in.B, in.T, D, convWeight.size(1)};
    const at::Tensor dConvWeight = at::empty_like(convWeight);
    const at::Tensor dConvBias = convBias.defined() ? at::empty_like(convBias) : at::Tensor();
    kernels::ConvGradients cg;
    cg.dOut = data(du);
    cg.dOutStride = D;
    cg.dx = out(dx);
    cg.dxStride = in.xStride;
    cg.dWeight = out(dConvWeight);
    cg.dBias = out(dConvBias);
    run::convBackward(in.place, convShape, convInput(in, convWeight, convBias), cg);
    const at::Tensor dALog = dA.mul_(A);  // A = -exp(A_log)
    if (xz.defined()) dx = dz = at::Tensor();
    return {dxz, dx, dz, dConvWeight, dConvBias, dXProj, dDtProj, dDtBias, dALog, dSkip};
  }
};

}  // namespace

at::Tensor mambaInner(const at::Tensor& xz, const at::Tensor& x, const at::Tensor& z, const MambaInnerWeights& w,
                      MambaInnerState* state) {
  if (state == nullptr && c10::GradMode::is_enabled())
    return MambaInnerOp::apply(maybe(xz), maybe(x), maybe(z), w.convWeight, maybe(w.convBias), w.xProj, w.dtProj, w.dtBias, w.aLog, w.skip);
  const c10::NoGradGuard noGrad;
  const Inputs in = inputs(xz, x, z);
  return runForward(in, w, false, state).y.view({in.B, in.T, in.D});
}

at::Tensor mambaInnerStep(const at::Tensor& xz, const at::Tensor& x, const at::Tensor& z, const MambaInnerWeights& w,
                          MambaInnerState& state) {
  const c10::NoGradGuard noGrad;
  const Inputs in = inputs(xz, x, z);
  const int64_t N = w.aLog.size(1), R = w.dtProj.size(1);
  const at::Tensor u = scratch(in.place, {in.B, in.D});
  run::convStep(in.place, {in.B, 1, in.D, w.convWeight.size(1)}, convInput(in, w.convWeight, w.convBias), out(state.window), out(u), in.D);
  const at::Tensor dbl = product(u, w.xProj.t(), wide());
  const at::Tensor delta = product(dbl.narrow(1, 0, R), w.dtProj.t(), wide());
  if (!state.A.defined()) state.A = w.aLog.exp().neg_();
  const at::Tensor y = scratch(in.place, {in.B, in.D});
  run::scanStep(in.place, {in.B, 1, in.D, N}, scanInput(in, u, dbl, delta, state.A, w.skip, w.dtBias, R, N), out(state.h), out(y), in.D);
  return y;
}

}  // namespace serp::ops
