// SPDX-License-Identifier: GPL-3.0-or-later
// Repeatable random numbers for benchmarks.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace serp::bench {

inline std::vector<float> noise(std::int64_t n, float low, float high, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) x = draw(random);
  return v;
}

}  // namespace serp::bench
