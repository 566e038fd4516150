// SPDX-License-Identifier: GPL-3.0-or-later
// Temperature, top-k and top-p over one row of logits; the draw comes from a counter-based generator.
#include "engine/model/sampler.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/base/error.h"
#include "engine/model/recorded_decoding.h"
#include "engine/ops/device_kernels.h"

namespace serp {

Sampling clamped(Sampling s) {
  s.tokens = std::clamp<std::int64_t>(s.tokens, 0, 1'000'000);
  if (!(s.temperature >= 0)) s.temperature = 0;
  s.temperature = std::min(s.temperature, 100.0);
  s.topK = std::max<std::int64_t>(0, s.topK);
  if (!(s.topP > 0) || s.topP > 1) s.topP = 1;
  return s;
}

std::int32_t drawToken(std::span<const float> logits, const Sampling& s, double draw) {
  const auto best = static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  if (s.temperature <= 0 || !std::isfinite(logits[static_cast<std::size_t>(best)])) return best;
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return logits[a] > logits[b]; });
  if (s.topK > 0 && s.topK < static_cast<std::int64_t>(order.size())) order.resize(static_cast<std::size_t>(s.topK));
  std::vector<double> p(order.size());
  double sum = 0;
  for (std::size_t i = 0; i < order.size(); ++i) sum += p[i] = std::exp((logits[order[i]] - logits[best]) / s.temperature);
  if (s.topP < 1) {
    double reached = 0;
    std::size_t keep = 0;
    while (keep < p.size() && reached < s.topP * sum) reached += p[keep++];
    p.resize(std::max<std::size_t>(1, keep));
    sum = std::accumulate(p.begin(), p.end(), 0.0);
  }
  double left = draw * sum;
  for (std::size_t i = 0; i < p.size(); ++i)
    if ((left -= p[i]) < 0) return order[i];
  return order[p.size() - 1];
}

std::vector<std::int32_t> sample(LanguageModel& model, const std::vector<std::int32_t>& prompt, const Sampling& settings,
                                 const std::function<bool(std::int32_t)>& each) {
  const Sampling s = clamped(settings);
  SERP_CHECK(!prompt.empty(), "a prompt needs at least one token");
  const c10::NoGradGuard noGrad;
  DecodeState state = model.start(1);
  RecordedDecoding decoding(model, state, s.record);
  std::vector<std::int64_t> input(prompt.begin(), prompt.end());
  std::vector<std::int32_t> drawn;
  while (static_cast<std::int64_t>(drawn.size()) < s.tokens) {
    const auto length = static_cast<std::int64_t>(input.size());
    const at::Tensor ids = at::from_blob(input.data(), {1, length}, at::TensorOptions().dtype(at::kLong));
    StepContext ctx;
    const at::Tensor all = length == 1 ? decoding.advance(ids) : model.advance(ids, state, ctx);
    const at::Tensor last = ops::onHost(all.narrow(0, length - 1, 1)).contiguous();
    const std::span<const float> row(last.const_data_ptr<float>(), static_cast<std::size_t>(model.vocab()));
    const double draw = static_cast<double>(mixSeed(s.seed, "draw " + std::to_string(drawn.size())) >> 11) * 0x1.0p-53;
    const std::int32_t id = drawToken(row, s, draw);
    drawn.push_back(id);
    if (each && !each(id)) break;
    input.assign(1, id);
  }
  return drawn;
}

}  // namespace serp
