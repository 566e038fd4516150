// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan backward, lanes on channels. A task is one sequence and a range of channel blocks; it walks the
// chunks from the last to the first. In a chunk each channel block recomputes its states from the checkpoint, a few
// states at a time so that decays and states stay in the first-level cache, then sweeps in reverse. dB and dC gather as
// vectors over the channel blocks of a task and are summed over lanes once per chunk. No atomics: every sum has a fixed
// order.
#include "kernels/cpu/scan_lanes.h"

namespace serp::kernels::SERP_ISA {
namespace {

constexpr int kStateBlock = kWidth == 16 ? 8 : 4;

/// One channel block in one chunk.
struct Chunk {
  Vec u[kScanChunk], slope[kScanChunk], dt[kScanChunk], du[kScanChunk], dy[kScanChunk];
  Vec y[kScanChunk], dGate[kScanChunk];  // y before the gate, and what it is multiplied by for dz; only filled for dz
  Vec lambdaB[kScanChunk], lqa[kScanChunk];  // sums over n of λ B and of λ q A log2(e)
  const float *B, *C;
  std::int64_t bStride, cStride;
  const std::uint8_t* reset;
  int steps;
  bool wantY;
  std::int64_t N;
  const float *a2, *keep;  // [N, kWidth]; checkpoint, kScanGroup apart
  float *lambda, *dA;      // [N, kWidth]: a_{t+1} λ_{t+1}, and the running Σ λ Δ q
  Vec *sumB, *sumC;        // [steps, N], added to

  template <int K>
  void run(std::int64_t n0) {
    if (wantY)
      sweep<K, true>(n0);
    else
      sweep<K, false>(n0);
  }

  template <int K, bool kY>
  void sweep(std::int64_t n0) {
    Vec decay[kScanChunk][K], before[kScanChunk][K];
    Vec a[K], h[K];
    for (int k = 0; k < K; ++k) a[k] = load(a2 + (n0 + k) * kWidth), h[k] = load(keep + (n0 + k) * kScanGroup);
    for (int t = 0; t < steps; ++t) {
      const bool cut = reset && reset[t];
      const float *b = B + t * bStride + n0, *c = C + t * cStride + n0;
      const Vec step = dt[t], input = du[t];
      Vec even{}, odd{};
#pragma GCC unroll 16
      for (int k = 0; k < K; ++k) {
        before[t][k] = h[k];
        const Vec e = cut ? Vec{} : exp2(step * a[k]);
        decay[t][k] = e;
        h[k] = e * h[k] + input * b[k];
        if constexpr (kY) {
          if (k % 2 == 0)
            even += h[k] * c[k];
          else
            odd += h[k] * c[k];
        }
      }
      if constexpr (kY) y[t] += even + odd;
    }
    Vec carry[K], sumA[K];
    for (int k = 0; k < K; ++k) carry[k] = load(lambda + (n0 + k) * kWidth), sumA[k] = load(dA + (n0 + k) * kWidth);
    for (int t = steps - 1; t >= 0; --t) {
      const float *b = B + t * bStride + n0, *c = C + t * cStride + n0;
      const Vec step = dt[t], input = du[t], g = dy[t];
      Vec *toB = sumB + t * N + n0, *toC = sumC + t * N + n0;
      Vec lb = lambdaB[t], la = lqa[t];
#pragma GCC unroll 16
      for (int k = 0; k < K; ++k) {
        const Vec e = decay[t][k], q = e * before[t][k], l = g * c[k] + carry[k], lq = l * q;
        toC[k] += g * h[k];
        h[k] = before[t][k];
        toB[k] += l * input;
        lb += l * b[k];
        la += lq * a[k];
        sumA[k] += lq * step;
        carry[k] = e * l;
      }
      lambdaB[t] = lb, lqa[t] = la;
    }
    for (int k = 0; k < K; ++k) store(lambda + (n0 + k) * kWidth, carry[k]), store(dA + (n0 + k) * kWidth, sumA[k]);
  }
};

/// Where the workspace keeps what; sizes in floats. All parts but the last are multiples of 16.
struct Plan {
  std::int64_t N, L, blocks, splits, carrySize, partSize;
  float *a2, *carries, *partB, *partC, *scratch;

