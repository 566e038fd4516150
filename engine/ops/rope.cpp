// SPDX-License-Identifier: GPL-3.0-or-later
// The rotation is a plane rotation per pair, so its backward is the rotation by the opposite angle.
#include "engine/ops/rope.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "engine/ops/device_kernels.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"

namespace serp::ops {

const Angles& rotaryAngles(std::int64_t T, std::int64_t width, double base, std::int64_t first) {
  const std::tuple wanted(T, width, base, first);
  thread_local std::tuple<std::int64_t, std::int64_t, double, std::int64_t> known(-1, 0, 0.0, 0);
  thread_local Angles a;
  if (known == wanted) return a;
  std::get<0>(known) = -1;  // nothing is known while it is made
  a.half = base > 0 ? width / 2 : 0;
  a.cosines.resize(static_cast<std::size_t>(T * a.half));
  a.sines.resize(a.cosines.size());
  for (std::int64_t i = 0; i < a.half; ++i) {
    const double rate = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(width));
    for (std::int64_t t = 0; t < T; ++t) {
      const double angle = static_cast<double>(first + t) * rate;
      a.cosines[t * a.half + i] = static_cast<float>(std::cos(angle));
      a.sines[t * a.half + i] = static_cast<float>(std::sin(angle));
    }
  }
  known = wanted;
  return a;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// to = rotated from, by +angle (sign 1) or -angle (sign -1).
void rotate(const float* from, float* to, const float* c, const float* s, std::int64_t half, std::int64_t width, float sign) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = from[i], b = from[i + half], sine = sign * s[i];
    to[i] = a * c[i] - b * sine;
    to[i + half] = b * c[i] + a * sine;
  }
  std::copy(from + 2 * half, from + width, to + 2 * half);
}

/// Pointer and strides of a [B, H, T, d_head] tensor whose last axis is dense.
template <class T>
struct Heads {
  T* at;
  std::int64_t batch, head, time;
  T* row(std::int64_t b, std::int64_t h, std::int64_t t) const { return at + b * batch + h * head + t * time; }
};

/// body(b, h, t) for every row, a head at a time.
template <class Body>
void forEachRow(std::int64_t B, std::int64_t H, std::int64_t T, const Body& body) {
  at::parallel_for(0, B * H, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t bh = begin; bh < end; ++bh)
      for (std::int64_t t = 0; t < T; ++t) body(bh / H, bh % H, t);
  });
}

/// Cosines and sines on a card, [T, width / 2] each; undefined without rotation.
struct AnglesThere {
  at::Tensor cosines, sines;

  AnglesThere(const Place& place, std::int64_t T, std::int64_t width, double base, std::int64_t first) {
    if (!(base > 0) || width < 2) return;
    cosines = scratch(place, {T, width / 2});
    sines = scratch(place, {T, width / 2});
    require(deviceKernels().ropeAngles(deviceStream(), T, width, base, first, out(cosines), out(sines)), "rope");
  }
};

