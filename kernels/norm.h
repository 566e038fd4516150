// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm over the last axis, forward and backward; eps inside the root, biased variance, two-pass variance.
//
// x, y [rows, width] with row strides. `stats` keeps [rows, 2]: mean and 1/root (mean is 0 for RMSNorm).
// Determinism: bits depend on ParallelFor::threads only (weight gradients are summed over a fixed partition of the rows).
// Checked by tests/kernels/tst_norm.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

enum class NormKind : std::uint8_t { Layer, Rms };

struct NormShape {
  NormKind kind = NormKind::Layer;
  std::int64_t rows = 0, width = 0;
  float eps = 1e-5f;
};

/// weight and bias [width] may be null. Blocks.
Status normForward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* bias, float* y,
                   std::int64_t yStride, float* stats, const ParallelFor&) noexcept;
std::int64_t normBackwardWorkspace(const NormShape&, int threads) noexcept;  ///< floats
/// dx, dWeight, dBias are overwritten; dWeight and dBias may be null. `dxAdd` (or null, stride dxStride) is added into dx:
/// the gradient of the residual stream, so that the sum costs no extra pass.
Status normBackward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, const float* dxAdd, float* dx, std::int64_t dxStride, float* dWeight,
                    float* dBias, float* workspace, const ParallelFor&) noexcept;

namespace reference {
Status normForward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* bias, float* y,
                   std::int64_t yStride, float* stats) noexcept;
Status normBackward(const NormShape&, const float* x, std::int64_t xStride, const float* weight, const float* stats,
                    const float* dy, std::int64_t dyStride, float* dx, std::int64_t dxStride, float* dWeight,
                    float* dBias) noexcept;
}

}  // namespace serp::kernels
