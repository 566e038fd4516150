// SPDX-License-Identifier: GPL-3.0-or-later
// A vector of floats as wide as the instruction set this file is compiled for, and the functions that scans and
// softmaxes need.
//
// Every source that includes this is compiled once per instruction set, in the namespace SERP_ISA. Such sources call no
// inline function of the standard library: the linker keeps one copy of those, and it might be the one compiled for
// AVX-512.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512BF16__)
#define SERP_ISA avx512bf16
#define SERP_WIDTH 16
#elif defined(__AVX512F__)
#define SERP_ISA avx512
#define SERP_WIDTH 16
#elif defined(__AVX2__)
#define SERP_ISA avx2
#define SERP_WIDTH 8
#else
#define SERP_ISA portable
#define SERP_WIDTH 4
#endif

namespace serp::kernels::SERP_ISA {

inline constexpr int kWidth = SERP_WIDTH;
typedef float Vec __attribute__((vector_size(SERP_WIDTH * 4)));
typedef std::int32_t IntVec __attribute__((vector_size(SERP_WIDTH * 4)));

inline Vec splat(float x) {
  return x - Vec{};  // minus, not plus: -0 + 0 is 0, so that an addition would have to be carried out
}

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) {
  std::memcpy(p, &v, sizeof v);
}

#if SERP_WIDTH == 8
inline IntVec laneMask(int n) {
  const IntVec lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return lane < (IntVec{} + n);
}
#endif

/// The first n lanes; the others are 0, and their memory is not touched.
inline Vec load(const float* p, int n) {
  if (n == kWidth) return load(p);
#if SERP_WIDTH == 16
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#elif SERP_WIDTH == 8
  return _mm256_maskload_ps(p, reinterpret_cast<__m256i>(laneMask(n)));
#else
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}
inline void store(float* p, Vec v, int n) {
  if (n == kWidth) return store(p, v);
#if SERP_WIDTH == 16
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
#elif SERP_WIDTH == 8
  _mm256_maskstore_ps(p, reinterpret_cast<__m256i>(laneMask(n)), v);
#else
  for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

/// Lanes from n on become 0.
inline Vec only(Vec v, int n) {
#if SERP_WIDTH == 16
  return _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << n) - 1), v);
#elif SERP_WIDTH == 8
  return n == kWidth ? v : (laneMask(n) ? v : Vec{});
#else
  for (int i = n; i < kWidth; ++i) v[i] = 0;
  return v;
#endif
}

/// The larger, or the smaller, of a bound and x; a NaN in x stays.
inline Vec atLeast(Vec bound, Vec x) {
#if SERP_WIDTH == 16
  return _mm512_max_ps(bound, x);
#elif SERP_WIDTH == 8
  return _mm256_max_ps(bound, x);
#elif defined(__SSE2__)
  return _mm_max_ps(bound, x);
#else
  return x < bound ? bound : x;
#endif
}
inline Vec atMost(Vec bound, Vec x) {
  return -atLeast(-bound, -x);
}

