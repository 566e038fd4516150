// SPDX-License-Identifier: GPL-3.0-or-later
// The routing op over kernels::route and kernels::routeBackward.
#include "engine/ops/routing.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "engine/ops/device_calls.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"

namespace serp::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;


struct Losses { at::Tensor balance, zLoss, columnGrad; };

/// The decision and both losses on a card, without a look at them.
Losses routeThere(const Place& place, const kernels::RouteShape& s, const at::Tensor& logits, kernels::RouteOutput& o, Assignment& a,
                  const at::Tensor& lse) {
  a.counts = scratch(place, {2 * s.experts + 1}, at::kLong);
  a.slots = s.tokens * s.topK;
  o.offsets = a.counts.mutable_data_ptr<std::int64_t>();
  o.assigned = o.offsets + s.experts + 1;
  gpu::route(s, data(logits), o);
  const double T = static_cast<double>(std::max<int64_t>(1, s.tokens));
  const at::Tensor mean = s.tokens > 0 ? scratch(place, {s.experts}) : at::zeros({s.experts}, logits.options());
  gpu::routeMeanProbability(place, s.tokens, s.experts, data(a.probabilities), out(mean));
  const at::Tensor weight = a.counts.narrow(0, s.experts + 1, s.experts)
                                .mul(static_cast<double>(s.experts) / (T * static_cast<double>(s.topK)));  // [E] E f_e
  return {weight.mul(mean).sum(), lse.square().sum().div(T), weight.div(T)};
}

struct RouteOp : torch::autograd::Function<RouteOp> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& logitsIn, int64_t topK, int64_t groupSize, int64_t capacity,
                               Assignment* a) {
    const at::Tensor logits = logitsIn.contiguous();
    checkRows(logits, "router logits");
    const int64_t T = logits.size(0), E = logits.size(1);
    const Place place = placeOf(logits);
    const auto ints = [&](at::IntArrayRef sizes) { return scratch(place, sizes, at::kInt); };
    a->tokens = T;
    a->experts = E;
    a->topK = topK;
    a->dropless = capacity == 0;
    a->most = capacity == 0 ? T : std::min(T, capacity * (groupSize > 0 ? T / groupSize : 1));
    a->expert = ints({T, topK});
    a->slotOfChoice = ints({T, topK});
    a->tokenOfSlot = ints({T * topK});
    a->choiceOfSlot = ints({T * topK});
    a->probabilities = scratch(place, {T, E});
    const at::Tensor gate = scratch(place, {T, topK}), lse = scratch(place, {T});
    kernels::RouteOutput o;
    o.probabilities = out(a->probabilities);
    o.expert = a->expert.mutable_data_ptr<std::int32_t>();
    o.gate = out(gate);
    o.slotOfChoice = a->slotOfChoice.mutable_data_ptr<std::int32_t>();
    o.tokenOfSlot = a->tokenOfSlot.mutable_data_ptr<std::int32_t>();
    o.choiceOfSlot = a->choiceOfSlot.mutable_data_ptr<std::int32_t>();
    o.logSumExp = out(lse);
    ctx->saved_data["k"] = topK;
    ctx->set_materialize_grads(false);
    if (place.gpu) {
      const auto losses = routeThere(place, {T, E, topK, groupSize, capacity}, logits, o, *a, lse);
      ctx->save_for_backward({a->probabilities, a->expert, losses.columnGrad, lse});
      return {gate, losses.balance, losses.zLoss};
    }
    a->offsets.assign(static_cast<size_t>(E) + 1, 0);
    a->assigned.assign(static_cast<size_t>(E), 0);
    o.offsets = a->offsets.data();
    o.assigned = a->assigned.data();
    run::route({T, E, topK, groupSize, capacity}, data(logits), o);
    a->slots = a->offsets.back();

    const at::Tensor mean = scratch({E});
    require(kernels::routeMeanProbability(T, E, data(a->probabilities), out(mean), torchParallel()), "route");
    const at::Tensor balance = scratch({}), zLoss = scratch({}), columnGrad = scratch({E});
    double sum = 0, z = 0;
    const double fairShare = static_cast<double>(E) / static_cast<double>(std::max<int64_t>(1, T * topK));
    for (int64_t e = 0; e < E; ++e) {
      const double weight = fairShare * static_cast<double>(a->assigned[e]);  // E f_e
      sum += weight * data(mean)[e];
      out(columnGrad)[e] = static_cast<float>(weight / static_cast<double>(std::max<int64_t>(1, T)));
    }
    for (int64_t t = 0; t < T; ++t) z += static_cast<double>(data(lse)[t]) * data(lse)[t];
    *out(balance) = static_cast<float>(sum);
    *out(zLoss) = static_cast<float>(z / static_cast<double>(std::max<int64_t>(1, T)));
    ctx->save_for_backward({a->probabilities, a->expert, columnGrad, lse});
    return {gate, balance, zLoss};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const int64_t T = s[0].size(0), E = s[0].size(1), k = ctx->saved_data["k"].toInt();
    const at::Tensor dGate = grads[0].defined() ? grads[0].contiguous() : at::Tensor();
    const Place place = placeOf(s[0]);
    const at::Tensor dLogits = scratch(place, {T, E});
    if (place.gpu) {
      // The factors of both losses stay on the card: the kernel's own takes the place of 1 / T alone.
      const at::Tensor column = grads[1].defined() ? s[2].mul(grads[1]) : at::Tensor();
      const at::Tensor lse = grads[2].defined() ? s[3].mul(grads[2]) : s[3];
      const float zScale = grads[2].defined() ? 1.0f / static_cast<float>(std::max<int64_t>(1, T)) : 0.0f;
      run::routeBackward(place, T, E, k, data(s[0]), s[1].const_data_ptr<std::int32_t>(), data(dGate), data(column), data(lse), zScale,
                         out(dLogits));
      return {dLogits, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }
    const float dBalance = grads[1].defined() ? grads[1].item<float>() : 0.0f;
    const float dZ = grads[2].defined() ? grads[2].item<float>() : 0.0f;
    const at::Tensor column = dBalance != 0 ? s[2].mul(dBalance) : at::Tensor();
    run::routeBackward(place, T, E, k, data(s[0]), s[1].const_data_ptr<std::int32_t>(), data(dGate), data(column), data(s[3]),
                       dZ / static_cast<float>(std::max<int64_t>(1, T)), out(dLogits));
    return {dLogits, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

Assignment Assignment::here() const {
  if (!there()) return *this;
  Assignment a = *this;
  const at::Tensor both = onHost(counts);
  const auto* value = both.const_data_ptr<int64_t>();
  a.counts = at::Tensor();
  a.offsets.assign(value, value + experts + 1);
  a.assigned.assign(value + experts + 1, value + 2 * experts + 1);
  a.slots = a.offsets.back();
  for (at::Tensor* t : {&a.expert, &a.slotOfChoice, &a.tokenOfSlot, &a.choiceOfSlot, &a.probabilities})
    if (t->defined()) *t = t->cpu();
  return a;
}

Routed route(const at::Tensor& logits, int64_t topK, int64_t groupSize, int64_t capacity) {
  Routed r;
  const auto outputs = RouteOp::apply(logits, topK, groupSize, capacity, &r.assignment);
  r.gate = outputs[0];
  r.balance = outputs[1];
  r.zLoss = outputs[2];
  return r;
}

}  // namespace serp::ops
