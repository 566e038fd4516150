// SPDX-License-Identifier: GPL-3.0-or-later
// Moving token rows to experts and back, 16 bytes a thread where rows allow it. Each output element is written by one
// thread, so nothing depends on order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kChoicesPerBlock = kThreads / kWarp;

template <class T, int V>
SERP_KERNEL gatherKernel(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                         std::int64_t slots, float* rows) {
  const std::int64_t i = globalX(kThreads) * V, slot = i / width;
  if (slot >= slots) return;
  const std::int64_t token = tokenOfSlot[slot];
  Values<V> v = {};  // an unused slot of the static size
  if (token >= 0) v = loadPack<T, V>(x, token * xStride + i % width);
  storePack<T, V>(rows, i, v);
}

template <class T, int V>
SERP_KERNEL combineKernel(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                          std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride) {
  const std::int64_t i = globalX(kThreads) * V, t = i / width, c = i % width;
  if (t >= tokens) return;
  Values<V> total = {};
  for (std::int64_t choice = t * topK; choice < (t + 1) * topK; ++choice) {
    const std::int64_t slot = slotOfChoice[choice];
    if (slot < 0) continue;
    const float w = weight ? weight[choice] : 1.0f;
    const auto v = loadPack<T, V>(rows, slot * width + c);
    for (int k = 0; k < V; ++k) total[k] += w * v[k];
  }
  storePack<T, V>(y, t * yStride + c, total);
}

template <class T, int V>
SERP_KERNEL rowGradientKernel(std::int64_t width, const std::int32_t* choiceOfSlot, const float* weight,
                              std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride,
                              float* dRows) {
  const std::int64_t i = globalX(kThreads) * V, slot = i / width;
  if (slot >= slots) return;
  const std::int64_t choice = choiceOfSlot[slot];
  Values<V> v = {};
  if (choice >= 0) {
    const float w = weight ? weight[choice] : 1.0f;
    v = loadPack<T, V>(dy, choice / topK * dyStride + i % width);
    for (int k = 0; k < V; ++k) v[k] *= w;
  }
  storePack<T, V>(dRows, i, v);
}

/// A warp per choice.
template <class T, int V>
SERP_KERNEL weightGradientKernel(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice,
                                 std::int64_t choices, std::int64_t topK, const float* dy, std::int64_t dyStride,
                                 float* dWeight) {
  const std::int64_t choice = blockX() * kChoicesPerBlock + threadX() / kWarp;
  if (choice >= choices) return;
  const std::int64_t slot = slotOfChoice[choice];
  float dot = 0;
  if (slot >= 0)
    for (std::int64_t c = laneX() * V; c < width; c += kWarp * V) {
      const auto a = loadPack<T, V>(dy, choice / topK * dyStride + c), b = loadPack<T, V>(rows, slot * width + c);
      for (int k = 0; k < V; ++k) dot += a[k] * b[k];
    }
  dot = warpSum(dot);
  if (laneX() == 0) dWeight[choice] = dot;
}

/// Place i of expert e holds the expert's i-th slot, if it has that many.
SERP_KERNEL placesKernel(std::int64_t experts, std::int64_t capacity, const std::int64_t* offsets,
                         const std::int32_t* tokenOfSlot, const std::int32_t* choiceOfSlot, std::int32_t* tokenOfPlace,
                         std::int32_t* choiceOfPlace) {
  const std::int64_t place = globalX(kThreads), e = place / capacity;
  if (e >= experts) return;
  const std::int64_t slot = offsets[e] + place % capacity;
  const bool used = slot < offsets[e + 1];
  tokenOfPlace[place] = used ? tokenOfSlot[slot] : -1;
  choiceOfPlace[place] = used ? choiceOfSlot[slot] : -1;
}
SERP_KERNEL placeOfChoiceKernel(std::int64_t choices, std::int64_t capacity, const std::int64_t* offsets,
                                const std::int32_t* expert, const std::int32_t* slotOfChoice,
                                std::int32_t* placeOfChoice) {
  const std::int64_t i = globalX(kThreads);
  if (i >= choices) return;
  const std::int64_t e = expert[i], rank = slotOfChoice[i] - offsets[e];
  placeOfChoice[i] = slotOfChoice[i] >= 0 && rank < capacity ? static_cast<std::int32_t>(e * capacity + rank) : -1;
}

