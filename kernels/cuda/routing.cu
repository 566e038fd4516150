// SPDX-License-Identifier: GPL-3.0-or-later
// Routing: a warp per token chooses; a block per expert walks all choices in their order and ranks its own by ballots,
// once to count and once to hand out slots. Exact, like the CPU's: no sort, no atomics.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarp;
constexpr std::int64_t kTokensPerBlock = kThreads / kWarp, kPartTokens = 128;

struct Candidate {
  float value;
  std::int32_t expert;  // -1: none
};

/// The better of two: higher value, then lower index. NaN never becomes a candidate.
SERP_FN Candidate better(Candidate a, Candidate b) {
  if (a.expert < 0) return b;
  if (b.expert < 0) return a;
  return b.value > a.value || (b.value == a.value && b.expert < a.expert) ? b : a;
}

SERP_KERNEL chooseKernel(RouteShape s, const float* logits, std::int64_t stride, RouteOutput o) {
  const std::int64_t t = blockX() * kTokensPerBlock + threadX() / kWarp;
  if (t >= s.tokens) return;  // whole warps
  const float* row = logits + t * stride;
  float top = -INFINITY, sum = 0;
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp) top = fmaxf(top, row[e]);
  for (unsigned mask = 1; mask < kWarp; mask *= 2) top = fmaxf(top, shuffleXor(top, mask));
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp) sum += expf(row[e] - top);
  sum = warpSum(sum);
  const float scale = 1.0f / sum;
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp)
    o.probabilities[t * s.experts + e] = expf(row[e] - top) * scale;
  if (o.logSumExp && laneX() == 0) o.logSumExp[t] = top + logf(sum);
  Candidate last{0, -1};
  for (std::int64_t j = 0; j < s.topK; ++j) {
    // The best of what comes after the last choice in the order (value descending, index ascending).
    Candidate best{0, -1};
    for (std::int64_t e = laneX(); e < s.experts; e += kWarp) {
      const bool after = j == 0 ? !isNan(row[e]) : row[e] < last.value || (row[e] == last.value && e > last.expert);
      if (after) best = better(best, {row[e], static_cast<std::int32_t>(e)});
    }
    for (unsigned mask = 1; mask < kWarp; mask *= 2)
      best = better(best, {shuffleXor(best.value, mask), shuffleXor(best.expert, mask)});
    // NaN logits have no order: the lowest expert not yet taken, as on the CPU.
    if (best.expert < 0 || (j == 0 && isNan(row[0]))) {
      best.expert = 0;
      if (laneX() == 0)  // the lane that has written the choices before
        for (std::int64_t i = 0; i < j; ++i)
          if (o.expert[t * s.topK + i] == best.expert) ++best.expert, i = -1;
      best.expert = fromLane(best.expert, 0);
      best.value = row[best.expert];
    }
    last = best;
    if (laneX() == 0) {
      o.expert[t * s.topK + j] = best.expert;
      if (o.gate) o.gate[t * s.topK + j] = expf(row[best.expert] - top) * scale;
    }
  }
}

/// Walks the choices of expert blockX() in their order, group by group, and calls f(choice, rank in the group) for
/// each. All threads of the block take part; returns how many the expert got in all, and in `kept` how many are within
/// the capacity.
template <class F>
SERP_FN std::int64_t walk(const RouteShape& s, const std::int32_t* expert, std::int64_t& kept, F f) {
  std::int32_t* counts = dynShared<std::int32_t>();  // one per warp
  const std::int64_t group = (s.groupSize > 0 ? s.groupSize : s.tokens) * s.topK, choices = s.tokens * s.topK;
  std::int64_t all = 0;
  kept = 0;
  for (std::int64_t first = 0; first < choices; first += group) {
    std::int64_t used = 0;
    for (std::int64_t base = first; base < first + group; base += kThreads) {
      const std::int64_t i = base + threadX();
      const bool mine = i < first + group && expert[i] == blockX();
      const unsigned mask = ballot(mine);
      if (laneX() == 0) counts[threadX() / kWarp] = bitsSet(mask);
      syncThreads();
      std::int64_t before = 0, total = 0;
      for (unsigned w = 0; w < kWarps; ++w) {
        if (w < threadX() / kWarp) before += counts[w];
        total += counts[w];
      }
      syncThreads();
      if (mine) f(i, used + before + bitsSet(mask & ((1u << laneX()) - 1)));
      used += total;
    }
    all += used;
    kept += s.capacity > 0 && used > s.capacity ? s.capacity : used;
  }
  return all;
}

/// offsets[e + 1] holds what expert e keeps until scanKernel sums it up.
SERP_KERNEL countKernel(RouteShape s, RouteOutput o) {
  std::int64_t kept = 0;
  const std::int64_t all = walk(s, o.expert, kept, [](std::int64_t, std::int64_t) {});
  if (threadX() != 0) return;
  o.assigned[blockX()] = all;
  o.offsets[blockX() + 1] = kept;
}

/// One thread: at most 4096 experts.
SERP_KERNEL scanKernel(std::int64_t experts, std::int64_t* offsets) {
  if (threadX() != 0) return;
  offsets[0] = 0;
  for (std::int64_t e = 0; e < experts; ++e) offsets[e + 1] += offsets[e];
}

