// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW (Loshchilov & Hutter) over one flat span of parameters, and the sum of squares for clipping by global norm.
//
//   g' = g * gradScale;  m = b1 m + (1-b1) g';  v = b2 v + (1-b2) g'^2
//   p  = p - lr * decay * p - lr * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
// Checked by tests/kernels/tst_adamw.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct AdamWSettings {
  float learningRate = 1e-3f;
  double beta1 = 0.9, beta2 = 0.999;  ///< doubles: 1 - 0.999f is 1.3e-5 off, and v with it
  float eps = 1e-8f, weightDecay = 0.0f;
  float gradScale = 1.0f;   ///< the clipping factor, min(1, clip / (norm + 1e-6))
  std::int64_t step = 1;    ///< t, from 1
};

/// Updates param, m, v [count] in place. `zeroGrad` writes 0 into grad in the same pass. Blocks.
Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings&, bool zeroGrad,
             const ParallelFor&) noexcept;
/// Sum of squares in double, in a fixed order that does not depend on the thread count. A non-finite element makes it non-finite.
double sumOfSquares(std::int64_t count, const float* x, const ParallelFor&) noexcept;

namespace reference {
Status adamw(std::int64_t count, float* param, float* grad, float* m, float* v, const AdamWSettings&) noexcept;
}

}  // namespace serp::kernels
