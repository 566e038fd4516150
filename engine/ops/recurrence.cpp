// SPDX-License-Identifier: GPL-3.0-or-later
// Plain loops over a strip of channels at a time. Backward: l[t] = dy[t] + a[t+1] l[t+1]; db = l, da = l y[t-1].
#include "engine/ops/recurrence.h"

#include <ATen/Parallel.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "engine/ops/device_kernels.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kStrip = 16;  // floats of one cache line

/// Rows of a: one per token, or one for all of them.
const float* rowOf(const at::Tensor& a, std::int64_t row, std::int64_t D) { return data(a) + (a.dim() == 1 ? 0 : row * D); }

/// body(batch, first channel, channels) over strips, in parallel.
template <class Body>
void forEachStrip(std::int64_t B, std::int64_t D, const Body& body) {
  const std::int64_t strips = (D + kStrip - 1) / kStrip;
  at::parallel_for(0, B * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i / strips, i % strips * kStrip, std::min(kStrip, D - i % strips * kStrip));
  });
}

struct RecurrenceOp : torch::autograd::Function<RecurrenceOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& aIn, const at::Tensor& bIn, const MaybeTensor& firstIn) {
    const at::Tensor a = aIn.contiguous(), b = bIn.contiguous(), first = firstIn ? firstIn->contiguous() : at::Tensor();
    if (placeOf(bIn).gpu)
      throw Error(ExitCode::BadConfiguration, "a plain linear recurrence runs on the CPU only, use device: cpu (selective_scan runs on a card)");
    checkRows(a, "a of the recurrence");
    checkRows(b, "b of the recurrence");
    const std::int64_t B = b.size(0), T = b.size(1), D = b.size(2);
    SERP_CHECK(a.size(-1) == D && (a.dim() == 1 || a.sizes() == b.sizes()), "a and b of the recurrence do not fit");
    const at::Tensor y = at::empty_like(b);
    forEachStrip(B, D, [&](std::int64_t batch, std::int64_t c, std::int64_t n) {
      const float* before = first.defined() ? data(first) + batch * D + c : nullptr;
      for (std::int64_t t = 0; t < T; ++t) {
        const std::int64_t row = batch * T + t;
        const float *av = rowOf(a, row, D) + c, *bv = data(b) + row * D + c;
        float* to = out(y) + row * D + c;
        for (std::int64_t i = 0; i < n; ++i) to[i] = before != nullptr ? av[i] * before[i] + bv[i] : bv[i];
        before = to;
      }
    });
    ctx->save_for_backward({a, y, first});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &a = saved[0], &y = saved[1], &first = saved[2], dy = grads[0].contiguous();
    const std::int64_t B = y.size(0), T = y.size(1), D = y.size(2);
    const at::Tensor db = at::empty_like(y), da = at::empty_like(y);
    forEachStrip(B, D, [&](std::int64_t batch, std::int64_t c, std::int64_t n) {
      for (std::int64_t t = T - 1; t >= 0; --t) {
        const std::int64_t row = batch * T + t;
        float *l = out(db) + row * D + c, *to = out(da) + row * D + c;
        const float* g = data(dy) + row * D + c;
        const float* before = t > 0 ? data(y) + (row - 1) * D + c : first.defined() ? data(first) + batch * D + c : nullptr;
        const float *next = t + 1 < T ? l + D : nullptr, *decay = t + 1 < T ? rowOf(a, row + 1, D) + c : nullptr;
        for (std::int64_t i = 0; i < n; ++i) {
          l[i] = next != nullptr ? g[i] + decay[i] * next[i] : g[i];
          to[i] = before != nullptr ? l[i] * before[i] : 0.0f;
        }
      }
    });
    return {a.dim() == 1 ? da.sum(at::IntArrayRef({0, 1})) : da, db, at::Tensor()};
  }
};

}  // namespace

at::Tensor recurrence(const at::Tensor& a, const at::Tensor& b, const at::Tensor& first) {
  return b.is_cpu() ? RecurrenceOp::apply(a, b, maybe(first)) : recurrencePlain(a, b, first);
}

at::Tensor recurrencePlain(const at::Tensor& a, const at::Tensor& b, const at::Tensor& first) {
  std::vector<at::Tensor> rows;
  at::Tensor before = first;
  for (std::int64_t t = 0; t < b.size(1); ++t) {
    const at::Tensor now = b.select(1, t);
    before = before.defined() ? at::add(at::mul(a.dim() == 1 ? a : a.select(1, t), before), now) : now;
    rows.push_back(before);
  }
  return at::stack(rows, 1);
}

}  // namespace serp::ops
