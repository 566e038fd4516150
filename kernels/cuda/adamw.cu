// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW over a flat span, and the sum of squares for clipping: a double per block, then one block adds those up. What
// changes from step to step can stay in device memory, so that a recorded step can be replayed.
#include "kernels/adamw.h"

#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kSquaresPerBlock = 16 * kThreads;

struct AdamWFactors {
  float rate, root2, eps, scale, b1, b2, c1, c2, learningRate;
};
static_assert(sizeof(AdamWFactors) <= kAdamWFactors * sizeof(float));

/// Elements [i, i + V); factors in device memory where `from` is not null.
template <int V>
SERP_KERNEL adamwKernel(std::int64_t count, float* param, float* grad, float* m, float* v, AdamWFactors f,
                        const float* from, float weightDecay, bool zeroGrad, Bf16* shadow) {
  const std::int64_t i = globalX(kThreads) * V;
  if (i >= count) return;
  if (from) f = {from[0], from[1], from[2], from[3], from[4], from[5], from[6], from[7], from[8]};
  const float keep = 1.0f - f.learningRate * weightDecay;
  auto p = loadPack<float, V>(param, i), mi = loadPack<float, V>(m, i), vi = loadPack<float, V>(v, i);
  const auto g = loadPack<float, V>(grad, i);
  SERP_UNROLL
  for (int k = 0; k < V; ++k) {
    const float d = g[k] * f.scale;
    mi[k] = f.b1 * mi[k] + f.c1 * d;
    vi[k] = f.b2 * vi[k] + f.c2 * d * d;
    p[k] = p[k] * keep - f.rate * mi[k] / (sqrtf(vi[k]) * f.root2 + f.eps);
  }
  storePack<float, V>(m, i, mi);
  storePack<float, V>(v, i, vi);
  storePack<float, V>(param, i, p);
  if (zeroGrad) storePack<float, V>(grad, i, Values<V>{});
  if (shadow) storePack<Bf16, V>(reinterpret_cast<float*>(shadow), i, p);
}

SERP_KERNEL prepareKernel(AdamWSettings s, const float* learningRate, const double* squares, float clip,
                          std::int64_t* step, float* factors, float* norm) {
  if (threadX() != 0) return;
  const double t = static_cast<double>(++*step), rate = learningRate ? *learningRate : s.learningRate;
  float scale = s.gradScale;
  if (squares) {
    const double n = sqrt(*squares) * static_cast<double>(s.gradScale);
    if (norm) *norm = static_cast<float>(n);
    if (clip > 0) scale *= static_cast<float>(fmin(1.0, clip / (n + 1e-6)));
  }
  const double correct1 = 1 - pow(s.beta1, t), correct2 = 1 - pow(s.beta2, t);
  const double all[] = {rate / correct1, 1 / sqrt(correct2), s.eps,       scale, s.beta1,
                        s.beta2,         1 - s.beta1,        1 - s.beta2, rate};
  for (int i = 0; i < 9; ++i) factors[i] = static_cast<float>(all[i]);
}

/// Sums what every thread brings, in a fixed order; the result is in thread 0.
SERP_FN double blockSum(double value) {
  SERP_SHARED(double, scratch, kThreads / kWarp);
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

template <int V>
SERP_KERNEL shadowKernel(std::int64_t count, const float* from, Bf16* to) {
  const std::int64_t i = globalX(kThreads) * V;
  if (i < count) storePack<Bf16, V>(reinterpret_cast<float*>(to), i, loadPack<float, V>(from, i));
}

Status update(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWFactors& f,
              const float* from, float weightDecay, bool zeroGrad, Bf16* shadow, Stream stream) {
  const auto packing = Packing(DType::Float32, 4).width(count).rows(param, 0).rows(grad, 0).rows(m, 0).rows(v, 0);
  const bool packed = bool(packing) && bool(Packing(DType::BFloat16, 4).rows(shadow, 0));
  return withPack<4>(packed, [&](auto pack) {
    return launch(adamwKernel<pack>, {ceilDiv(count / pack, kThreads), kThreads, 0, stream}, count, param, grad, m, v,
                  f, from, weightDecay, zeroGrad, shadow);
  });
}

}  // namespace

Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s, bool zeroGrad,
             Stream stream, Bf16* shadow) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (count == 0) return Status::Ok;
  if (s.step < 1 || !param || !grad || !m || !v) return Status::BadArgument;
  const double correct1 = 1 - std::pow(s.beta1, static_cast<double>(s.step)),
               correct2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
  const auto single = [](double x) { return static_cast<float>(x); };
  const AdamWFactors f{single(s.learningRate / correct1),
                       single(1 / std::sqrt(correct2)),
                       s.eps,
                       s.gradScale,
                       single(s.beta1),
                       single(s.beta2),
                       single(1 - s.beta1),
                       single(1 - s.beta2),
                       s.learningRate};
  return update(count, param, grad, m, v, f, nullptr, s.weightDecay, zeroGrad, shadow, stream);
}

Status adamwPrepare(const AdamWSettings& s, const float* learningRate, const double* squares, float clip,
                    std::int64_t* step, float* factors, float* norm, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (!step || !factors || (norm && !squares)) return Status::BadArgument;
  return launch(prepareKernel, {1, kWarp, 0, stream}, s, learningRate, squares, clip, step, factors, norm);
}

Status adamwApply(std::int64_t count, float* param, float* grad, float* m, float* v, const float* factors,
                  float weightDecay, bool zeroGrad, Bf16* shadow, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (count == 0) return Status::Ok;
  if (!factors || !param || !grad || !m || !v) return Status::BadArgument;
  return update(count, param, grad, m, v, {}, factors, weightDecay, zeroGrad, shadow, stream);
}

Status writeShadow(std::int64_t count, const float* from, Bf16* to, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (count == 0) return Status::Ok;
  if (!from || !to) return Status::BadArgument;
  const bool packed =
      bool(Packing(DType::Float32, 4).width(count).rows(from, 0)) && bool(Packing(DType::BFloat16, 4).rows(to, 0));
  return withPack<4>(packed, [&](auto pack) {
    return launch(shadowKernel<pack>, {ceilDiv(count / pack, kThreads), kThreads, 0, stream}, count, from, to);
  });
}

std::int64_t sumOfSquaresWorkspace(std::int64_t count) noexcept {
  return ceilDiv(count < 0 ? 0 : count, kSquaresPerBlock);
}

Status sumOfSquares(std::int64_t count, const float* x, double* workspace, double* total, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0) return Status::BadShape;
  if (!total || (count > 0 && (!x || !workspace))) return Status::BadArgument;
  const std::int64_t parts = sumOfSquaresWorkspace(count);
  const Status status = launch(squaresKernel, {parts, kThreads, 0, stream}, count, x, workspace);
  return status == Status::Ok ? launch(addKernel, {1, kThreads, 0, stream}, parts, workspace, total) : status;
}

}  // namespace serp::kernels::SERP_GPU
