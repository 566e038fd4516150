// SPDX-License-Identifier: GPL-3.0-or-later
// Moving token rows to experts and back. Each output element is written by one thread, so nothing depends on order.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kChoicesPerBlock = kThreads / kWarp;

SERP_KERNEL gatherKernel(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                         std::int64_t slots, float* rows) {
  const std::int64_t i = globalX(kThreads), slot = i / width;
  if (slot >= slots) return;
  const std::int64_t token = tokenOfSlot[slot];
  rows[i] = token >= 0 ? x[token * xStride + i % width] : 0.0f;  // an unused slot of the static size
}

SERP_KERNEL combineKernel(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                          std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride) {
  const std::int64_t i = globalX(kThreads), t = i / width, c = i % width;
  if (t >= tokens) return;
  float total = 0;
  for (std::int64_t choice = t * topK; choice < (t + 1) * topK; ++choice) {
    const std::int64_t slot = slotOfChoice[choice];
    if (slot >= 0) total += (weight ? weight[choice] : 1.0f) * rows[slot * width + c];
  }
  y[t * yStride + c] = total;
}

SERP_KERNEL rowGradientKernel(std::int64_t width, const std::int32_t* choiceOfSlot, const float* weight,
                              std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride,
                              float* dRows) {
  const std::int64_t i = globalX(kThreads), slot = i / width;
  if (slot >= slots) return;
  const std::int64_t choice = choiceOfSlot[slot];
  dRows[i] = choice < 0 ? 0.0f : (weight ? weight[choice] : 1.0f) * dy[choice / topK * dyStride + i % width];
}

/// A warp per choice.
SERP_KERNEL weightGradientKernel(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice,
                                 std::int64_t choices, std::int64_t topK, const float* dy, std::int64_t dyStride,
                                 float* dWeight) {
  const std::int64_t choice = blockX() * kChoicesPerBlock + threadX() / kWarp;
  if (choice >= choices) return;
  const std::int64_t slot = slotOfChoice[choice];
  float dot = 0;
  if (slot >= 0)
    for (std::int64_t c = laneX(); c < width; c += kWarp)
      dot += dy[choice / topK * dyStride + c] * rows[slot * width + c];
  dot = warpSum(dot);
  if (laneX() == 0) dWeight[choice] = dot;
}

}  // namespace

Status gatherRows(const float* x, std::int64_t xStride, std::int64_t width, const std::int32_t* tokenOfSlot,
                  std::int64_t slots, float* rows, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, 0, 1, slots); status != Status::Ok) return status;
  if (slots == 0 || width == 0) return Status::Ok;
  if (!x || !tokenOfSlot || !rows || xStride < width) return Status::BadArgument;
  return launch(gatherKernel, {ceilDiv(slots * width, kThreads), kThreads, 0, stream}, x, xStride, width, tokenOfSlot,
                slots, rows);
}

Status combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                   std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, tokens, topK, 0); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!slotOfChoice || !y || yStride < width)
    return Status::BadArgument;  // rows may be null when everything was dropped
  return launch(combineKernel, {ceilDiv(tokens * width, kThreads), kThreads, 0, stream}, rows, width, slotOfChoice,
                weight, tokens, topK, y, yStride);
}

Status combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t*, const std::int32_t* choiceOfSlot,
                           const std::int32_t* slotOfChoice, const float* weight, std::int64_t tokens,
                           std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows,
                           float* dWeight, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = checkRows(width, tokens, topK, slots); status != Status::Ok) return status;
  if (tokens == 0 || width == 0) return Status::Ok;
  if (!dy || dyStride < width || (slots > 0 && !choiceOfSlot)) return Status::BadArgument;
  if (dWeight && (!slotOfChoice || (slots > 0 && !rows))) return Status::BadArgument;
  Status status = Status::Ok;
  if (dRows)
    status = launch(rowGradientKernel, {ceilDiv(slots * width, kThreads), kThreads, 0, stream}, width, choiceOfSlot,
                    weight, topK, slots, dy, dyStride, dRows);
  if (status == Status::Ok && dWeight)
    status = launch(weightGradientKernel, {ceilDiv(tokens * topK, kChoicesPerBlock), kThreads, 0, stream}, rows, width,
                    slotOfChoice, tokens * topK, topK, dy, dyStride, dWeight);
  return status;
}

}  // namespace serp::kernels::SERP_GPU
