// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan forward, lanes on channels: a chunk of steps at a time, the states of a block of up to 16 in
// registers while B and C are broadcast. Everything that does not depend on the state (step size, gate) is done once
// per chunk around it.
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
        if (k % 2 == 0)
          even += state[k] * c[k];
        else
          odd += state[k] * c[k];
      }
      y[t] = even + odd;
    }
    for (int k = 0; k < K; ++k) store(h + (n0 + k) * kWidth, state[k]);
  }
};

/// Channel blocks that go through time together: a row is then read in whole runs of cache lines.
constexpr std::int64_t kPanel = 64 / kWidth;

/// One panel of one sequence. Few states: all its blocks at once; many: fewer, so that the buffers stay the same.
void forwardPanel(const ScanShape& s, const ScanInput& in, const ScanOutput& out, std::int64_t b,
                  std::int64_t firstBlock, int count) {
  const std::int64_t N = s.states, L = s.length, size = N * kWidth;
  alignas(64) float a2[kMaxStates * kWidth], h[kMaxStates * kWidth];
  Chunk chunks[kPanel];
  Vec skip[kPanel], bias[kPanel];
  for (int p = 0; p < count; ++p) {
    const Lanes l = lanesOf(firstBlock + p, s.channels);
    gatherStates(in.A + l.first * N, l, N, kLog2e, a2 + p * size, kWidth);  // with log2(e), so that exp becomes exp2
    if (in.h0)
      gatherStates(in.h0 + (b * s.channels + l.first) * N, l, N, 1.0f, h + p * size, kWidth);
    else
      std::memset(h + p * size, 0, static_cast<std::size_t>(size) * sizeof(float));
    skip[p] = in.D ? load(in.D + l.first, l.n) : Vec{};
    bias[p] = in.deltaBias ? load(in.deltaBias + l.first, l.n) : Vec{};
    chunks[p].bStride = in.bStride, chunks[p].cStride = in.cStride, chunks[p].a2 = a2 + p * size,
    chunks[p].h = h + p * size;
  }
  for (std::int64_t begin = 0; begin < L; begin += kScanChunk) {
    const std::int64_t row = b * L + begin;
    const int steps = static_cast<int>(lesser(kScanChunk, L - begin));
    for (int t = 0; t < steps; ++t)
      for (int p = 0; p < count; ++p) {
        const Lanes l = lanesOf(firstBlock + p, s.channels);
        const Vec u = load(in.u + (row + t) * in.uStride + l.first, l.n);
        const Vec raw = load(in.delta + (row + t) * in.deltaStride + l.first, l.n) + bias[p];
        const Vec dt = in.softplus ? softplus(raw) : raw;
        chunks[p].dt[t] = dt, chunks[p].du[t] = dt * u, chunks[p].y[t] = skip[p] * u;
        if (begin + t + kScanChunk < L) {
          fetchSoon(in.u, row + t + kScanChunk, in.uStride, l.first);
          fetchSoon(in.delta, row + t + kScanChunk, in.deltaStride, l.first);
        }
        fetchSoon(in.z, row + t, in.zStride, l.first);
        fetchToWrite(out.y, row + t, out.yStride, l.first);
      }
    for (int p = 0; p < count; ++p) {
      Chunk& c = chunks[p];
      c.steps = steps, c.B = in.B + row * in.bStride, c.C = in.C + row * in.cStride;
      c.reset = in.reset ? in.reset + row : nullptr;
      if (out.checkpoints) {
        float* keep = checkpointAt(out.checkpoints, s, b, begin / kScanChunk, firstBlock + p);
        for (std::int64_t n = 0; n < N; ++n) store(keep + n * kScanGroup, load(c.h + n * kWidth));
      }
      overStates<kStateBlock>(N, c);
    }
    for (int t = 0; t < steps; ++t)
      for (int p = 0; p < count; ++p) {
        const Lanes l = lanesOf(firstBlock + p, s.channels);
        Vec y = chunks[p].y[t];
        if (in.z) {
          const Vec z = load(in.z + (row + t) * in.zStride + l.first, l.n);
          y *= z * sigmoid(z);
        }
        store(out.y + (row + t) * out.yStride + l.first, y, l.n);
      }
  }
  if (out.lastState)
    for (int p = 0; p < count; ++p) {
      const Lanes l = lanesOf(firstBlock + p, s.channels);
      scatterStates(h + p * size, kWidth, l, N, out.lastState + (b * s.channels + l.first) * N);
    }
}

}  // namespace

void scanForwardImpl(const ScanShape& s, const ScanInput& in, const ScanOutput& out, const ParallelFor& parallel) {
  const std::int64_t blocks = blocksOf(s.channels);
  // Narrower panels where there would not be one for every thread, or where many states fill the buffers.
  std::int64_t width = lesser(kPanel, kMaxStates / s.states);
  const std::int64_t share = s.batch * blocks / (parallel.threads > 0 ? parallel.threads : 1);
  width = lesser(width, share < 1 ? 1 : share);
  const std::int64_t panels = (blocks + width - 1) / width;
  const std::int64_t grain =
      1 + 100000 / (1 + s.length * s.states * width * kWidth);  // some tens of microseconds at least
  parallel(s.batch * panels, grain, [&](std::int64_t begin, std::int64_t end) {
    const FlushSubnormals flush;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % panels * width;
      forwardPanel(s, in, out, i / panels, first, static_cast<int>(lesser(width, blocks - first)));
    }
  });
}

}  // namespace serp::kernels::SERP_ISA
