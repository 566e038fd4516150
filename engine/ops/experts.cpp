// SPDX-License-Identifier: GPL-3.0-or-later
// Grouped expert products on the CPU: experts are dealt out to threads by load, each product runs on one thread; when one expert
// holds most of the tokens the experts run one after another, each over all threads.
#include "engine/ops/experts.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "engine/ops/experts_device.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/products.h"
#include "engine/ops/parallel.h"
#include "engine/ops/profile.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Runs body(expert, first slot, slots) for every expert that holds tokens.
template <class Body>
void forEachExpert(const std::vector<int64_t>& offsets, const Body& body) {
  const auto experts = static_cast<int64_t>(offsets.size()) - 1;
  const auto count = [&](int64_t e) { return offsets[e + 1] - offsets[e]; };
  std::vector<int64_t> order(static_cast<size_t>(experts));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return count(a) > count(b); });
  const int threads = at::get_num_threads();
  const bool lopsided = experts == 0 || count(order[0]) * threads * 2 > offsets.back() * 3;
  if (threads == 1 || lopsided) {
    for (const int64_t e : order) body(e, offsets[e], count(e));
    return;
  }
  // Largest first onto the least loaded thread; small experts still cost a call, hence the constant.
  std::vector<std::vector<int64_t>> hands(static_cast<size_t>(threads));
  std::vector<int64_t> load(static_cast<size_t>(threads), 0);
  for (const int64_t e : order) {
    const auto least = std::min_element(load.begin(), load.end()) - load.begin();
    hands[least].push_back(e);
    load[least] += count(e) + 4;
  }
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    for (int64_t h = begin; h < end; ++h)
      for (const int64_t e : hands[h]) body(e, offsets[e], count(e));
  });
}

at::Tensor gather(const at::Tensor& x, const Assignment& a) {
  const Timer timer("gather", {0, 0, static_cast<double>(2 * a.slots * x.size(1)) * 4});
  const at::Tensor rows = scratch({a.slots, x.size(1)});
  require(kernels::gatherRows(data(x), x.stride(0), x.size(1), a.tokenOfSlot.const_data_ptr<std::int32_t>(), a.slots, out(rows),
                              torchParallel()),
          "gather");
  return rows;
}

at::Tensor combine(const at::Tensor& rows, const at::Tensor& weight, const Assignment& a) {
  const at::Tensor y = scratch({a.tokens, rows.size(1)});
  run::combineRows(data(rows), rows.size(1), a.slotOfChoice.const_data_ptr<std::int32_t>(), data(weight), a.tokens, a.topK, out(y));
  return y;
}

const char* productName(const char* wide, const char* narrow) { return precision() == Precision::Bfloat16 ? narrow : wide; }