inline Vec squareRoot(Vec x) {
#if SERP_WIDTH == 16
  return _mm512_sqrt_ps(x);
#elif SERP_WIDTH == 8
  return _mm256_sqrt_ps(x);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(x);
#else
  for (int i = 0; i < kWidth; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

/// Sums of neighbouring lanes, a's in the lower half and b's in the upper one.
inline Vec pairSums(Vec a, Vec b) {
#if SERP_WIDTH == 16
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif SERP_WIDTH == 8
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

/// Lane i is the sum of v[i]: kWidth horizontal sums for the price of three shuffles each. v is overwritten.
inline Vec sumEach(Vec* v) {
  for (int count = kWidth; count > 1; count /= 2)
    for (int i = 0; i < count / 2; ++i) v[i] = pairSums(v[2 * i], v[2 * i + 1]);
  return v[0];
}

inline float sum(Vec v) {
  for (int count = kWidth; count > 1; count /= 2) v = pairSums(v, v);
  return v[0];
}

inline constexpr float kLog2e = 1.44269504088896341f;

/// 2^f for f in [-1/2, 1/2]: minimax of degree 5 with the constant fixed at 1, so that 2^0 is exactly 1 (a scan
/// multiplies thousands of decays close to 1, and a bias there would compound). Relative error 9.2e-8 before rounding.
inline Vec exp2Fraction(Vec f) {
  Vec p = splat(1.3264743e-3f);
  p = p * f + splat(9.6715180e-3f);
  p = p * f + splat(5.5507338e-2f);
  p = p * f + splat(2.4022242e-1f);
  p = p * f + splat(6.9314698e-1f);
  return p * f + splat(1.0f);
}

#if SERP_WIDTH == 16
/// 2^x, relative error below 3e-7; the reduced argument of an infinity is 0, so infinities and NaN come out right by
/// themselves.
inline Vec exp2(Vec x) {
  const Vec f = _mm512_reduce_ps(x, 0);
  return _mm512_scalef_ps(exp2Fraction(f), x - f);
}
inline Vec nearest(Vec x) {
  return _mm512_roundscale_ps(x, 0);
}
inline Vec scaleBy(Vec p, Vec n) {
  return _mm512_scalef_ps(p, n);
}
#else
inline constexpr float kRound =
    12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits
inline Vec nearest(Vec x) {
  return (x + splat(kRound)) - splat(kRound);
}
/// p 2^n for integers n in [-127, 128]; -127 gives 0 and 128 infinity.
inline Vec scaleBy(Vec p, Vec n) {
  const Vec shifted = n + splat(kRound);
  IntVec bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000;
  Vec scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}
/// 2^x, relative error below 3e-7; 0 below 2^-126.5, infinite above 2^127.5, NaN stays NaN.
inline Vec exp2(Vec x) {
  const Vec clamped = atMost(splat(128.0f), atLeast(splat(-127.0f), x)), n = nearest(clamped);
  return scaleBy(exp2Fraction(clamped - n), n);
}
#endif

/// e^x, relative error below 3e-7 (with fused multiply-add: the product x log2(e) is then carried exactly).
inline Vec exp(Vec x) {
  x = atMost(splat(88.7228f), atLeast(splat(-87.7f), x));
  const Vec n = nearest(x * splat(kLog2e));
  Vec f = x * splat(kLog2e) - n;
  f = x * splat(1.92596303e-8f) + f;  // log2(e) minus its float
  return scaleBy(exp2Fraction(f), n);
}

inline Vec sigmoid(Vec x) {
  return splat(1.0f) / (splat(1.0f) + exp(-x));
}

/// log(1 + y) for y in [0, 1], relative error below 3e-7: 2 atanh(y / (2 + y)).
inline Vec log1pUnit(Vec y) {
  const Vec s = y / (splat(2.0f) + y), v = s * s;
  Vec p = splat(1.40891705e-1f);
  p = p * v + splat(1.39803006e-1f);
  p = p * v + splat(2.00124552e-1f);
  p = p * v + splat(3.33331573e-1f);
  p = p * v + splat(1.0f);
  return (s + s) * p;
}

/// log(1 + e^x), the identity above 20; NaN stays NaN.
inline Vec softplus(Vec x) {
  const Vec soft = atLeast(Vec{}, x) + log1pUnit(exp(x < Vec{} ? x : -x));
  return x > splat(20.0f) ? x : soft;
}

/// softplus and its derivative from one exponential: the derivative is the logistic function, 1 above 20.
inline Vec softplus(Vec x, Vec& slope) {
  const Vec e = exp(x < Vec{} ? x : -x), soft = atLeast(Vec{}, x) + log1pUnit(e);
  const Vec s = (x < Vec{} ? e : splat(1.0f)) / (splat(1.0f) + e);
  slope = x > splat(20.0f) ? splat(1.0f) : s;
  return x > splat(20.0f) ? x : soft;
}

/// While it lives, this thread treats subnormal numbers as 0: a decayed state would otherwise run through slow
/// microcode.
class FlushSubnormals {
 public:
#if defined(__x86_64__)
  FlushSubnormals() : saved_(_mm_getcsr()) {
    _mm_setcsr(saved_ | 0x8040u);
  }  // flush to zero, subnormals are zero
  ~FlushSubnormals() {
    _mm_setcsr(saved_);
  }
#else
  FlushSubnormals() = default;
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#endif
};

inline std::int64_t lesser(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

}  // namespace serp::kernels::SERP_ISA
