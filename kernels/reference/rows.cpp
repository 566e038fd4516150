// SPDX-License-Identifier: GPL-3.0-or-later
// Norms, cross entropy and AdamW as their definitions read, in doubles.
#include <algorithm>
#include <cmath>

#include "kernels/adamw.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/reference/plain.h"

namespace serp::kernels::reference {

Status normForward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats) noexcept {
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const float* row = x + r * xStride;
    double mean = 0, square = 0;
    if (s.kind == NormKind::Layer)
      for (std::int64_t c = 0; c < s.width; ++c) mean += row[c] / static_cast<double>(s.width);
    for (std::int64_t c = 0; c < s.width; ++c) square += (row[c] - mean) * (row[c] - mean);
    const double inverse = 1 / std::sqrt(square / static_cast<double>(s.width) + s.eps);
    for (std::int64_t c = 0; c < s.width; ++c)
      y[r * yStride + c] =
          static_cast<float>((row[c] - mean) * inverse * (weight ? weight[c] : 1.0) + (bias ? bias[c] : 0.0));
    if (stats) {
      stats[2 * r] = static_cast<float>(mean);
      stats[2 * r + 1] = static_cast<float>(inverse);
    }
  }
  return Status::Ok;
}

Status normBackward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, float* dx, std::int64_t dxStride, float* dWeight,
                    float* dBias) noexcept {
  normBackwardAdding(s, x, xStride, weight, stats, dy, dyStride, nullptr, dx, dxStride, dWeight, dBias);
  return Status::Ok;
}

void normBackwardAdding(const NormShape& s, const float* x, std::int64_t xStride, const float* weight,
                        const float* stats, const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx,
                        std::int64_t dxStride, float* dWeight, float* dBias) noexcept {
  const auto width = static_cast<double>(s.width);
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const double mean = stats[2 * r], inverse = stats[2 * r + 1];
    double dot = 0, total = 0;
    for (std::int64_t c = 0; c < s.width; ++c) {
      const double g = dy[r * dyStride + c] * (weight ? weight[c] : 1.0);
      dot += g * (x[r * xStride + c] - mean) * inverse;
      total += g;
    }
    for (std::int64_t c = 0; c < s.width; ++c) {
      const double g = dy[r * dyStride + c] * (weight ? weight[c] : 1.0),
                   normal = (x[r * xStride + c] - mean) * inverse;
      const double d = (g - (s.kind == NormKind::Layer ? total / width : 0.0) - normal * dot / width) * inverse;
      dx[r * dxStride + c] = static_cast<float>(d + (dxAdd ? dxAdd[r * dxStride + c] : 0.0));
    }
  }
  for (std::int64_t c = 0; c < s.width; ++c) {
    double w = 0, b = 0;
    for (std::int64_t r = 0; r < s.rows; ++r) {
      w += dy[r * dyStride + c] * (x[r * xStride + c] - static_cast<double>(stats[2 * r])) * stats[2 * r + 1];
      b += dy[r * dyStride + c];
    }
    if (dWeight) dWeight[c] = static_cast<float>(w);
    if (dBias) dBias[c] = static_cast<float>(b);
  }
}

double sumOfSquares(std::int64_t count, const float* x) noexcept {
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput& o) noexcept {
  for (std::int64_t r = 0; r < rows; ++r)
    if (target[r] >= vocab) return Status::BadArgument;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = logits + r * stride;
    const std::int64_t t = target[r], best = std::max_element(row, row + vocab) - row;
    const double top = row[best];
    double sum = 0;
    for (std::int64_t c = 0; c < vocab; ++c) sum += std::exp(row[c] - top);
    if (o.loss) o.loss[r] = t < 0 ? 0.0f : static_cast<float>(top + std::log(sum) - row[t]);
    if (o.hit) o.hit[r] = t == best;
    if (!o.dLogits) continue;
    for (std::int64_t c = 0; c < vocab; ++c) {
      const double p = std::exp(row[c] - top) / sum;  // read before it may be overwritten
      o.dLogits[r * o.dStride + c] = t < 0 ? 0.0f : static_cast<float>(o.scale * (p - (c == t ? 1.0 : 0.0)));
    }
  }
  return Status::Ok;
}

Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s) noexcept {
  const double correct1 = 1 - std::pow(s.beta1, static_cast<double>(s.step));
  const double correct2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
  for (std::int64_t i = 0; i < count; ++i) {
    const double g = static_cast<double>(grad[i]) * s.gradScale;
    const double mi = s.beta1 * m[i] + (1.0 - s.beta1) * g;
    const double vi = s.beta2 * v[i] + (1.0 - s.beta2) * g * g;
    const double p = param[i] - static_cast<double>(s.learningRate) * s.weightDecay * param[i];
    param[i] = static_cast<float>(p - s.learningRate * (mi / correct1) / (std::sqrt(vi / correct2) + s.eps));
    m[i] = static_cast<float>(mi);
    v[i] = static_cast<float>(vi);
  }
  return Status::Ok;
}

}  // namespace serp::kernels::reference
