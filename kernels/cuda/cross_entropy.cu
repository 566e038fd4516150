// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy: a block per row; one pass for maximum, its first place and the sum of exponentials, one for the
// gradient, which may replace the logits.
#include "kernels/cuda/primitives.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarp;

/// The sum of e^(x - top) over what was seen, and where top was met first.
struct Seen {
  float top, sum;
  std::int32_t first;
};

/// Both together. Nothing seen yet is top = -inf, sum = 0.
SERP_FN Seen join(Seen a, Seen b) {
  const bool second = b.top > a.top || (b.top == a.top && b.first < a.first);
  const float top = fmaxf(a.top, b.top);
  const float left = a.top == top ? a.sum : a.sum * expf(a.top - top),
              right = b.top == top ? b.sum : b.sum * expf(b.top - top);
  return {top, left + right, second ? b.first : a.first};
}

template <class T, int V>
SERP_KERNEL crossEntropyKernel(std::int64_t vocab, const float* logits, std::int64_t stride, const std::int64_t* target,
                               CrossEntropyOutput o) {
  SERP_SHARED(Seen, scratch, kWarps);
  SERP_SHARED(float, aim, 1);
  const std::int64_t r = blockX(), t = target[r], row = r * stride, to = r * o.dStride;
  const bool ignored = t < 0, wrong = t >= vocab;
  if (ignored || wrong) {  // the whole block
    const float bad = wrong ? NAN : 0.0f;
    for (std::int64_t c = threadX(); o.dLogits && c < vocab; c += kThreads) store<T>(o.dLogits, to + c, bad);
    if (threadX() == 0 && o.loss) o.loss[r] = bad;
    if (threadX() == 0 && o.hit) o.hit[r] = 0;
    return;
  }
  if (threadX() == 0) aim[0] = load<T>(logits, row + t);  // before the gradient may replace it
  Seen seen{-INFINITY, 0.0f, INT32_MAX};
  for (std::int64_t c = threadX() * V; c < vocab; c += kThreads * V) {
    const auto x = loadPack<T, V>(logits, row + c);
    float top = seen.top;
    for (int v = 0; v < V; ++v) {
      if (x[v] > top || (x[v] == top && seen.first == INT32_MAX)) seen.first = static_cast<std::int32_t>(c + v);
      top = fmaxf(top, x[v]);
    }
    if (top > seen.top) seen.sum *= expf(seen.top - top);
    seen.top = top;
    for (int v = 0; v < V; ++v)
      if (x[v] != -INFINITY) seen.sum += expf(x[v] - top);  // -inf adds nothing, also where all is -inf so far
  }
  for (unsigned mask = 1; mask < kWarp; mask *= 2)
    seen = join(seen, {shuffleXor(seen.top, mask), shuffleXor(seen.sum, mask), shuffleXor(seen.first, mask)});
  if (laneX() == 0) scratch[threadX() / kWarp] = seen;
  syncThreads();
  seen = scratch[0];
  for (unsigned w = 1; w < kWarps; ++w) seen = join(seen, scratch[w]);
  if (threadX() == 0) {
    if (o.loss) o.loss[r] = seen.top + logf(seen.sum) - aim[0];
    if (o.hit) o.hit[r] = seen.first == t;
  }
  if (!o.dLogits) return;
  const float scale = o.scale / seen.sum;
  for (std::int64_t c = threadX() * V; c < vocab; c += kThreads * V) {
    auto x = loadPack<T, V>(logits, row + c);
    for (int v = 0; v < V; ++v) x[v] = expf(x[v] - seen.top) * scale - (c + v == t ? o.scale : 0.0f);
    storePack<T, V>(o.dLogits, to + c, x);
  }
}

}  // namespace

Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput& o, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (rows < 0 || vocab < 0 || vocab >= INT32_MAX) return Status::BadShape;
  if (rows == 0) return Status::Ok;
  if (vocab == 0) return Status::BadShape;
  if (!logits || !target || stride < vocab || (o.dLogits && o.dStride < vocab)) return Status::BadArgument;
  return withType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto packing = Packing(type, kPack<T>).width(vocab).rows(logits, stride).rows(o.dLogits, o.dStride);
    return withPack<kPack<T>>(bool(packing), [&](auto pack) {
      return launch(crossEntropyKernel<T, pack>, {rows, kThreads, 0, stream}, vocab, logits, stride, target, o);
    });
  });
}

}  // namespace serp::kernels::SERP_GPU