struct SplitHeadsOp : torch::autograd::Function<SplitHeadsOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkvIn, std::int64_t heads, double base, std::int64_t first) {
    const at::Tensor qkv = qkvIn.contiguous();
    checkRows(qkv, "qkv");
    const std::int64_t B = qkv.size(0), T = qkv.size(1), width = qkv.size(2) / (3 * heads);
    ctx->saved_data["base"] = base;
    ctx->saved_data["first"] = first;
    if (placeOf(qkv).gpu) {
      const Place place = placeOf(qkv);
      const AnglesThere a(place, T, width, base, first);
      const at::Tensor q = scratch(place, {B, heads, T, width}), k = scratch(place, {B, heads, T, width}), v = scratch(place, {B, heads, T, width});
      require(deviceKernels().splitHeads(deviceStream(), B, T, heads, width, data(qkv), data(a.cosines), data(a.sines), out(q), out(k), out(v)),
              "split heads");
      return {q, k, v};
    }
    const at::Tensor parts[3] = {scratch({B, heads, T, width}), scratch({B, heads, T, width}), scratch({B, heads, T, width})};
    const Angles& a = rotaryAngles(T, width, base, first);
    const Heads<const float> from{data(qkv), T * 3 * heads * width, 3 * width, 3 * heads * width};
    Heads<float> to[3];
    for (int part = 0; part < 3; ++part) to[part] = {out(parts[part]), heads * T * width, T * width, width};
    forEachRow(B, heads, T, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
      const float *c = a.cosines.data() + t * a.half, *s = a.sines.data() + t * a.half;
      for (int part = 0; part < 3; ++part)
        rotate(from.row(b, h, t) + part * width, to[part].row(b, h, t), c, s, part < 2 ? a.half : 0, width, 1.0f);
    });
    return {parts[0], parts[1], parts[2]};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const std::int64_t B = grads[0].size(0), heads = grads[0].size(1), T = grads[0].size(2), width = grads[0].size(3);
    if (placeOf(grads[0]).gpu) {
      const Place place = placeOf(grads[0]);
      const AnglesThere a(place, T, width, ctx->saved_data["base"].toDouble(), ctx->saved_data["first"].toInt());
      const float* parts[3];
      std::int64_t strides[3][3];
      for (int part = 0; part < 3; ++part) {
        at::Tensor& g = grads[static_cast<std::size_t>(part)];
        if (g.stride(3) != 1 || g.scalar_type() != at::kFloat) g = g.to(at::kFloat).contiguous();
        parts[part] = data(g);
        for (int axis = 0; axis < 3; ++axis) strides[part][axis] = g.stride(axis);
      }
      const at::Tensor dqkv = scratch(place, {B, T, 3 * heads * width});
      require(deviceKernels().splitHeadsBackward(deviceStream(), B, T, heads, width, parts, strides, data(a.cosines), data(a.sines), out(dqkv)),
              "split heads backward");
      return {dqkv, at::Tensor(), at::Tensor(), at::Tensor()};
    }
    Heads<const float> from[3];
    for (int part = 0; part < 3; ++part) {  // attention hands its gradients over in an order of its own: read as they lie
      at::Tensor& g = grads[static_cast<std::size_t>(part)];
      if (g.stride(3) != 1 || g.scalar_type() != at::kFloat) g = g.to(at::kFloat).contiguous();
      from[part] = {data(g), g.stride(0), g.stride(1), g.stride(2)};
    }
    const at::Tensor dqkv = scratch({B, T, 3 * heads * width});
    const Heads<float> to{out(dqkv), T * 3 * heads * width, 3 * width, 3 * heads * width};
    const Angles& a = rotaryAngles(T, width, ctx->saved_data["base"].toDouble(), ctx->saved_data["first"].toInt());
    forEachRow(B, heads, T, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
      const float *c = a.cosines.data() + t * a.half, *s = a.sines.data() + t * a.half;
      for (int part = 0; part < 3; ++part)
        rotate(from[part].row(b, h, t), to.row(b, h, t) + part * width, c, s, part < 2 ? a.half : 0, width, -1.0f);
    });
    return {dqkv, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// The same for one part.
struct HeadsOp : torch::autograd::Function<HeadsOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& xIn, std::int64_t heads, double base, std::int64_t first) {
    const at::Tensor x = xIn.contiguous();
    checkRows(x, "x of the heads");
    const std::int64_t B = x.size(0), T = x.size(1), width = x.size(2) / heads;
    const at::Tensor y = scratch({B, heads, T, width});
    const Angles& a = rotaryAngles(T, width, base, first);
    const Heads<const float> from{data(x), T * heads * width, width, heads * width};
    const Heads<float> to{out(y), heads * T * width, T * width, width};
    forEachRow(B, heads, T, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
      rotate(from.row(b, h, t), to.row(b, h, t), a.cosines.data() + t * a.half, a.sines.data() + t * a.half, a.half, width, 1.0f);
    });
    ctx->saved_data["base"] = base;
    ctx->saved_data["first"] = first;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    at::Tensor g = grads[0];
    if (g.stride(3) != 1 || g.scalar_type() != at::kFloat) g = g.to(at::kFloat).contiguous();
    const std::int64_t B = g.size(0), heads = g.size(1), T = g.size(2), width = g.size(3);
    const at::Tensor dx = scratch({B, T, heads * width});
    const Heads<const float> from{data(g), g.stride(0), g.stride(1), g.stride(2)};
    const Heads<float> to{out(dx), T * heads * width, width, heads * width};
    const Angles& a = rotaryAngles(T, width, ctx->saved_data["base"].toDouble(), ctx->saved_data["first"].toInt());
    forEachRow(B, heads, T, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
      rotate(from.row(b, h, t), to.row(b, h, t), a.cosines.data() + t * a.half, a.sines.data() + t * a.half, a.half, width, -1.0f);
    });
    return {dx, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor toHeads(const at::Tensor& x, std::int64_t heads, double base, std::int64_t first) {
  return x.is_cpu() ? HeadsOp::apply(x, heads, base, first) : toHeadsPlain(x, heads, base, first);
}

at::Tensor toHeadsPlain(const at::Tensor& x, std::int64_t heads, double base, std::int64_t first) {
  const std::int64_t T = x.size(1), width = x.size(2) / heads, half = width / 2;
  const at::Tensor h = x.reshape({x.size(0), T, heads, width}).transpose(1, 2);   // [B, heads, T, d_head]
  if (base <= 0 || half == 0) return h.contiguous();
  const Angles& a = rotaryAngles(T, width, base, first);
  const auto table = [&](const std::vector<float>& values) {
    const at::Tensor host = at::empty({T, half}, at::TensorOptions().dtype(at::kFloat));
    std::copy(values.begin(), values.end(), host.mutable_data_ptr<float>());
    return host.to(x.device());
  };
  const at::Tensor c = table(a.cosines), s = table(a.sines), p = h.narrow(3, 0, half), q = h.narrow(3, half, half);
  return at::cat({p.mul(c).sub(q.mul(s)), q.mul(c).add(p.mul(s)), h.narrow(3, 2 * half, width - 2 * half)}, 3);
}

void splitHeads(const at::Tensor& qkv, std::int64_t heads, double base, std::int64_t first, at::Tensor& q, at::Tensor& k,
                at::Tensor& v) {
  const auto parts = SplitHeadsOp::apply(qkv, heads, base, first);
  q = parts[0];
  k = parts[1];
  v = parts[2];
}

}  // namespace serp::ops
