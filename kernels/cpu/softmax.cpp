// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax over rows, and the cross entropy that is built on it: maximum, sum of exponentials, then probabilities.
#include "kernels/cpu/rows.h"

namespace serp::kernels::SERP_ISA {

namespace {

struct RowSoftmax {
  float top = 0, logSum = 0;
  Vec shift{}, scale{};
};

/// max and log-sum-exp of a row.
RowSoftmax analyse(const float* row, std::int64_t width) {
  Vec top = splat(row[0]);
  each(width, [&](std::int64_t c, int n) {
    if (n == kWidth)
      top = atLeast(top, load(row + c));
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
  r.logSum = r.top + __builtin_logf(all);
  r.shift = splat(r.top);
  r.scale = splat(1.0f / all);
  return r;
}

}  // namespace

void softmaxRowsImpl(std::int64_t rows, std::int64_t width, const float* x, std::int64_t stride, float* p,
                     float* logSumExp, const ParallelFor& parallel) {
  parallel(rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = x + r * stride;
      const RowSoftmax s = analyse(row, width);
      each(width,
           [&](std::int64_t c, int n) { store(p + r * width + c, exp(load(row + c, n) - s.shift) * s.scale, n); });
      if (logSumExp) logSumExp[r] = s.logSum;
    }
  });
}

bool crossEntropyImpl(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                      const std::int64_t* target, const CrossEntropyOutput& o, const ParallelFor& parallel) {
  bool good = true;
  parallel(rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = logits + r * stride;
      const std::int64_t t = target[r];
      if (t >= vocab) {
        __atomic_store_n(&good, false, __ATOMIC_RELAXED);
        continue;
      }
      float* grad = o.dLogits ? o.dLogits + r * o.dStride : nullptr;
      if (t < 0) {
        if (o.loss) o.loss[r] = 0;
        if (o.hit) o.hit[r] = 0;
        if (grad) setZero(grad, vocab);
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
  return good;  // the pieces are joined by now
}

}  // namespace serp::kernels::SERP_ISA
