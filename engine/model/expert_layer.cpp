// SPDX-License-Identifier: GPL-3.0-or-later
// Building and routing, shared by switch_moe, topk_moe and expert_choice.
#include "engine/model/expert_layer.h"

#include <c10/core/GradMode.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/any.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/device_kernels.h"
#include "engine/ops/linear.h"

namespace serp {

void RoutingObserver::routedThere(const std::string& path, const ops::Assignment& assignment, double capacityFactor,
                                  const at::Tensor& balance, const at::Tensor& z) {
  routed(path, assignment.here(), capacityFactor, static_cast<float>(ops::readBack(balance)[0]), static_cast<float>(ops::readBack(z)[0]));
}

ExpertWeights makeExpertWeights(const BuildingSite& site,
                                const std::function<at::Tensor(std::string, at::Tensor, ParameterRole)>& add) {
  const ParamSet& p = site.node.params;
  const auto E = p.integer("experts"), f = p.integer("d_expert"), d = site.node.in, o = site.node.out;
  const double scale = p.real("init_scale");
  const auto draw = [&](const char* name, at::IntArrayRef sizes, double fanIn) {
    return add(name, site.init.truncated(site.node.path + "." + name, sizes, scale, fanIn), ParameterRole::Matrix);
  };
  ExpertWeights w;
  w.activation = ops::activationByName(p.text("activation"));
  w.router = draw("router.weight", {E, d}, static_cast<double>(d));
  w.w1 = draw("w1", {E, d, f}, static_cast<double>(d));
  if (p.boolean("gated")) w.w3 = draw("w3", {E, d, f}, static_cast<double>(d));
  w.w2 = draw("w2", {E, f, o}, static_cast<double>(E * f));
  return w;
}

ops::Routed routeTokens(const std::string& path, const at::Tensor& rows, const at::Tensor& router, std::int64_t topK,
                        std::int64_t groupSize, double capacityFactor, const RouterSettings& settings, StepContext& ctx) {
  const auto E = router.size(0);
  at::Tensor logits = ops::linear32(rows, router);  // [T, E]
  if (ctx.training && settings.jitter > 0) {
    at::Tensor noise;
    {
      const c10::NoGradGuard noGrad;
      at::Tensor drawn = at::empty(logits.sizes(), at::TensorOptions().dtype(at::kFloat));  // on the host: the same noise on every device
      drawn.normal_(0, settings.jitter, at::detail::createCPUGenerator(mixSeed(ctx.seed, path)));
      if (logits.is_cuda()) drawn = drawn.pin_memory().to(logits.device(), true);
      noise = drawn;
    }
    logits = logits.add(noise);
  }
  const auto capacity = capacityFactor > 0
                            ? std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(
                                                            capacityFactor * static_cast<double>(groupSize) / static_cast<double>(E))))
                            : 0;
  ops::Routed routed = ops::route(logits, std::min(topK, E), groupSize, capacity);
  if (ctx.training) {
    ctx.balance.push_back(routed.balance.mul(settings.balance));
    if (settings.zLoss > 0) ctx.zLoss.push_back(routed.zLoss.mul(settings.zLoss));
  }
  if (routed.assignment.there()) {
    ctx.zThere.push_back(routed.zLoss.detach());
    if (ctx.routing) ctx.routing->routedThere(path, routed.assignment, capacityFactor, routed.balance.detach(), ctx.zThere.back());
    return routed;
  }
  const float z = routed.zLoss.item<float>();  // on the CPU a plain read
  ctx.zRaw.push_back(z);
  if (ctx.routing) ctx.routing->routed(path, routed.assignment, capacityFactor, routed.balance.item<float>(), z);
  return routed;
}

namespace {

/// reportChoice() on a card, without a look at the decision.
void reportThere(const std::string& path, const at::Tensor& logits, const at::Tensor& byExpert, RoutingObserver& observer) {
  ops::Assignment a;
  const std::int64_t T = logits.size(0), E = byExpert.size(0), n = byExpert.size(1);
  a.tokens = T;
  a.experts = E;
  a.slots = E * n;
  a.counts = at::cat({at::arange(E + 1, byExpert.options()).mul(n), at::full({E}, n, byExpert.options())});
  const at::Tensor nothing = at::zeros({}, logits.options());
  if (observer.wantsTables()) {
    a.probabilities = logits.softmax(1);
    // Slots by expert and token: one expert takes a token once, so no two writes meet.
    const at::Tensor slots = at::full({E, T}, -1, byExpert.options()).scatter(1, byExpert, at::arange(E * n, byExpert.options()).view({E, n}));
    const at::Tensor taken = slots.ge(0).t(), among = at::where(taken, a.probabilities, nothing.sub(1));           // [T, E]
    a.expert = at::where(taken.any(1), among.argmax(1), a.probabilities.argmax(1)).to(at::kInt).view({T, 1});
    a.slotOfChoice = slots.amax(0).to(at::kInt).view({T, 1});
  }
  observer.routedThere(path, a, 0, nothing, nothing);
}

}  // namespace

void reportChoice(const std::string& path, const at::Tensor& logitsIn, const at::Tensor& byExpert, std::int64_t experts,
                  RoutingObserver& observer) {
  const c10::NoGradGuard noGrad;
  const at::Tensor logits = logitsIn.detach();
  if (ops::placeOf(logits).gpu) return reportThere(path, logits, byExpert, observer);
  ops::Assignment a;
  const std::int64_t T = logits.size(0), n = byExpert.size(1);
  a.tokens = T;
  a.experts = experts;
  a.topK = 1;
  a.probabilities = logits.softmax(1).contiguous();
  a.expert = at::empty({T, 1}, at::TensorOptions().dtype(at::kInt));
  a.slotOfChoice = at::empty({T, 1}, at::TensorOptions().dtype(at::kInt));
  a.assigned.assign(static_cast<std::size_t>(experts), n);
  a.offsets.resize(static_cast<std::size_t>(experts) + 1);
  for (std::int64_t e = 0; e <= experts; ++e) a.offsets[e] = e * n;
  a.slots = experts * n;
  auto* expert = a.expert.mutable_data_ptr<std::int32_t>();
  auto* slot = a.slotOfChoice.mutable_data_ptr<std::int32_t>();
  const auto* p = a.probabilities.const_data_ptr<float>();
  for (std::int64_t t = 0; t < T; ++t) {
    expert[t] = static_cast<std::int32_t>(std::max_element(p + t * experts, p + (t + 1) * experts) - (p + t * experts));
    slot[t] = -1;
  }
  const at::Tensor flat = byExpert.contiguous();
  const auto* taken = flat.const_data_ptr<std::int64_t>();
  for (std::int64_t e = 0; e < experts; ++e)
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t t = taken[e * n + i];
      if (slot[t] < 0 || p[t * experts + e] > p[t * experts + expert[t]]) expert[t] = static_cast<std::int32_t>(e);
      slot[t] = static_cast<std::int32_t>(e * n + i);
    }
  observer.routed(path, a, 0, 0, 0);
}

}  // namespace serp
