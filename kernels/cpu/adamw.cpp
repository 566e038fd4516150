// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW over a flat span, and the sum of squares for clipping.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {

void adamwImpl(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s, bool zeroGrad,
               const ParallelFor& parallel) {
  const double correct1 = 1 - __builtin_pow(s.beta1, static_cast<double>(s.step));
  const double correct2 = 1 - __builtin_pow(s.beta2, static_cast<double>(s.step));
  const auto constant = [](double x) { return splat(static_cast<float>(x)); };
  const Vec keep = constant(1.0 - static_cast<double>(s.learningRate) * s.weightDecay),
            rate = constant(s.learningRate / correct1);
  const Vec root2 = constant(1 / __builtin_sqrt(correct2)), eps = constant(s.eps), scale = constant(s.gradScale);
  const Vec b1 = constant(s.beta1), b2 = constant(s.beta2), c1 = constant(1 - s.beta1), c2 = constant(1 - s.beta2);
  parallel((count + kWidth - 1) / kWidth, 4096, [&](std::int64_t begin, std::int64_t end) {
    const FlushSubnormals flush;  // squares of small gradients
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t at = block * kWidth;
      const int n = static_cast<int>(lesser(kWidth, count - at));
      const Vec g = load(grad + at, n) * scale;
      const Vec mi = b1 * load(m + at, n) + c1 * g, vi = b2 * load(v + at, n) + c2 * g * g;
      store(m + at, mi, n);
      store(v + at, vi, n);
      store(param + at, load(param + at, n) * keep - rate * mi / (squareRoot(vi) * root2 + eps), n);
      if (zeroGrad) store(grad + at, Vec{}, n);
    }
  });
}

double sumOfSquaresImpl(std::int64_t count, const float* x, const ParallelFor& parallel) {
  constexpr std::int64_t kSlices = 64;  // fixed, so that the sum does not depend on the thread count
  double part[kSlices] = {};
  const std::int64_t slices = count < 4096 ? 1 : kSlices;
  parallel(slices, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slice = begin; slice < end; ++slice) {
      const std::int64_t first = count * slice / slices, last = count * (slice + 1) / slices;
      double total = 0;
      for (std::int64_t at = first; at < last; at += 1024) {
        Vec square{};
        each(lesser(1024, last - at), [&](std::int64_t c, int n) {
          const Vec v = load(x + at + c, n);
          square += v * v;
        });
        total += static_cast<double>(sum(square));
      }
      part[slice] = total;
    }
  });
  double total = 0;
  for (std::int64_t i = 0; i < slices; ++i) total += part[i];
  return total;
}

}  // namespace serp::kernels::SERP_ISA
