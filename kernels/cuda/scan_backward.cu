// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan backward. A block walks the chunks of its sequence from the last to the first, and the parts of a
// chunk likewise: it recomputes the part's states from the checkpoint into shared memory, then sweeps in reverse. dB
// and dC are summed over the block's channels (over lanes, then over warps) into one part per tile; dA, dD and the bias
// into one part per sequence. Further kernels add the parts up in their order.
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

/// A warp's room for one step: first the states before it, [state][lane], then the step's sums, [dB or dC][state].
template <class Plan>
constexpr int kSlab = Plan::kStates* kWarp > 2 * Plan::kAll ? Plan::kStates* kWarp : 2 * Plan::kAll;

/// Sums values[0 .. kCount) over the lanes of equal number modulo kLanes and shares them out: on return this lane holds
/// the first max(1, kCount * kLanes / 32) entries, which are those from `first` on of the sums. Lanes that hold the
/// same entry hold the same bits.
template <int kCount, int kLanes>
SERP_FN void reduceScatter(float (&values)[kCount], int& first) {
  first = 0;
  int kept = kCount;
  SERP_UNROLL
  for (unsigned mask = kWarp / 2; mask >= kLanes; mask /= 2) {
    if (kept > 1) {
      kept /= 2;
      const bool upper = laneX() & mask;
      SERP_UNROLL
      for (int i = 0; i < kCount / 2; ++i) {
        if (i >= kept) continue;
        const float other = shuffleXor(upper ? values[i] : values[i + kept], mask);
        values[i] = (upper ? values[i + kept] : values[i]) + other;
      }
      if (upper) first += kept;
    } else {
      values[0] += shuffleXor(values[0], mask);
    }
  }
}

