// SPDX-License-Identifier: GPL-3.0-or-later
// The public routing: arguments checked here. Choosing is parallel over tokens; positions are one cheap ordered pass,
// so that the result does not depend on the thread count.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/table.h"
#include "kernels/reference/plain.h"

namespace serp::kernels {
namespace {

constexpr std::int64_t kGrain = 64;

}  // namespace

std::int64_t routeWorkspace(const RouteShape& s, int) noexcept {
  return std::max<std::int64_t>(1, s.experts) * static_cast<std::int64_t>(sizeof(std::int64_t));
}

Status route(const RouteShape& s, const float* logits, std::int64_t stride, const RouteOutput& o, void* workspace,
             const ParallelFor& parallel) noexcept {
  if (const Status status = check(s, logits, stride, o); status != Status::Ok) return status;
  if (s.tokens == 0) {  // static sizes: the counts must still say that there is nothing
    std::fill(o.offsets, o.offsets + s.experts + 1, 0);
    std::fill(o.assigned, o.assigned + s.experts, 0);
    return Status::Ok;
  }
  if (!workspace) return Status::BadArgument;
  if (useReference()) return reference::route(s, logits, stride, o);
  activeTable().softmaxRows(s.tokens, s.experts, logits, stride, o.probabilities, o.logSumExp, parallel);
  parallel(s.tokens, kGrain,
           [&](std::int64_t begin, std::int64_t end) { detail::chooseExperts(s, logits, stride, o, begin, end); });
  detail::assignSlots(s, o, static_cast<std::int64_t*>(workspace));
  return Status::Ok;
}

Status routeMeanProbability(std::int64_t tokens, std::int64_t experts, const float* probabilities, float* mean,
                            const ParallelFor& parallel) noexcept {
  if (tokens < 0 || experts < 0) return Status::BadShape;
  if (tokens == 0 || experts == 0) return Status::Ok;
  if (!probabilities || !mean) return Status::BadArgument;
  // Columns in tiles, each summed over the tokens in their order.
  constexpr std::int64_t kTile = 64;
  parallel((experts + kTile - 1) / kTile, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first = tile * kTile, count = std::min(kTile, experts - first);
      double sum[kTile] = {};
      for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t e = 0; e < count; ++e) sum[e] += probabilities[t * experts + first + e];
      for (std::int64_t e = 0; e < count; ++e)
        mean[first + e] = static_cast<float>(sum[e] / static_cast<double>(tokens));
    }
  });
  return Status::Ok;
}

Status routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                     const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                     float zScale, float* dLogits, const ParallelFor& parallel) noexcept {
  if (tokens < 0 || experts < 1 || topK < 1) return Status::BadShape;
  if (tokens == 0) return Status::Ok;
  if (!probabilities || (dGate && !expert) || !dLogits || (zScale != 0 && !logSumExp)) return Status::BadArgument;
  if (useReference())
    reference::routeBackward(tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale,
                             dLogits);
  else
    activeTable().routeBackward(tokens, experts, topK, probabilities, expert, dGate, columnGrad, logSumExp, zScale,
                                dLogits, parallel);
  return Status::Ok;
}

Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                  std::int64_t slots, float* rows, const ParallelFor& parallel) noexcept {
  if (const Status status = checkRows(width, 0, 1, slots); status != Status::Ok) return status;
  if (slots == 0 || width == 0) return Status::Ok;
  if (!x || !tokenOfSlot || !rows || xStride < width) return Status::BadArgument;
  const std::size_t bytes = static_cast<std::size_t>(width) * sizeof(float);
  parallel(slots, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      if (tokenOfSlot[i] >= 0)
        std::memcpy(rows + i * width, x + tokenOfSlot[i] * xStride, bytes);
      else
        std::memset(rows + i * width, 0, bytes);  // an unused slot of the static size
  });
  return Status::Ok;
}

Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride,
                   const ParallelFor& parallel) noexcept {
  if (const Status status = checkRows(width, tokens, topK, 0); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!slotOfChoice || !y || yStride < width)
    return Status::BadArgument;  // rows may be null when everything was dropped
  if (useReference())
    reference::combineRows(rows, width, slotOfChoice, weight, tokens, topK, y, yStride);
  else
    activeTable().combineRows(rows, width, slotOfChoice, weight, tokens, topK, y, yStride, parallel);
  return Status::Ok;
}

Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t*, const std::int32_t* choiceOfSlot,
                           const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                           std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows,
                           float* dWeight, const ParallelFor& parallel) noexcept {
  if (const Status status = checkRows(width, tokens, topK, slots); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!dy || dyStride < width || (slots > 0 && !choiceOfSlot)) return Status::BadArgument;
  if (dWeight && (!slotOfChoice || (slots > 0 && !rows))) return Status::BadArgument;
  for (std::int64_t i = 0; dWeight && i < tokens * topK; ++i)
    if (slotOfChoice[i] < 0) dWeight[i] = 0;
  if (useReference())
    reference::combineRowsBackward(rows, width, choiceOfSlot, weight, topK, slots, dy, dyStride, dRows, dWeight);
  else
    activeTable().combineRowsBackward(rows, width, choiceOfSlot, weight, topK, slots, dy, dyStride, dRows, dWeight,
                                      parallel);
  return Status::Ok;
}

}  // namespace serp::kernels
