// SPDX-License-Identifier: GPL-3.0-or-later
// Chains of operations that depend on nothing but themselves, long enough to hide the latency and few enough for the registers.
#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr int kChains = 12, kExponentials = 8;

#if defined(__AVX512BF16__)
std::int64_t products(std::int64_t rounds, float* out) {
  __m512 sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(out[i % 4]);
  const __m512bh factor = reinterpret_cast<__m512bh>(_mm512_set1_ps(out[0]));
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_dpbf16_ps(sum[i], factor, factor);
  for (int i = 0; i < kChains; ++i) out[0] += _mm512_reduce_add_ps(sum[i]);
  return rounds * kChains * kWidth * 2;
}
#else
std::int64_t products(std::int64_t rounds, float* out) {
  Vec sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = splat(out[i % 4]) + static_cast<float>(i);  // apart, or the compiler keeps one of them
  const Vec factor = splat(0.5f), add = splat(out[1]);
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = sum[i] * factor + add;
  for (int i = 0; i < kChains; ++i) out[0] += sum[i][0];
  return rounds * kChains * kWidth;
}

std::int64_t exponentials(std::int64_t rounds, float* out) {
  Vec x[kExponentials];
  for (int i = 0; i < kExponentials; ++i) x[i] = splat(out[i % 4]) - static_cast<float>(i);
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 8
    for (int i = 0; i < kExponentials; ++i) x[i] = exp2(x[i] - splat(1.0f));
  for (int i = 0; i < kExponentials; ++i) out[0] += x[i][0];
  return rounds * kExponentials * kWidth;
}
#endif

}  // namespace

#if !defined(__AVX512BF16__)
std::int64_t roofChainImpl(bool exponential, std::int64_t rounds, float* out) {
  return exponential ? exponentials(rounds, out) : products(rounds, out);
}
#endif

std::int64_t roofNarrowChainImpl(std::int64_t rounds, float* out) {
  return products(rounds, out);
}

}  // namespace serp::kernels::SERP_ISA
