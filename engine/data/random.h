// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers that are the same on every machine: SplitMix64, unbiased integers, and a permutation that needs no memory.
#pragma once

#include <array>
#include <cstdint>

namespace serp {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits that mixes well.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// One stream of numbers, a pure function of (seed, stream, index): streams need no common history.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t index = 0)
      : state_(mix64(mix64(mix64(seed + kStep) + stream + kStep) + index + kStep)) {}
  constexpr std::uint64_t next() {
    state_ += kStep;
    return mix64(state_);
  }
  /// Uniform in [0, n), n >= 1, without modulo bias.
  constexpr std::uint64_t below(std::uint64_t n) {
    const std::uint64_t threshold = (0 - n) % n;
    std::uint64_t r = next();
    while (r < threshold) r = next();
    return r % n;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ull;
  std::uint64_t state_;
};

/// A seeded bijection of [0, n): a four-round Feistel network over the next even number of bits, walked until it falls below n.
class Permutation {
 public:
  constexpr Permutation(std::uint64_t n, std::uint64_t seed, std::uint64_t stream) : n_(n) {
    while (half_ < 31 && (std::uint64_t{1} << (2 * half_)) < n) ++half_;
    Random random(seed, stream);
    for (auto& key : keys_) key = random.next();
  }
  constexpr std::uint64_t operator()(std::uint64_t i) const {
    do i = once(i);
    while (i >= n_);
    return i;
  }

 private:
  constexpr std::uint64_t once(std::uint64_t i) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    std::uint64_t left = i >> half_, right = i & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t swapped = left ^ (mix64(right ^ key) & mask);
      left = right;
      right = swapped;
    }
    return left << half_ | right;
  }
  std::uint64_t n_;
  int half_ = 1;
  std::array<std::uint64_t, 4> keys_{};
};

}  // namespace serp
