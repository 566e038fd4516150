// SPDX-License-Identifier: GPL-3.0-or-later
// Routing with a softmax in doubles, and the one definition of choice and position that every path shares.
#include "kernels/routing.h"

#include <algorithm>
#include <cmath>

#include "kernels/reference/plain.h"

namespace serp::kernels::detail {

void chooseExperts(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o,
                   std::int64_t begin, std::int64_t end) noexcept {
  for (std::int64_t t = begin; t < end; ++t) {
    const float* row = logits + t * stride;
    std::int32_t* expert = o.expert + t * s.topK;
    for (std::int64_t j = 0; j < s.topK; ++j) {
      // The best of what comes after the last choice in the order (value descending, index ascending).
      const std::int64_t last = j > 0 ? expert[j - 1] : -1;
      std::int64_t best = -1;
      for (std::int64_t e = 0; e < s.experts; ++e) {
        if (j > 0 && !(row[e] < row[last] || (row[e] == row[last] && e > last))) continue;
        if (best < 0 || row[e] > row[best]) best = e;
      }
      // NaN logits have no order: the lowest expert not yet taken, so that indices stay valid and distinct.
      const auto taken = [&](std::int64_t e) {
        return std::find(expert, expert + j, static_cast<std::int32_t>(e)) != expert + j;
      };
      if (best < 0 || std::isnan(row[best]))
        for (best = 0; taken(best);) ++best;
      expert[j] = static_cast<std::int32_t>(best);
      if (o.gate) o.gate[t * s.topK + j] = o.probabilities[t * s.experts + best];
    }
  }
}

void assignSlots(const RouteShape& s, const RouteOutput& o, std::int64_t* used) noexcept {
  const std::int64_t group = s.groupSize > 0 ? s.groupSize : s.tokens, E = s.experts, k = s.topK;
  std::fill(o.assigned, o.assigned + E, 0);
  std::fill(o.offsets, o.offsets + E + 1, 0);
  // Pass 1: who is kept, and how many each expert keeps.
  for (std::int64_t first = 0; first < s.tokens; first += group) {
    std::fill(used, used + E, 0);
    for (std::int64_t i = first * k; i < (first + group) * k; ++i) {
      const std::int64_t e = o.expert[i];
      ++o.assigned[e];
      const bool kept = s.capacity == 0 || used[e] < s.capacity;
      used[e] += kept;
      o.offsets[e + 1] += kept;
      o.slotOfChoice[i] = kept ? 0 : -1;
    }
  }
  for (std::int64_t e = 0; e < E; ++e) o.offsets[e + 1] += o.offsets[e];
  // Pass 2: slots in order of expert, then arrival.
  std::copy(o.offsets, o.offsets + E, used);
  for (std::int64_t i = 0; i < s.tokens * k; ++i) {
    if (o.slotOfChoice[i] < 0) continue;
    const auto slot = static_cast<std::int32_t>(used[o.expert[i]]++);
    o.slotOfChoice[i] = slot;
    o.tokenOfSlot[slot] = static_cast<std::int32_t>(i / k);
    o.choiceOfSlot[slot] = static_cast<std::int32_t>(i);
  }
  for (std::int64_t slot = o.offsets[E]; slot < s.tokens * k; ++slot) o.tokenOfSlot[slot] = o.choiceOfSlot[slot] = -1;
}

}  // namespace serp::kernels::detail

namespace serp::kernels::reference {

Status route(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o) noexcept {
  if (s.experts > kMaxExperts) return Status::BadShape;
  for (std::int64_t t = 0; t < s.tokens; ++t) {
    const float* row = logits + t * stride;
    double top = row[0], sum = 0;
    for (std::int64_t e = 1; e < s.experts; ++e) top = std::max(top, static_cast<double>(row[e]));
    for (std::int64_t e = 0; e < s.experts; ++e) sum += std::exp(row[e] - top);
    for (std::int64_t e = 0; e < s.experts; ++e)
      o.probabilities[t * s.experts + e] = static_cast<float>(std::exp(row[e] - top) / sum);
    if (o.logSumExp) o.logSumExp[t] = static_cast<float>(top + std::log(sum));
  }
  detail::chooseExperts(s, logits, stride, o, 0, s.tokens);
  std::int64_t used[kMaxExperts];
  detail::assignSlots(s, o, used);
  return Status::Ok;
}

}  // namespace serp::kernels::reference
