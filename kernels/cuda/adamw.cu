// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW over a flat span, and the sum of squares for clipping: a double per block, then one block adds those up.
#include "kernels/adamw.h"

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kSquaresPerBlock = 16 * kThreads;

struct AdamWFactors {
  float keep, rate, root2, eps, scale, b1, b2, c1, c2;
};

SERP_KERNEL adamwKernel(std::int64_t count, float* param, float* grad, float* m, float* v, AdamWFactors f,
                        bool zeroGrad) {
  const std::int64_t i = globalX(kThreads);
  if (i >= count) return;
  const float g = grad[i] * f.scale, mi = f.b1 * m[i] + f.c1 * g, vi = f.b2 * v[i] + f.c2 * g * g;
  m[i] = mi;
  v[i] = vi;
  param[i] = param[i] * f.keep - f.rate * mi / (sqrtf(vi) * f.root2 + f.eps);
  if (zeroGrad) grad[i] = 0.0f;
}

/// Sums what every thread brings, in a fixed order; the result is in thread 0.
SERP_FN double blockSum(double value) {
  double* scratch = dynShared<double>();
  value = warpSum(value);
  if (laneX() == 0) scratch[threadX() / kWarp] = value;
  syncThreads();
  if (threadX() == 0)
    for (int w = 1; w < kThreads / kWarp; ++w) value += scratch[w];
  return value;
}

SERP_KERNEL squaresKernel(std::int64_t count, const float* x, double* parts) {
  const std::int64_t first = blockX() * kSquaresPerBlock;
  double total = 0;
  for (std::int64_t i = first + threadX(); i < first + kSquaresPerBlock && i < count; i += kThreads)
    total += static_cast<double>(x[i]) * x[i];
  total = blockSum(total);
  if (threadX() == 0) parts[blockX()] = total;
}

SERP_KERNEL addKernel(std::int64_t parts, const double* part, double* total) {
  double sum = 0;
  for (std::int64_t i = threadX(); i < parts; i += kThreads) sum += part[i];
  sum = blockSum(sum);
  if (threadX() == 0) *total = sum;
}

}  // namespace

Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s, bool zeroGrad,
             Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (count == 0) return Status::Ok;
  if (s.step < 1 || !param || !grad || !m || !v) return Status::BadArgument;
  const double correct1 = 1 - std::pow(s.beta1, static_cast<double>(s.step)),
               correct2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
  const auto single = [](double x) { return static_cast<float>(x); };
  const AdamWFactors f{single(1.0 - static_cast<double>(s.learningRate) * s.weightDecay),
                       single(s.learningRate / correct1),
                       single(1 / std::sqrt(correct2)),
                       s.eps,
                       s.gradScale,
                       single(s.beta1),
                       single(s.beta2),
                       single(1 - s.beta1),
                       single(1 - s.beta2)};
  return launch(adamwKernel, {ceilDiv(count, kThreads), kThreads, 0, stream}, count, param, grad, m, v, f, zeroGrad);
}

std::int64_t sumOfSquaresWorkspace(std::int64_t count) noexcept {
  return ceilDiv(count < 0 ? 0 : count, kSquaresPerBlock);
}

Status sumOfSquares(std::int64_t count, const float* x, double* workspace, double* total, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (!total || (count > 0 && (!x || !workspace))) return Status::BadArgument;
  constexpr std::int64_t shared = kThreads / kWarp * sizeof(double);
  const std::int64_t parts = sumOfSquaresWorkspace(count);
  const Status status = launch(squaresKernel, {parts, kThreads, shared, stream}, count, x, workspace);
  return status == Status::Ok ? launch(addKernel, {1, kThreads, shared, stream}, parts, workspace, total) : status;
}

}  // namespace serp::kernels::SERP_GPU
