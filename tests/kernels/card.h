// SPDX-License-Identifier: GPL-3.0-or-later
// A card for the tests of GPU kernels. One source makes three programs: on the fast emulation, where every case runs in
// several orders of threads; on the emulation that watches memory; and on a real card, where there is one.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "kernels/cuda_memory.h"
#include "tests/kernels/kernel_testing.h"
#ifndef SERP_ON_CARD
#include "kernels/emulated/emulator.h"
#endif

namespace serp::test {

namespace gpu = serp::kernels::SERP_GPU;
using gpu::DType;
using Floats = std::vector<float>;

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr DType kTypes[] = {DType::Float32, DType::BFloat16};

inline const char* typeName(DType type) {
  return type == DType::BFloat16 ? "bfloat16" : "float32";
}
/// What an answer of this storage may be off by, where float32 may be off by `single`: half a unit in the eighth bit.
inline double tolerance(DType type, double single) {
  return type == DType::BFloat16 ? std::max(single, 2.2e-3) : single;
}

inline std::uint16_t bf16Bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::isnan(x) ? 0x7fff : static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float bf16Value(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
/// The numbers as this storage holds them: what a plain loop has to be given for a fair comparison.
inline Floats stored(Floats x, DType type) {
  if (type == DType::BFloat16)
    for (float& v : x) v = bf16Value(bf16Bits(v));
  return x;
}

/// Device memory that lives as long as the card; activations are stored as its type, the rest as it is.
class Card {
 public:
  explicit Card(DType type = DType::Float32) : type_(type) {}
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;
  ~Card() {
    for (const auto& [p, b] : all_) gpu::release(p);
  }
  DType type() const { return type_; }

  template <class T>
  T* room(std::int64_t count) {
    void* p = nullptr;
    if (gpu::allocate(count * static_cast<std::int64_t>(sizeof(T)), sizeof(T), &p) != kernels::Status::Ok)
      qFatal("no device memory");
    all_[p] = {count, false};
    return static_cast<T*>(p);
  }
  template <class T>
  T* put(const std::vector<T>& x) {
    T* p = room<T>(static_cast<std::int64_t>(x.size()));
    gpu::copyIn(p, x.data(), static_cast<std::int64_t>(x.size() * sizeof(T)));
    return p;
  }
  /// Activations, as the kernels take them: a pointer to float, whatever lies there.
  float* act(const Floats& x) {
    if (type_ == DType::Float32) return put(x);
    std::vector<std::uint16_t> half;
    for (const float v : x) half.push_back(bf16Bits(v));
    auto* p = reinterpret_cast<float*>(put(half));
    all_[p].half = true;
    return p;
  }
  template <class T>
  std::vector<T> get(const T* p) const {
    const Buffer b = all_.at(const_cast<T*>(p));
    std::vector<T> x(size(b.count));
    if constexpr (std::is_same_v<T, float>) {
      if (b.half) {
        std::vector<std::uint16_t> half(x.size());
        gpu::copyOut(half.data(), p, static_cast<std::int64_t>(half.size() * 2));
        std::transform(half.begin(), half.end(), x.begin(), bf16Value);
        return x;
      }
    }
    gpu::copyOut(x.data(), p, static_cast<std::int64_t>(x.size() * sizeof(T)));
    return x;
  }

 private:
  struct Buffer {
    std::int64_t count = 0;
    bool half = false;
  };
  DType type_;
  std::map<void*, Buffer> all_;
};

/// The orders in which every case runs; the answers must be the same, bit for bit.
inline std::vector<unsigned> orders() {
#if defined(SERP_ON_CARD)
  return {0, 0};  // a card has its own
#elif defined(SERP_ON_CHECKED)
  return {kernels::emulator::kForward};
#else
  return {kernels::emulator::kForward, kernels::emulator::kReverse, 11};
#endif
}
inline void setOrder(unsigned order) {
#ifndef SERP_ON_CARD
  kernels::emulator::setOrder(order);
#else
  Q_UNUSED(order);
#endif
}
/// What the emulation has to say; a card says it through the status.
inline QString complaints() {
  QString all;
#ifndef SERP_ON_CARD
  for (const std::string& e : kernels::emulator::takeErrors()) all += QString::fromStdString(e) + '\n';
#endif
  return all;
}

template <class T>
bool sameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// Runs `work`, which returns several vectors of floats, in every order; empty if anything was wrong, with a sentence.
template <class F>
std::vector<Floats> inEveryOrder(const F& work, QString& wrong) {
  std::vector<Floats> first;
  for (const unsigned order : orders()) {
    setOrder(order);
    std::vector<Floats> answer = work();
    setOrder(0);
    if (const QString said = complaints(); !said.isEmpty()) return wrong = said, std::vector<Floats>();
    if (answer.empty()) return wrong = "a kernel refused", std::vector<Floats>();
    if (first.empty())
      first = std::move(answer);
    else
      for (std::size_t i = 0; i < first.size(); ++i)
        if (!sameBits(first[i], answer[i]))
          return wrong = QString("answer %1 depends on the order").arg(i), std::vector<Floats>();
  }
  return first;
}

}  // namespace serp::test

/// In initTestCase(): the rest needs a card.
#define SERP_NEEDS_CARD() \
  if (serp::test::gpu::deviceCount() == 0) QSKIP("this build or machine has no GPU that can be used")

/// Declares `name` and runs the lambda in every order.
#define SERP_IN_EVERY_ORDER(name, ...)                                \
  QString serpWrong;                                                  \
  const auto name = serp::test::inEveryOrder(__VA_ARGS__, serpWrong); \
  QVERIFY2(serpWrong.isEmpty(), qPrintable(serpWrong))
