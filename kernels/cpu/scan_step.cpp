// SPDX-License-Identifier: GPL-3.0-or-later
// One token of the selective scan, as decoding needs it: lanes on states, because A and the state of a channel lie
// contiguous and a single step would not repay transposing them.
#include "kernels/cpu/scan_lanes.h"

namespace serp::kernels::SERP_ISA {
namespace {

void stepBlock(const ScanShape& s, const ScanInput& in, float* state, float* y, std::int64_t yStride, std::int64_t b,
               std::int64_t block) {
  const std::int64_t N = s.states;
  const Lanes l = lanesOf(block, s.channels);
  const Vec u = load(in.u + b * in.uStride + l.first, l.n);
  Vec dt = load(in.delta + b * in.deltaStride + l.first, l.n);
  if (in.deltaBias) dt += load(in.deltaBias + l.first, l.n);
  if (in.softplus) dt = softplus(dt);
  const Vec du = dt * u;
  const float *B = in.B + b * in.bStride, *C = in.C + b * in.cStride;
  const bool reset = in.reset && in.reset[b];
  Vec sums[kWidth] = {};
  for (int i = 0; i < l.n; ++i) {
    const float* A = in.A + (l.first + i) * N;
    float* h = state + (b * s.channels + l.first + i) * N;
    const Vec step = splat(dt[i] * kLog2e), input = splat(du[i]);
    Vec total{};
    for (std::int64_t n = 0; n < N; n += kWidth) {
      const int lanes = static_cast<int>(lesser(kWidth, N - n));
      const Vec kept = reset ? Vec{} : load(h + n, lanes);
      const Vec next = exp2(step * load(A + n, lanes)) * kept + input * load(B + n, lanes);
      store(h + n, next, lanes);
      total += only(next * load(C + n, lanes), lanes);
    }
    sums[i] = total;
  }
  Vec out = sumEach(sums);
  if (in.D) out += load(in.D + l.first, l.n) * u;
  if (in.z) {
    const Vec z = load(in.z + b * in.zStride + l.first, l.n);
    out *= z * sigmoid(z);
  }
  store(y + b * yStride + l.first, out, l.n);
}

}  // namespace

void scanStepImpl(const ScanShape& s, const ScanInput& in, float* state, float* y, std::int64_t yStride,
                  const ParallelFor& parallel) {
  const std::int64_t blocks = blocksOf(s.channels);
  parallel(s.batch * blocks, 1 + 100000 / (s.states * kWidth), [&](std::int64_t begin, std::int64_t end) {
    const FlushSubnormals flush;
    for (std::int64_t i = begin; i < end; ++i) stepBlock(s, in, state, y, yStride, i / blocks, i % blocks);
  });
}

}  // namespace serp::kernels::SERP_ISA
