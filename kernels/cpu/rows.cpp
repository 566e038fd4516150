// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels that walk rows: norms, softmax, cross entropy; and the flat optimizer. Rows are independent; sums over rows are taken
// over a fixed partition.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "kernels/cpu/table.h"
#include "kernels/cpu/vec.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr std::int64_t kRowGrain = 16;

/// f(offset, lanes) over a row of `width` in vectors.
template <class F>
inline void each(std::int64_t width, const F& f) {
  std::int64_t c = 0;
  for (; c + kWidth <= width; c += kWidth) f(c, kWidth);
  if (c < width) f(c, static_cast<int>(width - c));
}

}  // namespace

void normForwardImpl(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias, float* y,
                     std::int64_t yStride, float* stats, const ParallelFor& parallel) {
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
      const float inverse = 1.0f / std::sqrt(sum(square) / static_cast<float>(s.width) + s.eps);
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

void normBackwardImpl(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats, const float* dy,
                      std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride, float* dWeight, float* dBias,
                      float* workspace, const ParallelFor& parallel) {
  const std::int64_t parts = std::max(1, parallel.threads);
  parallel(parts, 1, [&](std::int64_t partBegin, std::int64_t partEnd) {
    for (std::int64_t part = partBegin; part < partEnd; ++part) {
      float* sumW = workspace + part * 2 * s.width;
      float* sumB = sumW + s.width;
      std::fill(sumW, sumW + 2 * s.width, 0.0f);
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
        const Vec meanDot = splat(sum(dot) / width), meanTotal = splat(s.kind == NormKind::Layer ? sum(total) / width : 0.0f);
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

namespace {

struct RowSoftmax {
  float top = 0, logSum = 0;
  Vec shift{}, scale{};
};

/// max and log-sum-exp of a row.
RowSoftmax analyse(const float* row, std::int64_t width) {
  Vec top = splat(row[0]);
  each(width, [&](std::int64_t c, int n) {
    if (n == kWidth) top = atLeast(top, load(row + c));
    else
      for (int i = 0; i < n; ++i) top[0] = row[c + i] > top[0] ? row[c + i] : top[0];
  });
  RowSoftmax r;
  r.top = top[0];
  for (int i = 1; i < kWidth; ++i) r.top = top[i] > r.top ? top[i] : r.top;
  Vec total{};
  each(width, [&](std::int64_t c, int n) {
    Vec e = exp(load(row + c, n) - splat(r.top));
    if (n < kWidth) e = only(e, n);
    total += e;
  });
  const float all = sum(total);
  r.logSum = r.top + std::log(all);
  r.shift = splat(r.top);
  r.scale = splat(1.0f / all);
  return r;
}

}  // namespace

void softmaxRowsImpl(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* p, float* logSumExp,
                     const ParallelFor& parallel) {
  parallel(rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = x + r * stride;
      const RowSoftmax s = analyse(row, width);
      each(width, [&](std::int64_t c, int n) { store(p + r * width + c, exp(load(row + c, n) - s.shift) * s.scale, n); });
      if (logSumExp) logSumExp[r] = s.logSum;
    }
  });
}

bool crossEntropyImpl(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                      const CrossEntropyOutput& o, const ParallelFor& parallel) {
  std::atomic<bool> good{true};
  parallel(rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = logits + r * stride;
      const std::int64_t t = target[r];
      if (t >= vocab) {
        good.store(false);
        continue;
      }
      float* grad = o.dLogits ? o.dLogits + r * o.dStride : nullptr;
      if (t < 0) {
        if (o.loss) o.loss[r] = 0;
        if (o.hit) o.hit[r] = 0;
        if (grad) std::fill(grad, grad + vocab, 0.0f);
        continue;
      }
      const RowSoftmax s = analyse(row, vocab);
      const float aim = row[t];
      if (o.loss) o.loss[r] = s.logSum - aim;
      if (o.hit) {
        bool first = aim == s.top;  // ties go to the lower index
        for (std::int64_t c = 0; first && c < t; ++c) first = row[c] != s.top;
        o.hit[r] = first;
      }
      if (grad) {
        const Vec scale = s.scale * splat(o.scale);
        each(vocab, [&](std::int64_t c, int n) { store(grad + c, exp(load(row + c, n) - s.shift) * scale, n); });
        grad[t] -= o.scale;
      }
    }
  });
  return good.load();
}

void adamwImpl(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s, bool zeroGrad,
               const ParallelFor& parallel) {
  const double correct1 = 1 - std::pow(static_cast<double>(s.beta1), static_cast<double>(s.step));
  const double correct2 = 1 - std::pow(static_cast<double>(s.beta2), static_cast<double>(s.step));
  const Vec keep = splat(1.0f - s.learningRate * s.weightDecay), rate = splat(static_cast<float>(s.learningRate / correct1)),
            inverse2 = splat(static_cast<float>(1 / std::sqrt(correct2))), eps = splat(s.eps), b1 = splat(s.beta1), b2 = splat(s.beta2),
            c1 = splat(1 - s.beta1), c2 = splat(1 - s.beta2), scale = splat(s.gradScale);
  parallel((count + kWidth - 1) / kWidth, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t at = block * kWidth;
      const int n = static_cast<int>(std::min<std::int64_t>(kWidth, count - at));
      const Vec g = load(grad + at, n) * scale;
      const Vec mi = b1 * load(m + at, n) + c1 * g, vi = b2 * load(v + at, n) + c2 * g * g;
      Vec root;
      for (int i = 0; i < kWidth; ++i) root[i] = std::sqrt(vi[i]);
      store(m + at, mi, n);
      store(v + at, vi, n);
      store(param + at, load(param + at, n) * keep - rate * mi / (root * inverse2 + eps), n);
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
        each(std::min<std::int64_t>(1024, last - at), [&](std::int64_t c, int n) {
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
