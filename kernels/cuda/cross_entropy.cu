// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy: a block per row; maximum with its first place, sum of exponentials, then the gradient, which may
// replace the logits.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarp;

/// Combines one value per thread over the block in a fixed order; `scratch` holds one T per warp. All threads get the
/// result.
template <class T, class F>
SERP_FN T blockReduce(T value, T* scratch, F combine) {
  for (unsigned mask = 1; mask < kWarp; mask *= 2) value = combine(value, shuffleXor(value, mask));
  syncThreads();  // whoever still reads the result before
  if (laneX() == 0) scratch[threadX() / kWarp] = value;
  syncThreads();
  T result = scratch[0];
  for (unsigned w = 1; w < kWarps; ++w) result = combine(result, scratch[w]);
  return result;
}

SERP_KERNEL crossEntropyKernel(std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                               CrossEntropyOutput o) {
  float* scratch = dynShared<float>();
  std::int64_t* places = dynShared<std::int64_t>() + kWarps;  // behind it, aligned
  const std::int64_t r = blockX(), t = target[r];
  const float* row = logits + r * stride;
  float* grad = o.dLogits ? o.dLogits + r * o.dStride : nullptr;
  const bool ignored = t < 0, wrong = t >= vocab;
  if (ignored || wrong) {  // the whole block
    const float bad = wrong ? NAN : 0.0f;
    for (std::int64_t c = threadX(); grad && c < vocab; c += kThreads) grad[c] = bad;
    if (threadX() == 0 && o.loss) o.loss[r] = bad;
    if (threadX() == 0 && o.hit) o.hit[r] = 0;
    return;
  }
  const float aim = row[t];
  float top = -INFINITY, sum = 0;
  for (std::int64_t c = threadX(); c < vocab; c += kThreads) top = fmaxf(top, row[c]);
  top = blockReduce(top, scratch, [](float a, float b) { return fmaxf(a, b); });
  for (std::int64_t c = threadX(); c < vocab; c += kThreads) sum += expf(row[c] - top);
  sum = blockReduce(sum, scratch, [](float a, float b) { return a + b; });
  if (o.hit) {
    std::int64_t first = vocab;  // the first place of the maximum: ties go to the lower index
    for (std::int64_t c = threadX(); c < vocab && first == vocab; c += kThreads)
      if (row[c] == top) first = c;
    first = blockReduce(first, places, [](std::int64_t a, std::int64_t b) { return a < b ? a : b; });
    if (threadX() == 0) o.hit[r] = first == t;
  }
  if (o.loss && threadX() == 0) o.loss[r] = top + logf(sum) - aim;
  if (!grad) return;  // below, grad may be the row itself: `aim` was read before the barriers above
  const float scale = o.scale / sum;
  for (std::int64_t c = threadX(); c < vocab; c += kThreads)
    grad[c] = expf(row[c] - top) * scale - (c == t ? o.scale : 0.0f);
}

}  // namespace

Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput& o, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (rows < 0 || vocab < 0) return Status::BadShape;
  if (rows == 0) return Status::Ok;
  if (vocab == 0) return Status::BadShape;
  if (!logits || !target || stride < vocab || (o.dLogits && o.dStride < vocab)) return Status::BadArgument;
  constexpr std::int64_t shared = 2 * kWarps * sizeof(std::int64_t);
  return launch(crossEntropyKernel, {rows, kThreads, shared, stream}, vocab, logits, stride, target, o);
}

}  // namespace serp::kernels::SERP_GPU
