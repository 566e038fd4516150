// SPDX-License-Identifier: GPL-3.0-or-later
// Routing: a warp per token chooses; then every choice is looked at twice, once to count per piece and expert, once to
// hand out slots, with a scan of the counts between. Exact, like the CPU's: no sort, no atomics, nothing read back.
#include "kernels/cuda/partition.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kTokensPerBlock = kThreads / kWarp, kPartTokens = 128;

/// The pieces in which choices are counted: a group has `perGroup` of them, of `tokens` tokens each.
struct Pieces {
  std::int64_t group, groups, tokens, perGroup, all;  // group: its tokens

  explicit Pieces(const RouteShape& s) {
    group = s.groupSize > 0 ? s.groupSize : s.tokens;
    groups = s.tokens / group;
    tokens = s.topK > 128 ? 4 : 512 / s.topK;  // so that counts and group bases fit into E x T numbers
    perGroup = ceilDiv(group, tokens);
    all = groups * perGroup;
  }
  SERP_FN std::int64_t first(std::int64_t piece) const { return piece / perGroup * group + piece % perGroup * tokens; }
  SERP_FN std::int64_t end(std::int64_t piece) const {
    const std::int64_t last = piece % perGroup * tokens + tokens;
    return piece / perGroup * group + (last < group ? last : group);
  }
};

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

/// counts[expert][piece]
SERP_KERNEL countKernel(RouteShape s, Pieces pieces, int bits, const std::int32_t* expert, std::int32_t* counts) {
  std::int32_t* shared = dynShared<std::int32_t>();
  const std::int64_t piece = blockX();
  walkKeys(
      pieces.first(piece) * s.topK, pieces.end(piece) * s.topK, static_cast<int>(s.experts), bits, shared,
      [&](std::int64_t i) { return static_cast<unsigned>(expert[i]); }, [](std::int64_t, unsigned, std::int32_t) {});
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp) counts[e * pieces.all + piece] = shared[e];
}

/// A warp per expert. counts[e][piece] becomes the rank of the piece's first choice in its group, and bases[e][group]
/// (where a group is one piece: counts itself) the choices kept in earlier groups. offsets[e + 1] holds what expert e
/// keeps until offsetKernel sums it up.
SERP_KERNEL scanKernel(RouteShape s, Pieces pieces, std::int32_t* counts, std::int32_t* bases, RouteOutput o) {
  const std::int64_t e = blockX();
  std::int32_t* mine = counts + e * pieces.all;
  const auto capped = [&](std::int64_t n) { return s.capacity > 0 && n > s.capacity ? s.capacity : n; };
  std::int64_t assigned = 0, kept = 0;
  if (pieces.perGroup == 1) {
    for (std::int64_t base = 0; base < pieces.groups; base += kWarp) {
      const std::int64_t g = base + laneX(), n = g < pieces.groups ? mine[g] : 0;
      std::int64_t total = 0, all = 0;
      const std::int64_t before = warpPrefix(capped(n), total);
      warpPrefix(n, all);
      if (g < pieces.groups) mine[g] = static_cast<std::int32_t>(kept + before);
      kept += total;
      assigned += all;
    }
  } else {
    for (std::int64_t g = 0; g < pieces.groups; ++g) {
      std::int64_t used = 0;
      for (std::int64_t base = 0; base < pieces.perGroup; base += kWarp) {
        const std::int64_t p = base + laneX(), at = g * pieces.perGroup + p, n = p < pieces.perGroup ? mine[at] : 0;
        std::int64_t total = 0;
        const std::int64_t before = warpPrefix(n, total);
        if (p < pieces.perGroup) mine[at] = static_cast<std::int32_t>(used + before);
        used += total;
      }
      if (laneX() == 0) bases[e * pieces.groups + g] = static_cast<std::int32_t>(kept);
      kept += capped(used);
      assigned += used;
    }
  }
  if (laneX() != 0) return;
  o.assigned[e] = assigned;
  o.offsets[e + 1] = kept;
}

