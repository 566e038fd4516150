// SPDX-License-Identifier: GPL-3.0-or-later
// Rows go to a buffer in which each expert has its own part, through products per expert, and back.
#include "engine/ops/experts_device.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "engine/ops/device_calls.h"
#include "engine/ops/products.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Without a capacity and up to so many choices, copying one expert's weights per choice is cheaper than asking how many each got.
constexpr std::int64_t kFewChoices = 16;

const std::int32_t* ints(const at::Tensor& t) { return t.const_data_ptr<std::int32_t>(); }

/// The rows of the buffer: expert e owns [e * each, (e + 1) * each), or, for each = 0, [offsets[e], offsets[e + 1]).
struct Rows {
  std::int64_t experts = 0, count = 0, each = 0;
  std::vector<std::int64_t> offsets;
  at::Tensor tokenOfRow, choiceOfRow, rowOfChoice;   // int32; -1: empty, dropped

  template <class Body>
  void forEach(const Body& body) const {
    for (std::int64_t e = 0; e < experts; ++e) body(e, offsets[e], offsets[e + 1] - offsets[e]);
  }
  /// [count, a] times w [E, a, b] or its transpose → [count, b].
  at::Tensor times(const at::Tensor& rows, const at::Tensor& w, bool transposed) const {
    const at::Tensor by = transposed ? w.transpose(1, 2) : w;
    if (each > 0) return batchedProduct(rows.view({experts, each, rows.size(1)}), by).view({count, by.size(2)});
    at::Tensor result = at::empty({count, by.size(2)}, rows.options());
    forEach([&](std::int64_t e, std::int64_t first, std::int64_t n) {
      at::Tensor part = result.narrow(0, first, n);
      if (n > 0) multiply(part, rows.narrow(0, first, n), by[e]);
    });
    return result;
  }
  /// For each expert the sum over its rows of outer products: [count, a], [count, b] → [E, a, b].
  at::Tensor outer(const at::Tensor& left, const at::Tensor& right) const {
    const std::int64_t a = left.size(1), b = right.size(1);
    if (each > 0) return batchedProduct(left.view({experts, each, a}).transpose(1, 2), right.view({experts, each, b}));
    at::Tensor result = at::empty({experts, a, b}, left.options());
    forEach([&](std::int64_t e, std::int64_t first, std::int64_t n) {
      at::Tensor part = result[e];
      if (n > 0) multiply(part, left.narrow(0, first, n).t(), right.narrow(0, first, n));
      else part.zero_();
    });
    return result;
  }
  at::Tensor gather(const at::Tensor& x) const {
    const at::Tensor rows = at::empty({count, x.size(1)}, x.options());
    gpu::gatherRows(data(x), x.stride(0), x.size(1), ints(tokenOfRow), count, out(rows));
    return rows;
  }
  at::Tensor combine(const at::Tensor& rows, const at::Tensor& weight) const {
    const at::Tensor y = at::empty({rowOfChoice.size(0), rows.size(1)}, rows.options());
    gpu::combineRows(data(rows), rows.size(1), ints(rowOfChoice), data(weight), rowOfChoice.size(0), rowOfChoice.size(1), out(y));
    return y;
  }
};

Rows rowsOf(const Assignment& a) {
  Rows r;
  r.experts = a.experts;
  if (a.dropless || a.slots == 0) {  // every choice has a slot, so slots without gaps are the rows
    r.count = a.tokens * a.topK;
    const at::Tensor offsets = onHost(a.counts.narrow(0, 0, a.experts + 1));
    r.offsets.assign(offsets.const_data_ptr<std::int64_t>(), offsets.const_data_ptr<std::int64_t>() + a.experts + 1);
    r.tokenOfRow = a.tokenOfSlot;
    r.choiceOfRow = a.choiceOfSlot;
    r.rowOfChoice = a.slotOfChoice;
    return r;
  }
  r.each = std::max<std::int64_t>(1, a.most);
  r.count = r.experts * r.each;
  const auto table = [&](at::IntArrayRef sizes) { return at::empty(sizes, a.tokenOfSlot.options()); };
  const auto here = [](const at::Tensor& t) { return t.mutable_data_ptr<std::int32_t>(); };
  r.tokenOfRow = table({r.count});
  r.choiceOfRow = table({r.count});
  r.rowOfChoice = table({a.tokens, a.topK});
  kernels::RouteOutput routed;
  routed.offsets = a.counts.mutable_data_ptr<std::int64_t>();
  routed.expert = here(a.expert);
  routed.slotOfChoice = here(a.slotOfChoice);
  routed.tokenOfSlot = here(a.tokenOfSlot);
  routed.choiceOfSlot = here(a.choiceOfSlot);
  gpu::capacityPlaces(a.tokens, a.experts, a.topK, r.each, routed, here(r.rowOfChoice), here(r.tokenOfRow), here(r.choiceOfRow));
  return r;
}

