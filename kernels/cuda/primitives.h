// SPDX-License-Identifier: GPL-3.0-or-later
// What several .cu files need: sums over lanes and over parts in a fixed order, and the scalar functions of a Mamba
// layer.
#pragma once

#include <type_traits>

#include "kernels/cuda/device.h"

namespace serp::kernels::SERP_GPU {
namespace {  // one copy per file: kernels must not be shared between translation units

inline constexpr float kLog2e = 1.44269504088896341f, kLn2 = 0.693147180559945309f;

/// Element i of activations whose declared type is float, whatever their storage T.
template <class T>
SERP_FN float load(const float* from, std::int64_t i) {
  return toFloat(reinterpret_cast<const T*>(from)[i]);
}
template <class T>
SERP_FN void store(float* to, std::int64_t i, float x) {
  assign(reinterpret_cast<T*>(to)[i], x);
}

template <int n>
struct Values {
  float at[n];
  SERP_FN float& operator[](int i) { return at[i]; }
  SERP_FN float operator[](int i) const { return at[i]; }
};
/// V neighbours of activations; for V > 1 their address must be a multiple of their size together.
template <class T, int V>
SERP_FN Values<V> loadPack(const float* from, std::int64_t i) {
  const auto pack = *reinterpret_cast<const Pack<T, V>*>(reinterpret_cast<const T*>(from) + i);
  Values<V> v;
  SERP_UNROLL
  for (int k = 0; k < V; ++k) v[k] = toFloat(pack.at[k]);
  return v;
}
template <class T, int V>
SERP_FN void storePack(float* to, std::int64_t i, const Values<V>& v) {
  Pack<T, V> pack;
  SERP_UNROLL
  for (int k = 0; k < V; ++k) assign(pack.at[k], v[k]);
#ifdef __CUDACC__
  if constexpr (sizeof pack >= 8) {
    unsigned words[sizeof pack / 4];
    memcpy(words, &pack, sizeof pack);
    return storeWords(reinterpret_cast<T*>(to) + i, words);
  }
#endif
  *reinterpret_cast<Pack<T, V>*>(reinterpret_cast<T*>(to) + i) = pack;
}
/// V floats as loadPack, or V times `otherwise` from a null pointer; V may be 8, which is two loads.
template <int V>
SERP_FN Values<V> loadParameters(const float* from, std::int64_t i, float otherwise) {
  Values<V> v;
  SERP_UNROLL
  for (int k = 0; k < V; ++k) v[k] = otherwise;
  if (!from) return v;
  constexpr int kEach = V < 4 ? V : 4;
  SERP_UNROLL
  for (int k = 0; k < V; k += kEach) {
    const auto part = loadPack<float, kEach>(from, i + k);
    SERP_UNROLL
    for (int j = 0; j < kEach; ++j) v[k + j] = part[j];
  }
  return v;
}
/// n floats, a multiple of 4, from an address that is a multiple of 16.
template <int n>
SERP_FN Values<n> loadFloats(const float* from) {
  Values<n> v;
  SERP_UNROLL
  for (int k = 0; k < n; k += 4) {
    const auto pack = *reinterpret_cast<const Pack<float, 4>*>(from + k);
    SERP_UNROLL
    for (int j = 0; j < 4; ++j) v[k + j] = pack.at[j];
  }
  return v;
}

/// f(float()) or f(Bf16()), by type.
template <class F>
auto withType(DType type, F f) {
  return type == DType::BFloat16 ? f(Bf16()) : f(float());
}
/// Whether rows can be read and written in packs of `elements`: all rows given are asked, null ones do not matter.
class Packing {
 public:
  Packing(DType type, std::int64_t elements)
      : bytes_(elements * (type == DType::BFloat16 ? 2 : 4)), elements_(elements) {}
  Packing& width(std::int64_t count) { return good_ &= count % elements_ == 0, *this; }
  Packing& rows(const void* p, std::int64_t stride) {
    good_ &= !p || (reinterpret_cast<std::uintptr_t>(p) % static_cast<std::uintptr_t>(bytes_) == 0 &&
                    stride % elements_ == 0);
    return *this;
  }
  /// Of float32, read 16 bytes at a time.
  Packing& parameters(const void* p) { return good_ &= reinterpret_cast<std::uintptr_t>(p) % 16 == 0, *this; }
  explicit operator bool() const { return good_; }

 private:
  std::int64_t bytes_, elements_;
  bool good_ = true;
};
/// f(std::integral_constant<int, V>) with V = packed ? kWide : 1.
template <int kWide, class F>
auto withPack(bool packed, F f) {
  return packed ? f(std::integral_constant<int, kWide>()) : f(std::integral_constant<int, 1>());
}

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
template <class T>
SERP_KERNEL sumPartsKernel(const float* parts, std::int64_t number, std::int64_t count, std::int64_t width,
                           std::int64_t stride, float scale, float* out) {
  const std::int64_t i = globalX(kSumThreads);
  if (i >= count) return;
  float total = 0;
  for (std::int64_t p = 0; p < number; ++p) total += parts[p * count + i];
  store<T>(out, i / width * stride + i % width, scale * total);
}

inline Status sumParts(const float* parts, std::int64_t number, std::int64_t count, std::int64_t width,
                       std::int64_t stride, float scale, float* out, Stream stream, DType type = DType::Float32) {
  return withType(type, [&](auto zero) {
    return launch(sumPartsKernel<decltype(zero)>, {ceilDiv(count, kSumThreads), kSumThreads, 0, stream}, parts, number,
                  count, width, stride, scale, out);
  });
}

}  // namespace
}  // namespace serp::kernels::SERP_GPU
