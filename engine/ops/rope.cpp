// SPDX-License-Identifier: GPL-3.0-or-later
// The rotation is a plane rotation per pair, so its backward is the rotation by the opposite angle.
#include "engine/ops/rope.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/ops/tensors.h"

namespace serp::ops {

Angles rotaryAngles(std::int64_t T, std::int64_t width, double base, std::int64_t first) {
  Angles a;
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

/// Cosines and sines of a base and width on a card, [positions, half], with room for more than was asked: decoding asks for one more
/// position at every token, and nothing may come from the host while a step is recorded.
struct AngleTable {
  double base = 0;
  std::int64_t width = 0, positions = 0;
  at::Tensor cosines, sines;
};

const AngleTable& anglesThere(std::int64_t end, std::int64_t width, double base, at::Device device) {
  thread_local std::vector<AngleTable> tables;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    AngleTable& t = tables[i];
    if (t.base != base || t.width != width || t.cosines.device() != device) continue;
    if (t.positions >= end) return t;
    end = std::max(end, 2 * t.positions);
    tables.erase(tables.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  const Angles a = rotaryAngles(end, width, base, 0);
  const auto there = [&](const std::vector<float>& values) {
    at::Tensor t = scratch({end, a.half});
    std::copy(values.begin(), values.end(), out(t));
    return t.to(device);
  };
  return tables.emplace_back(AngleTable{base, width, end, there(a.cosines), there(a.sines)});
}

/// x [B, H, T, width] rotated by +angle (sign 1) or -angle (sign -1), with LibTorch's operations.
at::Tensor rotatedThere(const at::Tensor& x, double base, std::int64_t first, double sign) {
  const std::int64_t width = x.size(3), half = width / 2, T = x.size(2);
  if (!(base > 0) || half == 0) return x.contiguous();
  const AngleTable& table = anglesThere(first + T, width, base, x.device());
  const at::Tensor c = table.cosines.narrow(0, first, T), s = table.sines.narrow(0, first, T).mul(sign);   // [T, half]
  const at::Tensor a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  std::vector<at::Tensor> parts = {a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))};
  if (width > 2 * half) parts.push_back(x.narrow(3, 2 * half, width - 2 * half));
  return at::cat(parts, 3);
}

struct SplitHeadsOp : torch::autograd::Function<SplitHeadsOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkvIn, std::int64_t heads, double base, std::int64_t first) {
    const at::Tensor qkv = qkvIn.contiguous();
    checkRows(qkv, "qkv");
    const std::int64_t B = qkv.size(0), T = qkv.size(1), width = qkv.size(2) / (3 * heads);
    ctx->saved_data["base"] = base;
    ctx->saved_data["first"] = first;
    if (placeOf(qkv).gpu) {
      const at::Tensor all = qkv.view({B, T, heads, 3, width}).permute({3, 0, 2, 1, 4});   // [3, B, H, T, width]
      return {rotatedThere(all[0], base, first, 1), rotatedThere(all[1], base, first, 1), all[2].contiguous()};
    }
    const at::Tensor parts[3] = {scratch({B, heads, T, width}), scratch({B, heads, T, width}), scratch({B, heads, T, width})};
    const Angles a = rotaryAngles(T, width, base, first);
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
      const double base = ctx->saved_data["base"].toDouble();
      const std::int64_t first = ctx->saved_data["first"].toInt();
      const auto back = [&](std::size_t part) { return rotatedThere(grads[part].to(at::kFloat), part < 2 ? base : 0.0, first, -1); };
      const at::Tensor all = at::stack({back(0), back(1), back(2)}, 3);                       // [B, H, T, 3, width]
      return {all.transpose(1, 2).reshape({B, T, 3 * heads * width}), at::Tensor(), at::Tensor(), at::Tensor()};
    }
    Heads<const float> from[3];
    for (int part = 0; part < 3; ++part) {  // attention hands its gradients over in an order of its own: read as they lie
      at::Tensor& g = grads[static_cast<std::size_t>(part)];
      if (g.stride(3) != 1 || g.scalar_type() != at::kFloat) g = g.to(at::kFloat).contiguous();
      from[part] = {data(g), g.stride(0), g.stride(1), g.stride(2)};
    }
    const at::Tensor dqkv = scratch({B, T, 3 * heads * width});
    const Heads<float> to{out(dqkv), T * 3 * heads * width, 3 * width, 3 * heads * width};
    const Angles a = rotaryAngles(T, width, ctx->saved_data["base"].toDouble(), ctx->saved_data["first"].toInt());
    forEachRow(B, heads, T, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
      const float *c = a.cosines.data() + t * a.half, *s = a.sines.data() + t * a.half;
      for (int part = 0; part < 3; ++part)
        rotate(from[part].row(b, h, t), to.row(b, h, t) + part * width, c, s, part < 2 ? a.half : 0, width, -1.0f);
    });
    return {dqkv, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void splitHeads(const at::Tensor& qkv, std::int64_t heads, double base, std::int64_t first, at::Tensor& q, at::Tensor& k,
                at::Tensor& v) {
  const auto parts = SplitHeadsOp::apply(qkv, heads, base, first);
  q = parts[0];
  k = parts[1];
  v = parts[2];
}

}  // namespace serp::ops
