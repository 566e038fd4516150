// SPDX-License-Identifier: GPL-3.0-or-later
// The router's backward and the moving of token rows as their definitions read, in doubles.
#include "kernels/reference/plain.h"

namespace serp::kernels::reference {

void routeBackward(std::int64_t tokens, std::int64_t experts, std::int64_t topK, const float* probabilities,
                   const std::int32_t* expert, const float* dGate, const float* columnGrad, const float* logSumExp,
                   float zScale, float* dLogits) noexcept {
  for (std::int64_t t = 0; t < tokens; ++t) {
    const auto gradient = [&](std::int64_t e) {
      double g = columnGrad ? columnGrad[e] : 0.0;
      for (std::int64_t j = 0; dGate && j < topK; ++j)
        if (expert[t * topK + j] == e) g += dGate[t * topK + j];
      return g;
    };
    double mean = 0;
    for (std::int64_t e = 0; e < experts; ++e) mean += probabilities[t * experts + e] * gradient(e);
    const double z = zScale != 0 ? 2.0 * zScale * logSumExp[t] : 0.0;
    for (std::int64_t e = 0; e < experts; ++e)
      dLogits[t * experts + e] = static_cast<float>(probabilities[t * experts + e] * (gradient(e) - mean + z));
  }
}

void combineRows(const float* rows, std::int64_t width, const std::int32_t* slotOfChoice, const float* weight,
                 std::int64_t tokens, std::int64_t topK, float* y, std::int64_t yStride) noexcept {
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t c = 0; c < width; ++c) {
      double total = 0;
      for (std::int64_t i = t * topK; i < (t + 1) * topK; ++i)
        if (slotOfChoice[i] >= 0) total += (weight ? weight[i] : 1.0) * rows[slotOfChoice[i] * width + c];
      y[t * yStride + c] = static_cast<float>(total);
    }
}

void combineRowsBackward(const float* rows, std::int64_t width, const std::int32_t* choiceOfSlot, const float* weight,
                         std::int64_t topK, std::int64_t slots, const float* dy, std::int64_t dyStride, float* dRows,
                         float* dWeight) noexcept {
  for (std::int64_t s = 0; s < slots; ++s) {
    const std::int64_t choice = choiceOfSlot[s];
    double dot = 0;
    for (std::int64_t c = 0; c < width; ++c) {
      const double g = choice < 0 ? 0.0 : dy[choice / topK * dyStride + c];
      if (dRows) dRows[s * width + c] = static_cast<float>((weight && choice >= 0 ? weight[choice] : 1.0) * g);
      if (dWeight && choice >= 0) dot += g * rows[s * width + c];
    }
    if (dWeight && choice >= 0) dWeight[choice] = static_cast<float>(dot);
  }
}

}  // namespace serp::kernels::reference
