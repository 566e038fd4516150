// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm over rows. Weight gradients are summed over one slice of the rows per thread, then over the
// slices.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {

void normForwardImpl(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                     float* y, std::int64_t yStride, float* stats, const ParallelFor& parallel) {
  parallel(s.rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = x + r * xStride;
      float* to = y + r * yStride;
      float mean = 0;
      if (s.kind == NormKind::Layer) {
        Vec total{};
        each(s.width, [&](std::int64_t c, int n) { total += load(row + c, n); });
        mean = sum(total) / static_cast<float>(s.width);
      }
      Vec square{};
      each(s.width, [&](std::int64_t c, int n) {
        Vec d = load(row + c, n) - splat(mean);
        if (n < kWidth) d = only(d, n);
        square += d * d;
      });
      const float inverse = 1.0f / __builtin_sqrtf(sum(square) / static_cast<float>(s.width) + s.eps);
      each(s.width, [&](std::int64_t c, int n) {
        Vec v = (load(row + c, n) - splat(mean)) * splat(inverse);
        if (weight) v *= load(weight + c, n);
        if (bias) v += load(bias + c, n);
        store(to + c, v, n);
      });
      if (stats) {
        stats[2 * r] = mean;
        stats[2 * r + 1] = inverse;
      }
    }
  });
}

void normBackwardImpl(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                      const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                      float* dWeight, float* dBias, float* workspace, const ParallelFor& parallel) {
  const std::int64_t parts = parallel.threads < 1 ? 1 : parallel.threads;
  parallel(parts, 1, [&](std::int64_t partBegin, std::int64_t partEnd) {
    for (std::int64_t part = partBegin; part < partEnd; ++part) {
      float* sumW = workspace + part * 2 * s.width;
      float* sumB = sumW + s.width;
      setZero(sumW, 2 * s.width);  // sumB lies behind it
      for (std::int64_t r = s.rows * part / parts; r < s.rows * (part + 1) / parts; ++r) {
        const float *row = x + r * xStride, *grad = dy + r * dyStride;
        const Vec mean = splat(stats[2 * r]), inverse = splat(stats[2 * r + 1]);
        Vec dot{}, total{};
        each(s.width, [&](std::int64_t c, int n) {
          const Vec g = load(grad + c, n), normal = (load(row + c, n) - mean) * inverse;
          const Vec scaled = weight ? g * load(weight + c, n) : g;
          dot += scaled * normal;  // lanes past n: g is 0
          total += scaled;
          store(sumW + c, load(sumW + c, n) + g * normal, n);
          store(sumB + c, load(sumB + c, n) + g, n);
        });
        const float width = static_cast<float>(s.width);
        const Vec meanDot = splat(sum(dot) / width),
                  meanTotal = splat(s.kind == NormKind::Layer ? sum(total) / width : 0.0f);
        each(s.width, [&](std::int64_t c, int n) {
          const Vec normal = (load(row + c, n) - mean) * inverse;
          Vec g = load(grad + c, n);
          if (weight) g *= load(weight + c, n);
          Vec d = (g - meanTotal - normal * meanDot) * inverse;
          if (dxAdd) d += load(dxAdd + r * dxStride + c, n);
          store(dx + r * dxStride + c, d, n);
        });
      }
    }
  });
  for (std::int64_t c = 0; c < s.width; ++c) {
    double w = 0, b = 0;
    for (std::int64_t part = 0; part < parts; ++part) {
      w += workspace[part * 2 * s.width + c];
      b += workspace[part * 2 * s.width + s.width + c];
    }
    if (dWeight) dWeight[c] = static_cast<float>(w);
    if (dBias) dBias[c] = static_cast<float>(b);
  }
}

}  // namespace serp::kernels::SERP_ISA
