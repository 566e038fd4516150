// SPDX-License-Identifier: GPL-3.0-or-later
// Token-choice routing on the CPU. Choosing is parallel over tokens; positions are one cheap ordered pass, so the result does not
// depend on the thread count.
#include "kernels/routing.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/table.h"

namespace serp::kernels {
namespace {

constexpr std::int64_t kGrain = 64;

Status check(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o) {
  if (s.tokens < 0 || s.experts < 1 || s.topK < 1 || s.topK > s.experts || s.capacity < 0) return Status::BadShape;
  if (s.groupSize < 0 || (s.groupSize > 0 && s.tokens % s.groupSize != 0)) return Status::BadShape;
  if (!logits || stride < s.experts || !o.probabilities || !o.expert || !o.gate || !o.slotOfChoice || !o.tokenOfSlot ||
      !o.choiceOfSlot || !o.offsets || !o.assigned)
    return Status::BadArgument;
  return Status::Ok;
}

/// The k largest of a row in descending order, ties to the lower index.
void chooseRow(const float* p, std::int64_t experts, std::int64_t k, std::int32_t* expert, float* gate) {
  for (std::int64_t j = 0; j < k; ++j) {
    std::int64_t best = -1;
    for (std::int64_t e = 0; e < experts; ++e) {
      if (std::find(expert, expert + j, static_cast<std::int32_t>(e)) != expert + j) continue;
      if (best < 0 || p[e] > p[best]) best = e;
    }
    expert[j] = static_cast<std::int32_t>(best);
    gate[j] = p[best];
  }
}

}  // namespace

namespace detail {

/// First-come positions; `used` [E] is scratch. Shared with the reference, which differs in how probabilities are computed.
void assignSlots(const RouteShape& s, const RouteOutput& o, std::int64_t* used) {
  const std::int64_t group = s.groupSize > 0 ? s.groupSize : std::max<std::int64_t>(1, s.tokens), E = s.experts, k = s.topK;
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

void chooseAll(const RouteShape& s, const RouteOutput& o, const ParallelFor& parallel) {
  parallel(s.tokens, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      chooseRow(o.probabilities + t * s.experts, s.experts, s.topK, o.expert + t * s.topK, o.gate + t * s.topK);
  });
}

}  // namespace detail

std::int64_t routeWorkspace(const RouteShape& s, int) noexcept { return s.experts * static_cast<std::int64_t>(sizeof(std::int64_t)); }

Status route(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o, void* workspace,
             const ParallelFor& p) noexcept {
  if (const Status status = check(s, logits, stride, o); status != Status::Ok) return status;
  if (!workspace) return Status::BadArgument;
  if (useReference()) return reference::route(s, logits, stride, o);
  activeTable().softmaxRows(s.tokens, s.experts, logits, stride, o.probabilities, o.logSumExp, p);
  detail::chooseAll(s, o, p);
  detail::assignSlots(s, o, static_cast<std::int64_t*>(workspace));
  return Status::Ok;
}

Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities, float* mean,
                            const ParallelFor& parallel) noexcept {
  if (tokens < 0 || experts < 1) return Status::BadShape;
  if (!probabilities || !mean) return Status::BadArgument;
  parallel(experts, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t e = begin; e < end; ++e) {
      double total = 0;
      for (std::int64_t t = 0; t < tokens; ++t) total += probabilities[t * experts + e];
      mean[e] = tokens > 0 ? static_cast<float>(total / static_cast<double>(tokens)) : 0.0f;
    }
  });
  return Status::Ok;
}

Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities, const std::int32_t* expert,
                     const float* dGate, const float* columnGrad, const float* logSumExp, float zScale, float* dLogits,
                     const ParallelFor& parallel) noexcept {
  if (tokens < 0 || experts < 1 || topK < 1) return Status::BadShape;
  if (!probabilities || !expert || !dGate || !dLogits || (zScale != 0 && !logSumExp)) return Status::BadArgument;
  parallel(tokens, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* P = probabilities + t * experts;
      float* d = dLogits + t * experts;
      for (std::int64_t e = 0; e < experts; ++e) d[e] = columnGrad ? columnGrad[e] : 0.0f;
      for (std::int64_t j = 0; j < topK; ++j) d[expert[t * topK + j]] += dGate[t * topK + j];
      float mean = 0;
      for (std::int64_t e = 0; e < experts; ++e) mean += P[e] * d[e];
      const float z = zScale != 0 ? 2 * zScale * logSumExp[t] : 0.0f;
      for (std::int64_t e = 0; e < experts; ++e) d[e] = P[e] * (d[e] - mean + z);
    }
  });
  return Status::Ok;
}

Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot, std::int64_t slots, float* rows,
                  const ParallelFor& parallel) noexcept {
  if (width < 0 || slots < 0) return Status::BadShape;
  if (slots > 0 && (!x || !tokenOfSlot || !rows || xStride < width)) return Status::BadArgument;
  parallel(slots, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::memcpy(rows + i * width, x + tokenOfSlot[i] * xStride, static_cast<std::size_t>(width) * sizeof(float));
  });
  return Status::Ok;
}

Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                   std::int64_t topK, float* y, std::int64_t yStride, const ParallelFor& parallel) noexcept {
  if (width < 0 || tokens < 0 || topK < 1) return Status::BadShape;
  if (tokens > 0 && (!slotOfChoice || !y || yStride < width)) return Status::BadArgument;
  parallel(tokens, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      float* to = y + t * yStride;
      std::fill(to, to + width, 0.0f);
      for (std::int64_t j = 0; j < topK; ++j) {
        const std::int32_t slot = slotOfChoice[t * topK + j];
        if (slot < 0) continue;
        const float w = weight ? weight[t * topK + j] : 1.0f;
        const float* from = rows + slot * width;
        for (std::int64_t c = 0; c < width; ++c) to[c] += w * from[c];
      }
    }
  });
  return Status::Ok;
}

Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot,
                           const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens, std::int64_t topK,
                           std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows, float* dWeight,
                           const ParallelFor& parallel) noexcept {
  if (width < 0 || tokens < 0 || topK < 1 || slots < 0) return Status::BadShape;
  if (tokens > 0 && (!slotOfChoice || !dy || dyStride < width || (dWeight && slots > 0 && !rows))) return Status::BadArgument;
  if (dWeight)
    for (std::int64_t i = 0; i < tokens * topK; ++i)
      if (slotOfChoice[i] < 0) dWeight[i] = 0;
  parallel(slots, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t choice = choiceOfSlot[s];
      const float* grad = dy + tokenOfSlot[s] * dyStride;
      if (dRows) {
        const float w = weight ? weight[choice] : 1.0f;
        for (std::int64_t c = 0; c < width; ++c) dRows[s * width + c] = w * grad[c];
      }
      if (dWeight) {
        double dot = 0;
        for (std::int64_t c = 0; c < width; ++c) dot += static_cast<double>(grad[c]) * rows[s * width + c];
        dWeight[choice] = static_cast<float>(dot);
      }
    }
  });
  return Status::Ok;
}

}  // namespace serp::kernels