template <class T, class Plan>
SERP_KERNEL_OF(kScanThreads, Plan::kStates == 4 ? 4 : 3)
scanBackwardKernel(ScanShape s, ScanInput in, const float* checkpoints, ScanGradients g, Parts parts,
                   std::int64_t chunks) {
  constexpr int kStates = Plan::kStates, kLanes = Plan::kLanes, kChunk = Plan::kChunk;
  constexpr int kTile = Plan::kTile > kScanThreads ? Plan::kTile : kScanThreads;  // at the end a number per thread
  // After reduceScatter a lane holds this many of the 2 kStates sums.
  constexpr int kShare = 2 * kStates * kLanes / kWarp > 1 ? 2 * kStates * kLanes / kWarp : 1;
  float* slabs = dynShared<float>();  // [step of the part][warp][kSlab]
  SERP_SHARED(float, sharedB, kChunk* Plan::kAll);
  SERP_SHARED(float, sharedC, kChunk* Plan::kAll);
  SERP_SHARED(float, sharedDt, kTile);  // in: dt; out: dRaw without the slope
  SERP_SHARED(float, sharedU, kTile);   // in: u; out: y without the gate
  SERP_SHARED(float, sharedDy, kTile);  // in: dy behind the gate; out: du
  SERP_SHARED(int, cut, kChunk);
  const ScanThread<Plan> me(s);
  const int warp = static_cast<int>(threadX()) / kWarp, lane = static_cast<int>(laneX());
  const std::int64_t stateAt = (me.b * s.channels + me.c) * s.states + me.n0;
  float a2[kStates], sumA[kStates] = {}, carry[kStates];  // carry: a_{t+1} λ_{t+1}
  bool has[kStates];
  for (int k = 0; k < kStates; ++k) {
    has[k] = Plan::kExact || me.n0 + k < s.states;
    a2[k] = me.inside && has[k] ? in.A[me.c * s.states + me.n0 + k] * kLog2e : 0.0f;
    carry[k] = me.inside && has[k] && g.dLastState ? g.dLastState[stateAt + k] : 0.0f;
  }
  const float skip = me.inside && in.D ? in.D[me.c] : 0.0f;
  const std::int64_t mine = ScanElement<Plan>(me.firstChannel, 0).c;  // of this thread's elements of tiles
  const float bias = mine < s.channels && in.deltaBias ? in.deltaBias[mine] : 0.0f;
  float sumD = 0, sumBias = 0;  // of channel `mine`, over this thread's elements
  for (std::int64_t chunk = chunks - 1; chunk >= 0; --chunk) {
    const std::int64_t first = chunk * kChunk, row0 = me.b * s.length + first;
    const int steps = static_cast<int>(s.length - first < kChunk ? s.length - first : kChunk);
    stageStates<T, Plan>(s, in.B, in.bStride, row0, steps, sharedB);
    stageStates<T, Plan>(s, in.C, in.cStride, row0, steps, sharedC);
    SERP_UNROLL_BY_4
    for (int m = 0; m < Plan::kPer; ++m) {
      const ScanElement<Plan> e(me.firstChannel, m);
      if (!e.inTile) continue;
      const bool there = e.c < s.channels && e.step < steps;
      const std::int64_t row = row0 + e.step;
      const float raw = there ? load<T>(in.delta, row * in.deltaStride + e.c) + bias : 0.0f,
                  u = there ? load<T>(in.u, row * in.uStride + e.c) : 0.0f;
      float dy = there ? load<T>(g.dy, row * g.dyStride + e.c) : 0.0f;
      if (in.z && there) {
        const float z = load<T>(in.z, row * in.zStride + e.c);
        dy *= z * sigmoid(z);
      }
      sharedDt[e.index] = in.softplus ? softplus(raw) : raw;
      sharedU[e.index] = u;
      sharedDy[e.index] = dy;
      sumD += dy * u;
    }
    if (static_cast<int>(threadX()) < steps) cut[threadX()] = in.reset && in.reset[row0 + threadX()];
    syncThreads();
    for (int begin = (steps - 1) / Plan::kPart * Plan::kPart; begin >= 0; begin -= Plan::kPart) {
      const int end = steps < begin + Plan::kPart ? steps : begin + Plan::kPart;
      float h[kStates];
      for (int k = 0; k < kStates; ++k)
        h[k] = me.inside && has[k] ? checkpoints[checkpointIndex(s, chunks, me.b, chunk, me.n0 + k, me.c)] : 0.0f;
      for (int i = 0; i < end; ++i) {
        const float dt = sharedDt[i * Plan::kChannels + me.channel],
                    input = dt * sharedU[i * Plan::kChannels + me.channel];
        const auto B = loadFloats<kStates>(sharedB + i * Plan::kAll + me.n0);
        float* before = slabs + ((i - begin) * kScanWarps + warp) * kSlab<Plan> + lane;
        const bool forget = cut[i];
        for (int k = 0; k < kStates; ++k) {
          if (i >= begin) before[k * kWarp] = h[k];
          if (has[k]) h[k] = (forget ? 0.0f : fastExp2(dt * a2[k]) * h[k]) + input * B[k];
        }
      }
      for (int i = end - 1; i >= begin; --i) {
        const int at = i * Plan::kChannels + me.channel;
        const float dt = sharedDt[at], u = sharedU[at], dy = sharedDy[at];
        const auto B = loadFloats<kStates>(sharedB + i * Plan::kAll + me.n0),
                   C = loadFloats<kStates>(sharedC + i * Plan::kAll + me.n0);
        float* slab = slabs + ((i - begin) * kScanWarps + warp) * kSlab<Plan>;
        const bool forget = cut[i];
        float y = 0, lambdaB = 0, lambdaA = 0;  // sums over the states of C h, λ B and λ q A log2(e)
        float sums[2 * kStates];                // dB, then dC
        for (int k = 0; k < kStates; ++k) {
          const float old = slab[k * kWarp + lane];
          sums[k] = sums[kStates + k] = 0;
          if (has[k]) {
            const float decay = forget ? 0.0f : fastExp2(dt * a2[k]), q = forget ? 0.0f : decay * old;
            const float lambda = dy * C[k] + carry[k];
            y += h[k] * C[k];
            lambdaB += lambda * B[k];
            lambdaA += lambda * q * a2[k];
            sumA[k] += lambda * q * dt;
            carry[k] = forget ? 0.0f : decay * lambda;
            sums[k] = lambda * dt * u;
            sums[kStates + k] = dy * h[k];
          }
          h[k] = old;
        }
        lambdaB = groupSum(lambdaB, kLanes);
        lambdaA = groupSum(lambdaA, kLanes);
        y = groupSum(y, kLanes);
        int firstSum = 0;
        reduceScatter<2 * kStates, kLanes>(sums, firstSum);
        syncWarp();  // all lanes have read the step's states and inputs, which now make room for its results
        // Of the lanes that hold the same sums the lowest writes them.
        constexpr unsigned kSame = 2 * kStates * kLanes < kWarp ? kWarp / (2 * kStates) : kLanes;
        if (lane % kSame < kLanes) {
          for (int j = 0; j < kShare; ++j) {
            const int which = (firstSum + j) / kStates, n = me.n0 + (firstSum + j) % kStates;
            slab[which * Plan::kAll + n] = sums[j];
          }
        }
        if (me.n0 == 0) {
          sharedDt[at] = lambdaA * kLn2 + lambdaB * u;
          sharedU[at] = y + skip * u;
          sharedDy[at] = dy * skip + lambdaB * dt;
        }
      }
      syncThreads();
      for (int j = static_cast<int>(threadX()); j < (end - begin) * 2 * Plan::kAll; j += kScanThreads) {
        const int step = j / (2 * Plan::kAll), which = j / Plan::kAll % 2, n = j % Plan::kAll;
        if (n >= s.states) continue;
        float sum = 0;
        for (int w = 0; w < kScanWarps; ++w)
          sum += slabs[(step * kScanWarps + w) * kSlab<Plan> + which * Plan::kAll + n];
        (which ? parts.dC : parts.dB)[(me.tile * s.batch * s.length + row0 + begin + step) * s.states + n] = sum;
      }
      syncThreads();  // the slabs are free again
    }
    SERP_UNROLL_BY_4
    for (int m = 0; m < Plan::kPer; ++m) {
      const ScanElement<Plan> e(me.firstChannel, m);
      if (e.c >= s.channels || e.step >= steps) continue;
      const std::int64_t row = row0 + e.step;
      float dRaw = sharedDt[e.index];
      if (in.softplus) dRaw *= softplusSlope(load<T>(in.delta, row * in.deltaStride + e.c) + bias);
      sumBias += dRaw;
      if (g.dDelta) store<T>(g.dDelta, row * g.dDeltaStride + e.c, dRaw);
      if (g.du) store<T>(g.du, row * g.duStride + e.c, sharedDy[e.index]);
      if (!g.dz) continue;
      const float z = load<T>(in.z, row * in.zStride + e.c), sig = sigmoid(z);
      store<T>(g.dz, row * g.dzStride + e.c,
               load<T>(g.dy, row * g.dyStride + e.c) * (sig * (1.0f + z * (1.0f - sig))) * sharedU[e.index]);
    }
    // No barrier: the next chunk stages what this thread has just read, and nobody else reads it before the next one.
  }
  for (int k = 0; k < kStates; ++k) {
    if (!me.inside || !has[k]) continue;
    parts.dA[stateAt + k] = sumA[k];
    if (g.dh0) g.dh0[stateAt + k] = carry[k];
  }
  // kLanes threads have summed over elements of one channel: [thread / kChannels][channel].
  sharedDt[threadX()] = sumD;
  sharedU[threadX()] = sumBias;
  syncThreads();
  if (threadX() >= Plan::kChannels || mine >= s.channels) return;
  for (int other = 1; other < kLanes; ++other) {
    sumD += sharedDt[other * Plan::kChannels + static_cast<int>(threadX())];
    sumBias += sharedU[other * Plan::kChannels + static_cast<int>(threadX())];
  }
  parts.dD[me.b * s.channels + mine] = sumD;
  parts.dBias[me.b * s.channels + mine] = sumBias;
}

