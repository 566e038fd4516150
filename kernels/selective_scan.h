// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan of Mamba (S6), forward, backward and one step, channels-last.
//
//   dt[t,c]  = softplus(delta[t,c] + delta_bias[c])                 (identity above 20; the raw sum if softplus is off)
//   h[t,c,n] = exp(dt[t,c] A[c,n]) h[t-1,c,n] + dt[t,c] B[t,n] u[t,c]
//   y[t,c]   = (sum_n C[t,n] h[t,c,n] + D[c] u[t,c]) * silu(z[t,c])  (no factor without z)
//
// Source: Gu & Dao, "Mamba", and the public selective_scan_ref; Euler discretisation of B.
// Layout: u, delta, z, y are [batch, length, channels] with a row stride each (a row is one token), B and C are
// [batch, length, states] with a row stride each; A [channels, states] (negative, not A_log), D and delta_bias [channels],
// h [batch, channels, states]; states 1..256. float32 storage, float32 state. Nothing of size [B, L, D, N] is ever stored: the backward
// recomputes states from checkpoints every kScanChunk steps.
// Determinism: bits depend on ParallelFor::threads only. Checked by tests/kernels/tst_selective_scan.cpp.
#pragma once

#include "kernels/common.h"

namespace serp::kernels {

struct ScanShape {
  std::int64_t batch = 0, length = 0, channels = 0, states = 0;
};

/// Inputs. Null pointers mean: no gate (z), no skip (D), no bias, zero initial state, no resets.
struct ScanInput {
  const float* u = nullptr;         // [B, L, D], row stride uStride
  const float* delta = nullptr;     // [B, L, D]
  const float* A = nullptr;         // [D, N] contiguous
  const float* B = nullptr;         // [B, L, N]
  const float* C = nullptr;         // [B, L, N]
  const float* D = nullptr;         // [D]
  const float* z = nullptr;         // [B, L, D]
  const float* deltaBias = nullptr; // [D]
  const float* h0 = nullptr;        // [B, D, N] contiguous
  const std::uint8_t* reset = nullptr;  // [B, L]; 1 = the state before this token counts as zero (packed sequences)
  std::int64_t uStride = 0, deltaStride = 0, bStride = 0, cStride = 0, zStride = 0;
  bool softplus = true;
};

struct ScanOutput {
  float* y = nullptr;            // [B, L, D], row stride yStride
  std::int64_t yStride = 0;
  float* lastState = nullptr;    // [B, D, N] or null
  float* checkpoints = nullptr;  // scanCheckpointCount() floats, or null when no backward follows
};

/// Gradients out; every pointer may be null except where its input exists and it is wanted. All are overwritten, not added to.
struct ScanGradients {
  const float* dy = nullptr;     // in: [B, L, D], row stride dyStride
  std::int64_t dyStride = 0;
  const float* dLastState = nullptr;  // in: [B, D, N] or null
  float* du = nullptr;           // [B, L, D], row stride duStride
  float* dDelta = nullptr;       // [B, L, D], with respect to the raw delta (before bias and softplus)
  float* dB = nullptr;           // [B, L, N], row stride dbStride
  float* dC = nullptr;           // [B, L, N], row stride dcStride
  float* dz = nullptr;           // [B, L, D], row stride dzStride
  float* dA = nullptr;           // [D, N]
  float* dD = nullptr;           // [D]
  float* dDeltaBias = nullptr;   // [D]
  float* dh0 = nullptr;          // [B, D, N]
  std::int64_t duStride = 0, dDeltaStride = 0, dbStride = 0, dcStride = 0, dzStride = 0;
};

/// Floats that `ScanOutput::checkpoints` must hold.
std::int64_t scanCheckpointCount(const ScanShape& shape) noexcept;
/// Floats of scratch that scanBackward needs for a given thread count.
std::int64_t scanBackwardWorkspace(const ScanShape& shape, int threads) noexcept;

/// y and, if asked, last state and checkpoints. Blocks.
Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&, const ParallelFor&) noexcept;
/// All gradients, from the inputs and the checkpoints of scanForward. Blocks.
Status scanBackward(const ScanShape&, const ScanInput&, const float* checkpoints, const ScanGradients&, float* workspace,
                    const ParallelFor&) noexcept;
/// One token: `state` [B, D, N] is read and replaced, length must be 1. Blocks.
Status scanStep(const ScanShape&, const ScanInput&, float* state, float* y, std::int64_t yStride, const ParallelFor&) noexcept;

namespace reference {  // plain loops, double accumulators; no chunks: states are stored for the backward
Status scanForward(const ScanShape&, const ScanInput&, const ScanOutput&) noexcept;
Status scanBackward(const ScanShape&, const ScanInput&, const ScanGradients&) noexcept;
}  // namespace reference

}  // namespace serp::kernels
