// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan backward. A block walks the chunks of its sequence from the last to the first: it recomputes the
// chunk's states from the checkpoint into shared memory, then sweeps in reverse. dB and dC are summed over the block's
// channels (over lanes, then over warps) into one part per tile; dA, dD and the bias into one part per sequence.
// Further kernels add the parts up in their order.
#include "kernels/cuda/scan.h"

namespace serp::kernels::SERP_GPU {
namespace {

/// Where the workspace keeps what: [tiles, B L N] twice, then [B, D N], [B, D], [B, D].
struct Parts {
  float *dB, *dC, *dA, *dD, *dBias;

  Parts(const ScanShape& s, float* workspace) {
    const std::int64_t rows = tilesOf(s) * s.batch * s.length * s.states, channels = s.batch * s.channels;
    dB = workspace, dC = dB + rows, dA = dC + rows, dD = dA + channels * s.states, dBias = dD + channels;
  }
};

template <int kStates>
SERP_KERNEL scanBackwardKernel(ScanShape s, ScanInput in, const float* checkpoints, ScanGradients g, Parts parts,
                               int lanes, std::int64_t chunks) {
  const ScanThread me(s, lanes, kStates);
  float* before = dynShared<float>();                               // [chunk][kStates][thread]
  float* sums = before + kChunk<kStates> * kStates * kScanThreads;  // [warp][chunk][B or C][N]
  const int N = static_cast<int>(s.states), warp = static_cast<int>(threadX()) / kWarp;
  const std::int64_t stateAt = (me.b * s.channels + me.c) * s.states + me.n0;
  float a2[kStates], sumA[kStates] = {}, carry[kStates];  // carry: a_{t+1} λ_{t+1}
  bool has[kStates];
  for (int k = 0; k < kStates; ++k) {
    has[k] = me.n0 + k < s.states;
    a2[k] = me.inside && has[k] ? in.A[me.c * s.states + me.n0 + k] * kLog2e : 0.0f;
    carry[k] = me.inside && has[k] && g.dLastState ? g.dLastState[stateAt + k] : 0.0f;
  }
  const float skip = me.inside && in.D ? in.D[me.c] : 0.0f,
              bias = me.inside && in.deltaBias ? in.deltaBias[me.c] : 0.0f;
  float sumD = 0, sumBias = 0;
  for (std::int64_t chunk = chunks - 1; chunk >= 0; --chunk) {
    const std::int64_t first = chunk * kChunk<kStates>;
    const int steps = static_cast<int>(s.length - first < kChunk<kStates> ? s.length - first : kChunk<kStates>);
    float h[kStates];
    for (int k = 0; k < kStates; ++k)
      h[k] = me.inside && has[k] ? checkpoints[checkpointIndex(s, chunks, me.b, chunk, me.n0 + k, me.c)] : 0.0f;
    for (int i = 0; i < steps; ++i) {
      const std::int64_t row = me.b * s.length + first + i;
      const float raw = me.inside ? in.delta[row * in.deltaStride + me.c] + bias : 0.0f;
      const float u = me.inside ? in.u[row * in.uStride + me.c] : 0.0f, dt = in.softplus ? softplus(raw) : raw;
      const bool cut = in.reset && in.reset[row];
      for (int k = 0; k < kStates; ++k) {
        before[(i * kStates + k) * kScanThreads + threadX()] = h[k];
        h[k] = (cut ? 0.0f : exp2f(dt * a2[k]) * h[k]) + (has[k] ? dt * u * in.B[row * in.bStride + me.n0 + k] : 0.0f);
      }
    }
    for (int i = steps - 1; i >= 0; --i) {
      const std::int64_t row = me.b * s.length + first + i;
      const float raw = me.inside ? in.delta[row * in.deltaStride + me.c] + bias : 0.0f;
      const float u = me.inside ? in.u[row * in.uStride + me.c] : 0.0f, dt = in.softplus ? softplus(raw) : raw;
      float dy = me.inside ? g.dy[row * g.dyStride + me.c] : 0.0f, gateSlope = 0;
      const bool cut = in.reset && in.reset[row];
      if (in.z) {
        const float z = me.inside ? in.z[row * in.zStride + me.c] : 0.0f, sig = sigmoid(z);
        gateSlope = dy * (sig * (1.0f + z * (1.0f - sig)));
        dy *= z * sig;
      }
      float y = 0, lambdaB = 0, lambdaA = 0;  // sums over the states of C h, λ B and λ q A log2(e)
      for (int k = 0; k < kStates; ++k) {
        const float B = has[k] ? in.B[row * in.bStride + me.n0 + k] : 0.0f,
                    C = has[k] ? in.C[row * in.cStride + me.n0 + k] : 0.0f;
        const float old = before[(i * kStates + k) * kScanThreads + threadX()], decay = cut ? 0.0f : exp2f(dt * a2[k]);
        const float q = cut ? 0.0f : decay * old, lambda = dy * C + carry[k];
        if (has[k]) y += h[k] * C;
        lambdaB += lambda * B;
        lambdaA += lambda * q * a2[k];
        sumA[k] += lambda * q * dt;
        carry[k] = cut ? 0.0f : decay * lambda;
        // Over the channels of this warp: the lanes of equal n0 lie `lanes` apart.
        float dB = me.inside ? lambda * dt * u : 0.0f, dC = me.inside ? dy * h[k] : 0.0f;
        for (unsigned mask = static_cast<unsigned>(lanes); mask < kWarp; mask *= 2) {
          dB += shuffleXor(dB, mask);
          dC += shuffleXor(dC, mask);
        }
        if (has[k] && laneX() < static_cast<unsigned>(lanes)) {
          float* to = sums + ((warp * kChunk<kStates> + i) * 2) * N + me.n0 + k;
          to[0] = dB;
          to[N] = dC;
        }
        h[k] = old;
      }
      lambdaB = groupSum(lambdaB, static_cast<unsigned>(lanes));
      lambdaA = groupSum(lambdaA, static_cast<unsigned>(lanes));
      y = groupSum(y, static_cast<unsigned>(lanes)) + skip * u;
      const float dRaw = (lambdaA * 0.693147181f + lambdaB * u) * (in.softplus ? softplusSlope(raw) : 1.0f);
      sumD += dy * u;
      sumBias += dRaw;
      if (!me.leads) continue;
      if (g.dz) g.dz[row * g.dzStride + me.c] = gateSlope * y;
      if (g.du) g.du[row * g.duStride + me.c] = dy * skip + lambdaB * dt;
      if (g.dDelta) g.dDelta[row * g.dDeltaStride + me.c] = dRaw;
    }
    syncThreads();
    for (int j = static_cast<int>(threadX()); j < steps * N; j += kScanThreads) {
      float dB = 0, dC = 0;
      for (int w = 0; w < kScanWarps; ++w) {
        const float* from = sums + ((w * kChunk<kStates> + j / N) * 2) * N + j % N;
        dB += from[0];
        dC += from[N];
      }
      const std::int64_t to = (me.tile * s.batch * s.length + me.b * s.length + first) * N + j;
      parts.dB[to] = dB;
      parts.dC[to] = dC;
    }
    syncThreads();
  }
  if (!me.inside) return;
  for (int k = 0; k < kStates; ++k) {
    if (!has[k]) continue;
    parts.dA[stateAt + k] = sumA[k];
    if (g.dh0) g.dh0[stateAt + k] = carry[k];
  }
  if (me.leads) {
    parts.dD[me.b * s.channels + me.c] = sumD;
    parts.dBias[me.b * s.channels + me.c] = sumBias;
  }
}

template <int kStates>
Status sweep(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
             const Parts& parts, Stream stream) {
  const std::int64_t shared = kChunk<kStates> * (kStates * kScanThreads + kScanWarps * 2 * s.states);
  return launch(scanBackwardKernel<kStates>,
                {s.batch * tilesOf(s), kScanThreads, shared * static_cast<std::int64_t>(sizeof(float)), stream}, s, in,
                checkpoints, g, parts, lanesPerChannel(s.states), chunksOf(s));
}

}  // namespace

std::int64_t scanBackwardWorkspace(const ScanShape& s) noexcept {
  if (s.states < 1) return 0;
  return 2 * tilesOf(s) * s.batch * s.length * s.states + s.batch * s.channels * (s.states + 2);
}

Status scanBackward(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                    float* workspace, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (const Status status = check(s, in, g); status != Status::Ok) return status;
  if (!checkpoints || !workspace) return Status::BadArgument;
  const Parts parts(s, workspace);
  Status status = statesPerThread(s.states) == 4 ? sweep<4>(s, in, checkpoints, g, parts, stream)
                                                 : sweep<8>(s, in, checkpoints, g, parts, stream);
  const std::int64_t tokens = s.batch * s.length * s.states, DN = s.channels * s.states;
  const auto add = [&](const float* from, std::int64_t number, std::int64_t count, std::int64_t width,
                       std::int64_t stride, float* to) {
    if (status == Status::Ok && to) status = sumParts(from, number, count, width, stride, 1.0f, to, stream);
  };
  add(parts.dB, tilesOf(s), tokens, s.states, g.dbStride, g.dB);
  add(parts.dC, tilesOf(s), tokens, s.states, g.dcStride, g.dC);
  add(parts.dA, s.batch, DN, DN, DN, g.dA);
  add(parts.dD, s.batch, s.channels, s.channels, s.channels, g.dD);
  add(parts.dBias, s.batch, s.channels, s.channels, s.channels, g.dDeltaBias);
  return status;
}

}  // namespace serp::kernels::SERP_GPU
