// SPDX-License-Identifier: GPL-3.0-or-later
// The public norms, cross entropy and optimizer: arguments checked here, work done by the active table or the plain
// loops.
#include <algorithm>

#include "kernels/cpu/table.h"
#include "kernels/reference/plain.h"

namespace serp::kernels {

Status normForward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* bias,
                   float* y, std::int64_t yStride, float* stats, const ParallelFor& p) noexcept {
  if (const Status status = check(s, x, xStride); status != Status::Ok) return status;
  if (nothing(s)) return Status::Ok;
  if (!y || yStride < s.width) return Status::BadArgument;
  if (useReference()) return reference::normForward(s, x, xStride, weight, bias, y, yStride, stats);
  activeTable().normForward(s, x, xStride, weight, bias, y, yStride, stats, p);
  return Status::Ok;
}

std::int64_t normBackwardWorkspace(const NormShape& s, int threads) noexcept {
  return 2 * s.width * (threads < 1 ? 1 : threads);
}

Status normBackward(const NormShape& s, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride,
                    float* dWeight, float* dBias, float* workspace, const ParallelFor& p) noexcept {
  if (const Status status = check(s, x, xStride); status != Status::Ok) return status;
  if (nothing(s)) return Status::Ok;
  if (!stats || !dy || !dx || !workspace || dyStride < s.width || dxStride < s.width) return Status::BadArgument;
  if (useReference())
    reference::normBackwardAdding(s, x, xStride, weight, stats, dy, dyStride, dxAdd, dx, dxStride, dWeight, dBias);
  else
    activeTable().normBackward(s, x, xStride, weight, stats, dy, dyStride, dxAdd, dx, dxStride, dWeight, dBias,
                               workspace, p);
  return Status::Ok;
}

Status crossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits, std::int64_t stride,
                    const std::int64_t* target, const CrossEntropyOutput& o, const ParallelFor& p) noexcept {
  if (rows < 0 || vocab < 0) return Status::BadShape;
  if (rows == 0) return Status::Ok;
  if (vocab == 0) return Status::BadShape;
  if (!logits || !target || stride < vocab || (o.dLogits && o.dStride < vocab)) return Status::BadArgument;
  if (useReference()) return reference::crossEntropy(rows, vocab, logits, stride, target, o);
  return activeTable().crossEntropy(rows, vocab, logits, stride, target, o, p) ? Status::Ok : Status::BadArgument;
}

Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings& s, bool zeroGrad,
             const ParallelFor& p) noexcept {
  if (count < 0) return Status::BadShape;
  if (count == 0) return Status::Ok;
  if (s.step < 1 || !param || !grad || !m || !v) return Status::BadArgument;
  if (useReference()) {
    const Status status = reference::adamw(count, param, grad, m, v, s);
    if (zeroGrad) std::fill(grad, grad + count, 0.0f);
    return status;
  }
  activeTable().adamw(count, param, grad, m, v, s, zeroGrad, p);
  return Status::Ok;
}

double sumOfSquares(std::int64_t count, const float* x, const ParallelFor& p) noexcept {
  if (count <= 0 || !x) return 0.0;
  return useReference() ? reference::sumOfSquares(count, x) : activeTable().sumOfSquares(count, x, p);
}

}  // namespace serp::kernels
