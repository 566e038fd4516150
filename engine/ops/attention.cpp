// SPDX-License-Identifier: GPL-3.0-or-later
// The attention op: forward keeps the projection, its own result and one log-sum per query.
#include "engine/ops/attention.h"

#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/ops/kernel_calls.h"
#include "engine/ops/products.h"
#include "engine/ops/rope.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Problem {
  kernels::AttentionShape shape;
  kernels::AttentionInput input;

  Problem(const at::Tensor& qkv, std::int64_t heads, std::int64_t keyHeads, double base, std::int64_t window) {
    shape.batch = qkv.size(0);
    shape.length = qkv.size(1);
    shape.heads = heads;
    shape.keyHeads = keyHeads;
    shape.width = qkv.size(2) / (heads + 2 * keyHeads);
    shape.window = window;
    shape.narrow = precision() == Precision::Bfloat16;
    const Angles& angles = rotaryAngles(shape.length, shape.width, base, 0);
    shape.half = angles.half;
    const auto part = [&](int i) { return kernels::HeadsView{data(qkv) + offset(i), qkv.size(2), headStride()}; };
    input = {part(0), part(1), part(2), angles.cosines.data(), angles.sines.data()};
  }
  /// Where q, k and v begin in a row, and how far the heads of each lie apart.
  std::int64_t offset(int part) const {
    if (shape.heads == shape.keyHeads) return part * shape.width;
    return part == 0 ? 0 : (shape.heads + (part - 1) * shape.keyHeads) * shape.width;
  }
  std::int64_t headStride() const { return (shape.heads == shape.keyHeads ? 3 : 1) * shape.width; }
  kernels::HeadsView heads(const at::Tensor& t) const { return {data(t), shape.heads * shape.width, shape.width}; }
};

struct AttentionOp : torch::autograd::Function<AttentionOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkvIn, std::int64_t heads, std::int64_t keyHeads, double base,
                            std::int64_t window) {
    const at::Tensor qkv = qkvIn.contiguous();
    checkRows(qkv, "qkv");
    const Problem p(qkv, heads, keyHeads, base, window);
    const std::int64_t d = heads * p.shape.width;
    const at::Tensor y = scratch({p.shape.batch, p.shape.length, d}), logSum = scratch({p.shape.batch, heads, p.shape.length});
    run::attentionForward(p.shape, p.input, {{out(y), d, p.shape.width}, out(logSum)});
    ctx->save_for_backward({qkv, y, logSum});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["keyHeads"] = keyHeads;
    ctx->saved_data["base"] = base;
    ctx->saved_data["window"] = window;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor &qkv = s[0], &y = s[1], &logSum = s[2];
    const Problem p(qkv, ctx->saved_data["heads"].toInt(), ctx->saved_data["keyHeads"].toInt(), ctx->saved_data["base"].toDouble(),
                    ctx->saved_data["window"].toInt());
    const at::Tensor dy = grads[0].contiguous(), dqkv = at::empty_like(qkv);
    const auto part = [&](int i) { return kernels::MutableHeadsView{out(dqkv) + p.offset(i), dqkv.size(2), p.headStride()}; };
    run::attentionBackward(p.shape, p.input, {p.heads(y), p.heads(dy), data(logSum), part(0), part(1), part(2)});
    return {dqkv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool attentionFits(const at::Tensor& qkv, const AttentionOptions& o) {
  return !placeOf(qkv).gpu && qkv.size(2) / (o.heads + 2 * o.keyHeads) <= kernels::kAttentionWidth;
}

at::Tensor attention(const at::Tensor& qkv, const AttentionOptions& o) {
  return AttentionOp::apply(qkv, o.heads, o.keyHeads, o.ropeBase, o.window);
}

}  // namespace serp::ops