/// f(T, V) for rows that are all to be read in packs, or none.
template <class F>
Status withRows(DType type, std::int64_t width, const float* a, std::int64_t aStride, const float* b,
                std::int64_t bStride, F f) {
  return withType(type, [&](auto zero) {
    constexpr int kWide = kPack<decltype(zero)>;
    const auto packing = Packing(type, kWide).width(width).rows(a, aStride).rows(b, bStride);
    return withPack<kWide>(bool(packing), [&](auto pack) { return f(zero, pack); });
  });
}

}  // namespace

Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                  std::int64_t slots, float* rows, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, 0, 1, slots); status != Status::Ok) return status;
  if (slots == 0 || width == 0) return Status::Ok;
  if (!x || !tokenOfSlot || !rows || xStride < width) return Status::BadArgument;
  return withRows(type, width, x, xStride, rows, width, [&](auto zero, auto pack) {
    return launch(gatherKernel<decltype(zero), pack>, {ceilDiv(slots * width / pack, kThreads), kThreads, 0, stream}, x,
                  xStride, width, tokenOfSlot, slots, rows);
  });
}

Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, Stream stream,
                   DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, tokens, topK, 0); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!slotOfChoice || !y || yStride < width)
    return Status::BadArgument;  // rows may be null when everything was dropped
  return withRows(type, width, rows, width, y, yStride, [&](auto zero, auto pack) {
    return launch(combineKernel<decltype(zero), pack>, {ceilDiv(tokens * width / pack, kThreads), kThreads, 0, stream},
                  rows, width, slotOfChoice, weight, tokens, topK, y, yStride);
  });
}

Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t*, const std::int32_t* choiceOfSlot,
                           const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                           std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows,
                           float* dWeight, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, tokens, topK, slots); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!dy || dyStride < width || (slots > 0 && !choiceOfSlot)) return Status::BadArgument;
  if (dWeight && (!slotOfChoice || (slots > 0 && !rows))) return Status::BadArgument;
  Status status = Status::Ok;
  if (dRows)
    status = withRows(type, width, dy, dyStride, dRows, width, [&](auto zero, auto pack) {
      return launch(rowGradientKernel<decltype(zero), pack>,
                    {ceilDiv(slots * width / pack, kThreads), kThreads, 0, stream}, width, choiceOfSlot, weight, topK,
                    slots, dy, dyStride, dRows);
    });
  if (status == Status::Ok && dWeight)
    status = withRows(type, width, dy, dyStride, rows, width, [&](auto zero, auto pack) {
      return launch(weightGradientKernel<decltype(zero), pack>,
                    {ceilDiv(tokens * topK, kChoicesPerBlock), kThreads, 0, stream}, rows, width, slotOfChoice,
                    tokens * topK, topK, dy, dyStride, dWeight);
    });
  return status;
}

Status capacityPlaces(std::int64_t tokens, std::int64_t experts, std::int64_t topK, std::int64_t capacity,
                      const RouteOutput& routed, std::int32_t* placeOfChoice, std::int32_t* tokenOfPlace,
                      std::int32_t* choiceOfPlace, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (tokens < 0 || experts < 1 || topK < 1 || capacity < 1 || capacity > INT32_MAX / experts) return Status::BadShape;
  if (!routed.offsets || !tokenOfPlace || !choiceOfPlace) return Status::BadArgument;
  const bool complete =
      routed.tokenOfSlot && routed.choiceOfSlot && routed.expert && routed.slotOfChoice && placeOfChoice;
  if (tokens > 0 && !complete) return Status::BadArgument;
  const Status status =
      launch(placesKernel, {ceilDiv(experts * capacity, kThreads), kThreads, 0, stream}, experts, capacity,
             routed.offsets, routed.tokenOfSlot, routed.choiceOfSlot, tokenOfPlace, choiceOfPlace);
  if (status != Status::Ok) return status;
  return launch(placeOfChoiceKernel, {ceilDiv(tokens * topK, kThreads), kThreads, 0, stream}, tokens * topK, capacity,
                routed.offsets, routed.expert, routed.slotOfChoice, placeOfChoice);
}

}  // namespace serp::kernels::SERP_GPU