struct ExpertsOp : torch::autograd::Function<ExpertsOp> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& xIn, const at::Tensor& gateIn, const at::Tensor& w1,
                            const MaybeTensor& maybeW3, const at::Tensor& w2, const Assignment* a, int64_t activation) {
    const at::Tensor w3 = orUndefined(maybeW3);
    const at::Tensor x = xIn.contiguous(), gate = gateIn.contiguous();
    checkRows(x, "experts x");
    const auto act = static_cast<Activation>(activation);
    const int64_t f = w1.size(2), o = w2.size(2);
    const bool gated = w3.defined(), keepPre = gated || act != Activation::Relu;
    const at::Tensor rows = gather(x, *a);                       // [S, d]
    const at::Tensor hidden = scratch({a->slots, f});            // after the activation (and gate)
    const at::Tensor pre = keepPre ? scratch({a->slots, f}) : at::Tensor();
    const at::Tensor up = gated ? scratch({a->slots, f}) : at::Tensor();
    const at::Tensor result = scratch({a->slots, o});
    const double perSlot = 2.0 * static_cast<double>(x.size(1) * f * (gated ? 2 : 1) + f * o);
    const Timer timer(productName("experts", "experts bfloat16"), {perSlot * static_cast<double>(a->slots), 0, 0});
    forEachExpert(a->offsets, [&](int64_t e, int64_t first, int64_t n) {
      if (n == 0) return;
      const at::Tensor xe = rows.narrow(0, first, n);
      at::Tensor he = hidden.narrow(0, first, n), ye = result.narrow(0, first, n);
      if (!keepPre) {
        ProductOptions rectified;
        rectified.relu = true;
        multiply(he, xe, w1[e], rectified);
      } else {
        at::Tensor pe = pre.narrow(0, first, n);
        multiply(pe, xe, w1[e]);
        he.copy_(activate(pe, act));
        if (gated) {
          at::Tensor ue = up.narrow(0, first, n);
          multiply(ue, xe, w3[e]);
          he.mul_(ue);
        }
      }
      multiply(ye, he, w2[e]);
    });
    ctx->save_for_backward({rows, gate, w1, w3, w2, hidden, pre, up, result});
    ctx->saved_data["activation"] = activation;
    ctx->saved_data["assignment"] = at::IValue(a->offsets);
    ctx->saved_data["expertTables"] = at::IValue(std::vector<at::Tensor>{a->tokenOfSlot, a->choiceOfSlot, a->slotOfChoice});
    return combine(result, gate, *a);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const at::Tensor &rows = s[0], &gate = s[1], &w1 = s[2], &w3 = s[3], &w2 = s[4], &hidden = s[5], &pre = s[6], &up = s[7],
                     &result = s[8];
    const auto act = static_cast<Activation>(ctx->saved_data["activation"].toInt());
    const auto tables = ctx->saved_data["expertTables"].toTensorVector();
    Assignment a;
    a.offsets = ctx->saved_data["assignment"].toIntVector();
    a.tokens = gate.size(0);
    a.topK = gate.size(1);
    a.slots = a.offsets.back();
    a.tokenOfSlot = tables[0];
    a.choiceOfSlot = tables[1];
    a.slotOfChoice = tables[2];
    const int64_t o = w2.size(2);
    const at::Tensor dy = grads[0].contiguous();
    const at::Tensor dResult = scratch({a.slots, o}), dGate = at::empty_like(gate);
    run::combineRowsBackward(data(result), o, tables[0].const_data_ptr<std::int32_t>(), tables[1].const_data_ptr<std::int32_t>(),
                             tables[2].const_data_ptr<std::int32_t>(), data(gate), a.tokens, a.topK, a.slots, data(dy), out(dResult),
                             out(dGate));
    const at::Tensor dRows = at::empty_like(rows), dw1 = at::empty_like(w1), dw2 = at::empty_like(w2),
                     dw3 = w3.defined() ? at::empty_like(w3) : at::Tensor();
    const double perSlot = 4.0 * static_cast<double>(rows.size(1) * w1.size(2) * (w3.defined() ? 2 : 1) + w1.size(2) * o);
    const Timer timer(productName("experts backward", "experts backward bfloat16"), {perSlot * static_cast<double>(a.slots), 0, 0});
    forEachExpert(a.offsets, [&](int64_t e, int64_t first, int64_t n) {
      at::Tensor dw1e = dw1[e], dw2e = dw2[e];
      if (n == 0) {
        dw1e.zero_();
        dw2e.zero_();
        if (dw3.defined()) dw3[e].zero_();
        return;
      }
      const at::Tensor xe = rows.narrow(0, first, n), he = hidden.narrow(0, first, n), dye = dResult.narrow(0, first, n);
      at::Tensor dxe = dRows.narrow(0, first, n);
      multiply(dw2e, he.t(), dye);
      at::Tensor dHidden = product(dye, w2[e].t());              // [n, f]
      if (!w3.defined()) {
        const at::Tensor dPre = activateBackward(dHidden, pre.defined() ? pre.narrow(0, first, n) : he, act);
        multiply(dw1e, xe.t(), dPre);
        multiply(dxe, dPre, w1[e].t());
        return;
      }
      const at::Tensor pe = pre.narrow(0, first, n), ue = up.narrow(0, first, n);
      at::Tensor dw3e = dw3[e];
      const at::Tensor dUp = at::mul(dHidden, activate(pe, act));
      const at::Tensor dPre = activateBackward(dHidden.mul_(ue), pe, act);
      multiply(dw1e, xe.t(), dPre);
      multiply(dw3e, xe.t(), dUp);
      multiply(dxe, dPre, w1[e].t());
      ProductOptions adding;
      adding.accumulate = true;
      multiply(dxe, dUp, w3[e].t(), adding);
    });
    return {combine(dRows, at::Tensor(), a), dGate, dw1, dw3, dw2, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor experts(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& w1, const at::Tensor& w3, const at::Tensor& w2,
                   const Assignment& assignment, Activation activation) {
  if (assignment.there()) return expertsThere(x, gate, w1, w3, w2, assignment, activation);
  return ExpertsOp::apply(x, gate, w1, maybe(w3), w2, &assignment, static_cast<int64_t>(activation));
}

}  // namespace serp::ops