template <class T, class Plan>
Status sweep(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
             const Parts& parts, Stream stream) {
  constexpr std::int64_t shared = Plan::kPart * kScanWarps * kSlab<Plan> * sizeof(float);
  return launch(scanBackwardKernel<T, Plan>, {s.batch * tilesOf(s), kScanThreads, shared, stream}, s, in, checkpoints,
                g, parts, chunksOf(s));
}

}  // namespace

std::int64_t scanBackwardWorkspace(const ScanShape& s) noexcept {
  if (s.states < 1) return 0;
  return 2 * tilesOf(s) * s.batch * s.length * s.states + s.batch * s.channels * (s.states + 2);
}

Status scanBackward(const ScanShape& s, const ScanInput& in, const float* checkpoints, const ScanGradients& g,
                    float* workspace, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (const Status status = check(s, in, g); status != Status::Ok) return status;
  if (!checkpoints || !workspace) return Status::BadArgument;
  const Parts parts(s, workspace);
  Status status = withScanPlan(s, [&](auto plan) {
    return withType(
        type, [&](auto zero) { return sweep<decltype(zero), decltype(plan)>(s, in, checkpoints, g, parts, stream); });
  });
  const std::int64_t tokens = s.batch * s.length * s.states, DN = s.channels * s.states;
  const auto add = [&](const float* from, std::int64_t number, std::int64_t count, std::int64_t width,
                       std::int64_t stride, float* to, DType as) {
    if (status == Status::Ok && to) status = sumParts(from, number, count, width, stride, 1.0f, to, stream, as);
  };
  add(parts.dB, tilesOf(s), tokens, s.states, g.dbStride, g.dB, type);
  add(parts.dC, tilesOf(s), tokens, s.states, g.dcStride, g.dC, type);
  add(parts.dA, s.batch, DN, DN, DN, g.dA, DType::Float32);
  add(parts.dD, s.batch, s.channels, s.channels, s.channels, g.dD, DType::Float32);
  add(parts.dBias, s.batch, s.channels, s.channels, s.channels, g.dDeltaBias, DType::Float32);
  return status;
}

}  // namespace serp::kernels::SERP_GPU
