// SPDX-License-Identifier: GPL-3.0-or-later
// The rotation is a plane rotation per pair, so its backward is the rotation by the opposite angle.
#include "engine/ops/rope.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Angles {
  std::vector<float> cosines, sines;  // [T, half]
  std::int64_t half = 0;
};

Angles angles(std::int64_t T, std::int64_t width, double base, std::int64_t first) {
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

/// to = rotated from, by +angle (sign 1) or -angle (sign -1).
void rotate(const float* from, float* to, const float* c, const float* s, std::int64_t half, std::int64_t width, float sign) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = from[i], b = from[i + half], sine = sign * s[i];
    to[i] = a * c[i] - b * sine;
    to[i + half] = b * c[i] + a * sine;
  }
  for (std::int64_t i = 2 * half; i < width; ++i) to[i] = from[i];
}

struct SplitHeadsOp : torch::autograd::Function<SplitHeadsOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkvIn, std::int64_t heads, double base, std::int64_t first) {
    const at::Tensor qkv = qkvIn.contiguous();
    checkRows(qkv, "qkv");
    const std::int64_t B = qkv.size(0), T = qkv.size(1), width = qkv.size(2) / (3 * heads);
    const at::Tensor parts[3] = {scratch({B, heads, T, width}), scratch({B, heads, T, width}), scratch({B, heads, T, width})};
    const Angles a = angles(T, width, base, first);
    at::parallel_for(0, B * heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t bh = begin; bh < end; ++bh)
        for (std::int64_t t = 0; t < T; ++t) {
          const float* row = data(qkv) + ((bh / heads) * T + t) * 3 * heads * width + (bh % heads) * 3 * width;
          for (int part = 0; part < 3; ++part)
            rotate(row + part * width, out(parts[part]) + (bh * T + t) * width, a.cosines.data() + t * a.half,
                   a.sines.data() + t * a.half, part < 2 ? a.half : 0, width, 1.0f);
        }
    });
    ctx->saved_data["base"] = base;
    ctx->saved_data["first"] = first;
    return {parts[0], parts[1], parts[2]};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor g[3] = {grads[0].contiguous(), grads[1].contiguous(), grads[2].contiguous()};
    const std::int64_t B = g[0].size(0), heads = g[0].size(1), T = g[0].size(2), width = g[0].size(3);
    const at::Tensor dqkv = scratch({B, T, 3 * heads * width});
    const Angles a = angles(T, width, ctx->saved_data["base"].toDouble(), ctx->saved_data["first"].toInt());
    at::parallel_for(0, B * heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t bh = begin; bh < end; ++bh)
        for (std::int64_t t = 0; t < T; ++t) {
          float* row = out(dqkv) + ((bh / heads) * T + t) * 3 * heads * width + (bh % heads) * 3 * width;
          for (int part = 0; part < 3; ++part)
            rotate(data(g[part]) + (bh * T + t) * width, row + part * width, a.cosines.data() + t * a.half,
                   a.sines.data() + t * a.half, part < 2 ? a.half : 0, width, -1.0f);
        }
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