/// One warp: at most 4096 experts.
SERP_KERNEL offsetKernel(std::int64_t experts, std::int64_t* offsets) {
  if (laneX() == 0) offsets[0] = 0;
  std::int64_t sum = 0;
  for (std::int64_t base = 0; base < experts; base += kWarp) {
    const std::int64_t e = base + laneX(), n = e < experts ? offsets[e + 1] : 0;
    std::int64_t total = 0;
    const std::int64_t before = warpPrefix(n, total);
    if (e < experts) offsets[e + 1] = sum + before + n;
    sum += total;
  }
}

SERP_KERNEL slotKernel(RouteShape s, Pieces pieces, int bits, const std::int32_t* counts, const std::int32_t* bases,
                       RouteOutput o) {
  const std::int64_t piece = blockX(), group = piece / pieces.perGroup;
  const bool whole = pieces.perGroup == 1;
  walkKeys(
      pieces.first(piece) * s.topK, pieces.end(piece) * s.topK, static_cast<int>(s.experts), bits,
      dynShared<std::int32_t>(), [&](std::int64_t i) { return static_cast<unsigned>(o.expert[i]); },
      [&](std::int64_t i, unsigned e, std::int32_t before) {
        const std::int64_t number = counts[e * pieces.all + piece];
        const std::int64_t rank = whole ? before : number + before;  // in the group
        if (s.capacity > 0 && rank >= s.capacity) {
          o.slotOfChoice[i] = -1;
          return;
        }
        const std::int64_t slot = o.offsets[e] + rank + (whole ? number : bases[e * pieces.groups + group]);
        o.slotOfChoice[i] = static_cast<std::int32_t>(slot);
        o.tokenOfSlot[slot] = static_cast<std::int32_t>(i / s.topK);
        o.choiceOfSlot[slot] = static_cast<std::int32_t>(i);
      });
}

/// What is left: the probabilities, whose place held the counts till now, and the slots that nobody got.
SERP_KERNEL finishKernel(RouteShape s, const float* logits, std::int64_t stride, RouteOutput o) {
  const std::int64_t t = blockX() * kTokensPerBlock + threadX() / kWarp;
  if (t >= s.tokens) return;  // whole warps
  for (std::int64_t slot = t * s.topK + laneX(); slot < (t + 1) * s.topK; slot += kWarp)
    if (slot >= o.offsets[s.experts]) o.tokenOfSlot[slot] = o.choiceOfSlot[slot] = -1;
  const float* row = logits + t * stride;
  float top = -INFINITY, sum = 0;
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp) top = fmaxf(top, row[e]);
  for (unsigned mask = 1; mask < kWarp; mask *= 2) top = fmaxf(top, shuffleXor(top, mask));
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp) sum += expf(row[e] - top);
  const float scale = 1.0f / warpSum(sum);
  for (std::int64_t e = laneX(); e < s.experts; e += kWarp)
    o.probabilities[t * s.experts + e] = expf(row[e] - top) * scale;
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
  // The counts [E, pieces] and bases [E, groups] live where the probabilities come last: E x T numbers.
  const Pieces pieces(s);
  auto* counts = reinterpret_cast<std::int32_t*>(o.probabilities);
  std::int32_t* bases = counts + s.experts * pieces.all;
  const int bits = bitsOf(s.experts);
  const std::int64_t shared = s.experts * static_cast<std::int64_t>(sizeof(std::int32_t)),
                     rows = ceilDiv(s.tokens, kTokensPerBlock);
  Status status = launch(chooseKernel, {rows, kThreads, 0, stream}, s, logits, stride, o);
  if (status == Status::Ok)
    status = launch(countKernel, {pieces.all, kWarp, shared, stream}, s, pieces, bits, o.expert, counts);
  if (status == Status::Ok) status = launch(scanKernel, {s.experts, kWarp, 0, stream}, s, pieces, counts, bases, o);
  if (status == Status::Ok) status = launch(offsetKernel, {1, kWarp, 0, stream}, s.experts, o.offsets);
  if (status == Status::Ok)
    status = launch(slotKernel, {pieces.all, kWarp, shared, stream}, s, pieces, bits, counts, bases, o);
  if (status == Status::Ok) status = launch(finishKernel, {rows, kThreads, 0, stream}, s, logits, stride, o);
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