struct ExpertsThereOp : torch::autograd::Function<ExpertsThereOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& xIn, const at::Tensor& gateIn, const at::Tensor& w1,
                            const MaybeTensor& maybeW3, const at::Tensor& w2, const Assignment* a, int64_t activation) {
    const at::Tensor w3 = orUndefined(maybeW3), x = xIn.contiguous(), gate = gateIn.contiguous();
    checkRows(x, "experts x");
    const auto act = static_cast<Activation>(activation);
    const Rows r = rowsOf(*a);
    const at::Tensor rows = r.gather(x);                                  // [R, d]
    const at::Tensor pre = r.times(rows, w1, false);                      // [R, f]
    const at::Tensor up = w3.defined() ? r.times(rows, w3, false) : at::Tensor();
    const at::Tensor hidden = activateThere(pre, up, act);
    const at::Tensor result = r.times(hidden, w2, false);                 // [R, o]
    ctx->save_for_backward({rows, gate, w1, w3, w2, hidden, pre, up, result});
    ctx->saved_data["activation"] = activation;
    ctx->saved_data["tables"] = at::IValue(std::vector<at::Tensor>{r.tokenOfRow, r.choiceOfRow, r.rowOfChoice});
    ctx->saved_data["each"] = r.each;
    ctx->saved_data["offsets"] = at::IValue(r.offsets);
    return r.combine(result, gate);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor &rows = s[0], &gate = s[1], &w1 = s[2], &w3 = s[3], &w2 = s[4], &hidden = s[5], &pre = s[6], &up = s[7], &result = s[8];
    const auto act = static_cast<Activation>(ctx->saved_data["activation"].toInt());
    const auto tables = ctx->saved_data["tables"].toTensorVector();
    Rows r;
    r.experts = w1.size(0);
    r.count = rows.size(0);
    r.each = ctx->saved_data["each"].toInt();
    r.offsets = ctx->saved_data["offsets"].toIntVector();
    r.tokenOfRow = tables[0], r.choiceOfRow = tables[1], r.rowOfChoice = tables[2];
    const at::Tensor dy = grads[0].contiguous(), dResult = at::empty_like(result), dGate = at::empty_like(gate);
    gpu::combineRowsBackward(data(result), result.size(1), ints(r.tokenOfRow), ints(r.choiceOfRow), ints(r.rowOfChoice), data(gate),
                             gate.size(0), gate.size(1), r.count, data(dy), out(dResult), out(dGate));
    const at::Tensor dw2 = r.outer(hidden, dResult);
    const auto [dPre, dUp] = activateBackwardThere(r.times(dResult, w2, true), pre, up, act);
    const at::Tensor dw1 = r.outer(rows, dPre);
    at::Tensor dRows = r.times(dPre, w1, true), dw3;
    if (w3.defined()) {
      dw3 = r.outer(rows, dUp);
      dRows.add_(r.times(dUp, w3, true));
    }
    return {r.combine(dRows, at::Tensor()), dGate, dw1, dw3, dw2, at::Tensor(), at::Tensor()};
  }
};

/// Each choice with a copy of its expert's weights. No gradient.
at::Tensor fewChoices(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& w1, const at::Tensor& w3, const at::Tensor& w2,
                      const Assignment& a, Activation activation) {
  const at::Tensor expert = a.expert.view({-1}).to(at::kLong);
  const auto times = [&](const at::Tensor& rows, const at::Tensor& w) { return batchedProduct(rows, w.index_select(0, expert)); };
  const at::Tensor rows = x.unsqueeze(1).expand({a.tokens, a.topK, x.size(1)}).reshape({a.tokens * a.topK, 1, x.size(1)});
  at::Tensor hidden = activate(times(rows, w1), activation);
  if (w3.defined()) hidden.mul_(times(rows, w3));
  return times(hidden, w2).view({a.tokens, a.topK, -1}).mul(gate.unsqueeze(2)).sum(1);
}

}  // namespace

at::Tensor batchedProduct(const at::Tensor& a, const at::Tensor& b) {
  if (precision() == Precision::Float32) return at::bmm(a, b);
  return at::bmm(a.to(at::kBFloat16), b.to(at::kBFloat16)).to(at::kFloat);
}

at::Tensor expertsThere(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& w1, const at::Tensor& w3, const at::Tensor& w2,
                        const Assignment& assignment, Activation activation) {
  if (!c10::GradMode::is_enabled() && assignment.dropless && assignment.tokens > 0 && assignment.tokens * assignment.topK <= kFewChoices)
    return fewChoices(x, gate, w1, w3, w2, assignment, activation);
  return ExpertsThereOp::apply(x, gate, w1, maybe(w3), w2, &assignment, static_cast<int64_t>(activation));
}

}  // namespace serp::ops
