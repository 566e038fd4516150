// SPDX-License-Identifier: GPL-3.0-or-later
// What several .cu files need: sums over lanes and over parts in a fixed order, and the scalar functions of a Mamba
// layer.
#pragma once

#include "kernels/cuda/device.h"

namespace serp::kernels::SERP_GPU {
namespace {  // one copy per file: kernels must not be shared between translation units

/// The sum over groups of `count` neighbouring lanes (a power of two), in every lane of the group.
template <class T>
SERP_FN T groupSum(T value, unsigned count) {
  for (unsigned mask = 1; mask < count; mask *= 2) value += shuffleXor(value, mask);
  return value;
}
template <class T>
SERP_FN T warpSum(T value) {
  return groupSum(value, kWarp);
}

SERP_FN bool isNan(float x) {
  return x != x;
}
SERP_FN float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}
/// log(1 + e^x), the identity above 20; NaN stays NaN.
SERP_FN float softplus(float x) {
  return x > 20.0f ? x : log1pf(expf(x));
}
SERP_FN float softplusSlope(float x) {
  return x > 20.0f ? 1.0f : sigmoid(x);
}

constexpr int kSumThreads = 256;

/// out[i] = scale * sum over p of parts[p * count + i], in the order of p; rows of `width` elements go `stride` apart.
SERP_KERNEL sumPartsKernel(const float* parts, std::int64_t number, std::int64_t count, std::int64_t width,
                           std::int64_t stride, float scale, float* out) {
  const std::int64_t i = globalX(kSumThreads);
  if (i >= count) return;
  float total = 0;
  for (std::int64_t p = 0; p < number; ++p) total += parts[p * count + i];
  out[i / width * stride + i % width] = scale * total;
}

inline Status sumParts(const float* parts, std::int64_t number, std::int64_t count, std::int64_t width,
                       std::int64_t stride, float scale, float* out, Stream stream) {
  return launch(sumPartsKernel, {ceilDiv(count, kSumThreads), kSumThreads, 0, stream}, parts, number, count, width,
                stride, scale, out);
}

}  // namespace
}  // namespace serp::kernels::SERP_GPU
