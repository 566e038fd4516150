// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan forward, lanes on channels: a chunk of steps at a time, the states of a block of up to 16 in registers while
// B and C are broadcast. Everything that does not depend on the state (step size, gate) is done once per chunk around it.
#include "kernels/cpu/scan_lanes.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr int kStateBlock = kWidth == 16 ? 16 : 8;  // what fits the registers

/// One channel block of one sequence on its way through a chunk.
struct Chunk {
  Vec dt[kScanChunk], du[kScanChunk], y[kScanChunk];
  const float *B, *C;  // first row of the chunk
  std::int64_t bStride, cStride;
  const std::uint8_t* reset;  // of the chunk, or null
  int steps;
  float *a2, *h;  // [N, kWidth]

  template <int K>
  void run(std::int64_t n0) {
    Vec a[K], state[K];
    for (int k = 0; k < K; ++k) a[k] = load(a2 + (n0 + k) * kWidth), state[k] = load(h + (n0 + k) * kWidth);
    for (int t = 0; t < steps; ++t) {
      if (reset && reset[t])
        for (int k = 0; k < K; ++k) state[k] = Vec{};
      const float *b = B + t * bStride + n0, *c = C + t * cStride + n0;
      const Vec step = dt[t], input = du[t];
      Vec even = y[t], odd{};
#pragma GCC unroll 16
      for (int k = 0; k < K; ++k) {
        state[k] = exp2(step * a[k]) * state[k] + input * b[k];
        if (k % 2 == 0) even += state[k] * c[k];
        else odd += state[k] * c[k];
      }
      y[t] = even + odd;
    }
    for (int k = 0; k < K; ++k) store(h + (n0 + k) * kWidth, state[k]);
  }
};

void forwardBlock(const ScanShape& s, const ScanInput& in, const ScanOutput& out, std::int64_t b, std::int64_t block) {
  const std::int64_t N = s.states, L = s.length;
  const Lanes l = lanesOf(block, s.channels);
  alignas(64) float a2[kMaxStates * kWidth];
  alignas(64) float h[kMaxStates * kWidth];
  gatherStates(in.A + l.first * N, l, N, kLog2e, a2, kWidth);  // with log2(e), so that exp becomes exp2
  if (in.h0) gatherStates(in.h0 + (b * s.channels + l.first) * N, l, N, 1.0f, h, kWidth);
  else std::memset(h, 0, static_cast<std::size_t>(N * kWidth) * sizeof(float));
  const Vec skip = in.D ? load(in.D + l.first, l.n) : Vec{};
  const Vec bias = in.deltaBias ? load(in.deltaBias + l.first, l.n) : Vec{};
  Chunk chunk;
  chunk.bStride = in.bStride, chunk.cStride = in.cStride, chunk.a2 = a2, chunk.h = h;
  for (std::int64_t begin = 0; begin < L; begin += kScanChunk) {
    const std::int64_t row = b * L + begin;
    chunk.steps = static_cast<int>(lesser(kScanChunk, L - begin));
    chunk.B = in.B + row * in.bStride, chunk.C = in.C + row * in.cStride;
    chunk.reset = in.reset ? in.reset + row : nullptr;
    if (out.checkpoints) {
      float* keep = checkpointAt(out.checkpoints, s, b, begin / kScanChunk, block);
      for (std::int64_t n = 0; n < N; ++n) store(keep + n * kScanGroup, load(h + n * kWidth));
    }
    for (int t = 0; t < chunk.steps; ++t) {
      const Vec u = load(in.u + (row + t) * in.uStride + l.first, l.n);
      const Vec raw = load(in.delta + (row + t) * in.deltaStride + l.first, l.n) + bias;
      const Vec dt = in.softplus ? softplus(raw) : raw;
      chunk.dt[t] = dt, chunk.du[t] = dt * u, chunk.y[t] = skip * u;
    }
    overStates<kStateBlock>(N, chunk);
    for (int t = 0; t < chunk.steps; ++t) {
      Vec y = chunk.y[t];
      if (in.z) {
        const Vec z = load(in.z + (row + t) * in.zStride + l.first, l.n);
        y *= z * sigmoid(z);
      }
      store(out.y + (row + t) * out.yStride + l.first, y, l.n);
    }
  }
  if (out.lastState) scatterStates(h, kWidth, l, N, out.lastState + (b * s.channels + l.first) * N);
}

}  // namespace

void scanForwardImpl(const ScanShape& s, const ScanInput& in, const ScanOutput& out, const ParallelFor& parallel) {
  const std::int64_t blocks = blocksOf(s.channels), perGroup = kScanGroup / kWidth, groups = (blocks + perGroup - 1) / perGroup;
  // A piece is at least some tens of microseconds of work; the blocks that share cache lines stay together.
  const std::int64_t grain = 1 + 100000 / (1 + s.length * s.states * kScanGroup);
  parallel(s.batch * groups, grain, [&](std::int64_t begin, std::int64_t end) {
    const FlushSubnormals flush;
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t k = 0; k < perGroup && i % groups * perGroup + k < blocks; ++k)
        forwardBlock(s, in, out, i / groups, i % groups * perGroup + k);
  });
}

}  // namespace serp::kernels::SERP_ISA