  Plan(const ScanShape& s, int threads, float* workspace)
      : N(s.states),
        L(s.length),
        blocks(blocksOf(s.channels)),
        splits(scanSplits(s.batch, s.channels, threads)),
        carrySize((2 * N + 2) * kWidth),
        partSize(splits > 1 ? s.batch * L * N : 0) {
    const auto address = reinterpret_cast<std::uintptr_t>(workspace);
    a2 = workspace + (64 - address % 64) % 64 / sizeof(float);
    carries = a2 + blocks * N * kWidth;
    scratch = carries + s.batch * blocks * carrySize;
    partB = scratch + s.batch * splits * 2 * kScanChunk * N * kWidth;
    partC = partB + splits * partSize;
  }
  float* carry(std::int64_t b, std::int64_t block) const { return carries + (b * blocks + block) * carrySize; }
};

/// Loads a chunk of one channel block, sweeps its states, writes what belongs to its tokens.
void backwardChunk(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                   const Plan& plan, Chunk& c, std::int64_t b, std::int64_t begin, std::int64_t block,
                   std::int64_t first, std::int64_t end) {
  const std::int64_t N = s.states, row = b * s.length + begin;
  const Lanes l = lanesOf(block, s.channels);
  const Vec skip = in.D ? load(in.D + l.first, l.n) : Vec{};
  const Vec bias = in.deltaBias ? load(in.deltaBias + l.first, l.n) : Vec{};
  float* carry = plan.carry(b, block);
  c.a2 = plan.a2 + block * N * kWidth, c.lambda = carry, c.dA = carry + N * kWidth;
  c.keep = checkpointAt(checkpoints, s, b, begin / kScanChunk, block);
  // The next block of this chunk, or the first one of the chunk before.
  const bool wraps = block + 1 == end;
  const std::int64_t nextRow = wraps ? row - kScanChunk : row, nextChannel = wraps ? first * kWidth : l.first + kWidth;
  if (!wraps || begin > 0)
    for (int t = 0; t < c.steps; ++t) {
      fetchSoon(in.u, nextRow + t, in.uStride, nextChannel);
      fetchSoon(in.delta, nextRow + t, in.deltaStride, nextChannel);
      fetchSoon(in.z, nextRow + t, in.zStride, nextChannel);
      fetchSoon(g.dy, nextRow + t, g.dyStride, nextChannel);
      fetchToWrite(g.du, nextRow + t, g.duStride, nextChannel);
      fetchToWrite(g.dDelta, nextRow + t, g.dDeltaStride, nextChannel);
      fetchToWrite(g.dz, nextRow + t, g.dzStride, nextChannel);
    }
  for (int t = 0; t < c.steps; ++t) {
    const Vec u = load(in.u + (row + t) * in.uStride + l.first, l.n);
    const Vec raw = load(in.delta + (row + t) * in.deltaStride + l.first, l.n) + bias;
    Vec slope = splat(1.0f);
    const Vec dt = in.softplus ? softplus(raw, slope) : raw;
    Vec dy = load(g.dy + (row + t) * g.dyStride + l.first, l.n);
    if (in.z) {
      const Vec z = load(in.z + (row + t) * in.zStride + l.first, l.n), sig = sigmoid(z);
      c.dGate[t] = dy * (sig * (splat(1.0f) + z * (splat(1.0f) - sig)));
      dy *= z * sig;
    }
    c.u[t] = u, c.slope[t] = slope, c.dt[t] = dt, c.du[t] = dt * u, c.dy[t] = dy, c.y[t] = skip * u;
    c.lambdaB[t] = c.lqa[t] = Vec{};
  }
  overStates<kStateBlock>(N, c);
  Vec dSkip = load(carry + 2 * N * kWidth), dBias = load(carry + (2 * N + 1) * kWidth);
  for (int t = c.steps - 1; t >= 0; --t) {
    if (c.wantY) store(g.dz + (row + t) * g.dzStride + l.first, c.dGate[t] * c.y[t], l.n);
    // The sums over n were taken with A log2(e); undo the factor here, once per token.
    const Vec dRaw = (c.lqa[t] * splat(0.693147181f) + c.lambdaB[t] * c.u[t]) * c.slope[t];
    dSkip += c.dy[t] * c.u[t];
    dBias += dRaw;
    if (g.du) store(g.du + (row + t) * g.duStride + l.first, c.dy[t] * skip + c.lambdaB[t] * c.dt[t], l.n);
    if (g.dDelta) store(g.dDelta + (row + t) * g.dDeltaStride + l.first, dRaw, l.n);
  }
  store(carry + 2 * N * kWidth, dSkip);
  store(carry + (2 * N + 1) * kWidth, dBias);
}

/// Sums of the lanes of [steps, N] vectors into rows `stride` apart.
void sumLanes(const Vec* v, int steps, std::int64_t N, float* out, std::int64_t stride) {
  for (int t = 0; t < steps; ++t)
    for (std::int64_t n = 0; n < N; n += kWidth) {
      const int count = static_cast<int>(lesser(kWidth, N - n));
      Vec group[kWidth] = {};
      for (int i = 0; i < count; ++i) group[i] = v[t * N + n + i];
      store(out + t * stride + n, sumEach(group), count);
    }
}

void backwardTask(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                  const Plan& plan, std::int64_t task) {
  const std::int64_t N = plan.N, L = plan.L, b = task / plan.splits, split = task % plan.splits;
  const std::int64_t first = plan.blocks * split / plan.splits, last = plan.blocks * (split + 1) / plan.splits;
  Chunk c;
  c.bStride = in.bStride, c.cStride = in.cStride, c.N = N, c.wantY = in.z && g.dz;
  c.sumB = reinterpret_cast<Vec*>(plan.scratch + task * 2 * kScanChunk * N * kWidth);
  c.sumC = c.sumB + kScanChunk * N;
  for (std::int64_t block = first; block < last; ++block) {
    float* carry = plan.carry(b, block);
    std::memset(carry, 0, static_cast<std::size_t>(plan.carrySize) * sizeof(float));
    const Lanes l = lanesOf(block, s.channels);
    if (g.dLastState) gatherStates(g.dLastState + (b * s.channels + l.first) * N, l, N, 1.0f, carry, kWidth);
  }
  for (std::int64_t begin = (scanChunks(L) - 1) * kScanChunk; begin >= 0; begin -= kScanChunk) {
    const std::int64_t row = b * L + begin;
    c.steps = static_cast<int>(lesser(kScanChunk, L - begin));
    c.B = in.B + row * in.bStride, c.C = in.C + row * in.cStride, c.reset = in.reset ? in.reset + row : nullptr;
    std::memset(static_cast<void*>(c.sumB), 0, static_cast<std::size_t>(2 * kScanChunk * N) * sizeof(Vec));
    for (std::int64_t block = first; block < last; ++block)
      backwardChunk(s, in, checkpoints, g, plan, c, b, begin, block, first, last);
    if (plan.splits > 1) {
      sumLanes(c.sumB, c.steps, N, plan.partB + split * plan.partSize + row * N, N);
      sumLanes(c.sumC, c.steps, N, plan.partC + split * plan.partSize + row * N, N);
    } else {
      if (g.dB) sumLanes(c.sumB, c.steps, N, g.dB + row * g.dbStride, g.dbStride);
      if (g.dC) sumLanes(c.sumC, c.steps, N, g.dC + row * g.dcStride, g.dcStride);
    }
  }
}

/// Sums over the batch, in its order, of what every sequence gathered for the channels of one block.
void finishBlock(const ScanShape& s, const ScanGradients& g, const Plan& plan, std::int64_t block) {
  const std::int64_t N = plan.N;
  const Lanes l = lanesOf(block, s.channels);
  const auto total = [&](std::int64_t at) {
    Vec v{};
    for (std::int64_t b = 0; b < s.batch; ++b) v += load(plan.carry(b, block) + at * kWidth);
    return v;
  };
  if (g.dA)
    for (std::int64_t n = 0; n < N; ++n) {
      const Vec v = total(N + n);
      for (int i = 0; i < l.n; ++i) g.dA[(l.first + i) * N + n] = v[i];
    }
  if (g.dD) store(g.dD + l.first, total(2 * N), l.n);
  if (g.dDeltaBias) store(g.dDeltaBias + l.first, total(2 * N + 1), l.n);
  if (g.dh0)
    for (std::int64_t b = 0; b < s.batch; ++b)
      scatterStates(plan.carry(b, block), kWidth, l, N, g.dh0 + (b * s.channels + l.first) * N);
}

}  // namespace

void scanBackwardImpl(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                      float* workspace, const ParallelFor& parallel) {
  const Plan plan(s, parallel.threads, workspace);
  parallel(plan.blocks, 1 + 10000 / s.states, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const Lanes l = lanesOf(block, s.channels);
      gatherStates(in.A + l.first * s.states, l, s.states, kLog2e, plan.a2 + block * s.states * kWidth, kWidth);
    }
  });
  parallel(s.batch * plan.splits, 1, [&](std::int64_t begin, std::int64_t end) {
    const FlushSubnormals flush;
    for (std::int64_t task = begin; task < end; ++task) backwardTask(s, in, checkpoints, g, plan, task);
  });
  if (plan.splits > 1)
    parallel(s.batch * s.length, 1 + 50000 / s.states, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin * s.states; i < end * s.states; ++i) {
        float sumB = 0, sumC = 0;
        for (std::int64_t split = 0; split < plan.splits; ++split)
          sumB += plan.partB[split * plan.partSize + i], sumC += plan.partC[split * plan.partSize + i];
        if (g.dB) g.dB[i / s.states * g.dbStride + i % s.states] = sumB;
        if (g.dC) g.dC[i / s.states * g.dcStride + i % s.states] = sumC;
      }
    });
  parallel(plan.blocks, 1 + 10000 / (s.states * s.batch), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) finishBlock(s, g, plan, block);
  });
}

}  // namespace serp::kernels::SERP_ISA