SERP_KERNEL slotKernel(RouteShape s, RouteOutput o) {
  std::int64_t kept = 0;  // of the groups that are finished: their slots come first
  const std::int64_t start = o.offsets[blockX()];
  walk(s, o.expert, kept, [&](std::int64_t i, std::int64_t rank) {
    if (s.capacity > 0 && rank >= s.capacity) {
      o.slotOfChoice[i] = -1;
      return;
    }
    const auto slot = static_cast<std::int32_t>(start + kept + rank);
    o.slotOfChoice[i] = slot;
    o.tokenOfSlot[slot] = static_cast<std::int32_t>(i / s.topK);
    o.choiceOfSlot[slot] = static_cast<std::int32_t>(i);
  });
}

SERP_KERNEL tailKernel(RouteShape s, RouteOutput o) {
  const std::int64_t slot = globalX(kThreads);
  if (slot < o.offsets[s.experts] || slot >= s.tokens * s.topK) return;
  o.tokenOfSlot[slot] = o.choiceOfSlot[slot] = -1;
}

SERP_KERNEL nothingKernel(std::int64_t experts, RouteOutput o) {
  for (std::int64_t e = threadX(); e <= experts; e += kWarp) {
    o.offsets[e] = 0;
    if (e < experts) o.assigned[e] = 0;
  }
}

SERP_KERNEL columnSumKernel(std::int64_t tokens, std::int64_t experts, const float* probabilities, float* parts) {
  const std::int64_t i = globalX(kThreads), part = i / experts, e = i % experts;
  if (part * kPartTokens >= tokens) return;
  float sum = 0;
  for (std::int64_t t = part * kPartTokens; t < tokens && t < (part + 1) * kPartTokens; ++t)
    sum += probabilities[t * experts + e];
  parts[i] = sum;
}

SERP_KERNEL backwardKernel(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                           const std::int32_t* expert, const float* dGate, const float* columnGrad,
                           const float* logSumExp, float zScale, float* dLogits) {
  const std::int64_t t = blockX() * kTokensPerBlock + threadX() / kWarp;
  if (t >= tokens) return;
  const float* P = probabilities + t * experts;
  const auto gradient = [&](std::int64_t e) {
    float g = columnGrad ? columnGrad[e] : 0.0f;
    for (std::int64_t j = 0; dGate && j < topK; ++j)
      if (expert[t * topK + j] == e) g += dGate[t * topK + j];
    return g;
  };
  float dot = 0;
  for (std::int64_t e = laneX(); e < experts; e += kWarp) dot += P[e] * gradient(e);
  dot = warpSum(dot);
  const float z = zScale != 0 ? 2 * zScale * logSumExp[t] : 0.0f;
  for (std::int64_t e = laneX(); e < experts; e += kWarp) dLogits[t * experts + e] = P[e] * (gradient(e) - dot + z);
}

}  // namespace

Status route(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o,
             Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, logits, stride, o); status != Status::Ok) return status;
  if (s.tokens == 0)  // static sizes: the counts must still say that there is nothing
    return launch(nothingKernel, {1, kWarp, 0, stream}, s.experts, o);
  constexpr std::int64_t shared = kWarps * sizeof(std::int32_t);
  Status status = launch(chooseKernel, {ceilDiv(s.tokens, kTokensPerBlock), kThreads, 0, stream}, s, logits, stride, o);
  if (status == Status::Ok) status = launch(countKernel, {s.experts, kThreads, shared, stream}, s, o);
  if (status == Status::Ok) status = launch(scanKernel, {1, kWarp, 0, stream}, s.experts, o.offsets);
  if (status == Status::Ok) status = launch(slotKernel, {s.experts, kThreads, shared, stream}, s, o);
  if (status == Status::Ok)
    status = launch(tailKernel, {ceilDiv(s.tokens * s.topK, kThreads), kThreads, 0, stream}, s, o);
  return status;
}

std::int64_t routeMeanProbabilityWorkspace(std::int64_t tokens, std::int64_t experts) noexcept {
  return ceilDiv(tokens, kPartTokens) * experts;
}

Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities, float* mean,
                            float* workspace, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (tokens < 0 || experts < 0) return Status::BadShape;
  if (tokens == 0 || experts == 0) return Status::Ok;
  if (!probabilities || !mean || !workspace) return Status::BadArgument;
  const std::int64_t parts = ceilDiv(tokens, kPartTokens);
  const Status status = launch(columnSumKernel, {ceilDiv(parts * experts, kThreads), kThreads, 0, stream}, tokens,
                               experts, probabilities, workspace);
  if (status != Status::Ok) return status;
  return sumParts(workspace, parts, experts, experts, experts, 1.0f / static_cast<float>(tokens), mean, stream);
}

Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                     const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                     float zScale, float* dLogits, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (tokens < 0 || experts < 1 || topK < 1) return Status::BadShape;
  if (tokens == 0) return Status::Ok;
  if (!probabilities || (dGate && !expert) || !dLogits || (zScale != 0 && !logSumExp)) return Status::BadArgument;
  return launch(backwardKernel, {ceilDiv(tokens, kTokensPerBlock), kThreads, 0, stream}, tokens, experts, topK,
                probabilities, expert, dGate, columnGrad, logSumExp, zScale, dLogits);
}

}  // namespace serp::kernels::SERP_GPU
