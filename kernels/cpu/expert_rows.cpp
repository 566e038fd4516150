// SPDX-License-Identifier: GPL-3.0-or-later
// Moving token rows to experts and back, and the router's softmax backward. Each output row is written by one piece, so
// nothing depends on the thread count.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr std::int64_t kGrain = 32;

}  // namespace

void routeBackwardImpl(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                       const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                       float zScale, float* dLogits, const ParallelFor& parallel) {
  parallel(tokens, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* P = probabilities + t * experts;
      float* d = dLogits + t * experts;
      if (columnGrad)
        std::memcpy(d, columnGrad, static_cast<std::size_t>(experts) * sizeof(float));
      else
        setZero(d, experts);
      for (std::int64_t j = 0; dGate && j < topK; ++j) d[expert[t * topK + j]] += dGate[t * topK + j];
      Vec dot{};
      each(experts, [&](std::int64_t e, int n) { dot += load(P + e, n) * load(d + e, n); });
      const float z = zScale != 0 ? 2 * zScale * logSumExp[t] : 0.0f;
      const Vec shift = splat(z - sum(dot));
      each(experts, [&](std::int64_t e, int n) { store(d + e, load(P + e, n) * (load(d + e, n) + shift), n); });
    }
  });
}

void combineRowsImpl(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                     std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride,
                     const ParallelFor& parallel) {
  parallel(tokens, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      float* to = y + t * yStride;
      bool first = true;
      for (std::int64_t i = t * topK; i < (t + 1) * topK; ++i) {
        if (slotOfChoice[i] < 0) continue;
        const Vec w = splat(weight ? weight[i] : 1.0f);
        const float* from = rows + slotOfChoice[i] * width;
        if (first)
          each(width, [&](std::int64_t c, int n) { store(to + c, w * load(from + c, n), n); });
        else
          each(width, [&](std::int64_t c, int n) { store(to + c, load(to + c, n) + w * load(from + c, n), n); });
        first = false;
      }
      if (first) setZero(to, width);
    }
  });
}

void combineRowsBackwardImpl(const float* rows, std::int64_t width, const std::int32_t* choiceOfSlot,
                             const float* weight, std::int64_t topK, std::int64_t slots, const float* dy,
                             std::int64_t dyStride, float* dRows, float* dWeight, const ParallelFor& parallel) {
  parallel(slots, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t choice = choiceOfSlot[s];
      if (choice < 0) {  // an unused slot of the static size
        if (dRows) setZero(dRows + s * width, width);
        continue;
      }
      const float* grad = dy + choice / topK * dyStride;
      const Vec w = splat(weight ? weight[choice] : 1.0f);
      if (dRows) each(width, [&](std::int64_t c, int n) { store(dRows + s * width + c, w * load(grad + c, n), n); });
      if (dWeight) {
        Vec even{}, odd{};
        each(width, [&](std::int64_t c, int n) {
          const Vec product = load(grad + c, n) * load(rows + s * width + c, n);
          if (c / kWidth % 2 == 0)
            even += product;
          else
            odd += product;
        });
        dWeight[choice] = sum(even + odd);
      }
    }
  });
}

}  // namespace serp::kernels::SERP_ISA
