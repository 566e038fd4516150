// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan forward and one step: serial in time, states in registers, a chunk's rows staged in shared memory
// while those of the next are on their way.
#include "kernels/cuda/scan.h"

namespace serp::kernels::SERP_GPU {
namespace {

template <class T, class Plan>
SERP_KERNEL_OF(kScanThreads, Plan::kForwardBlocks)
scanForwardKernel(ScanShape s, ScanInput in, ScanOutput out, std::int64_t chunks) {
  constexpr int kStates = Plan::kStates, kChunk = Plan::kChunk, kTile = Plan::kTile;
  SERP_SHARED(float, sharedB, kChunk* Plan::kAll);
  SERP_SHARED(float, sharedC, kChunk* Plan::kAll);
  SERP_SHARED(float, sharedDt, kTile);
  SERP_SHARED(float, sharedU, kTile);
  SERP_SHARED(float, sharedY, kTile);
  SERP_SHARED(int, cut, kChunk);
  const ScanThread<Plan> me(s);
  float a2[kStates], h[kStates];
  bool has[kStates];
  for (int k = 0; k < kStates; ++k) {
    has[k] = Plan::kExact || me.n0 + k < s.states;
    a2[k] = me.inside && has[k] ? in.A[me.c * s.states + me.n0 + k] * kLog2e : 0.0f;
    h[k] = me.inside && has[k] && in.h0 ? in.h0[(me.b * s.channels + me.c) * s.states + me.n0 + k] : 0.0f;
  }
  // Skip and bias belong to the channel of this thread's elements, the same for all of them.
  const std::int64_t mine = ScanElement<Plan>(me.firstChannel, 0).c;
  const float skip = mine < s.channels && in.D ? in.D[mine] : 0.0f,
              bias = mine < s.channels && in.deltaBias ? in.deltaBias[mine] : 0.0f;
  constexpr int kHeld = Plan::kAhead ? Plan::kPer : 1;
  float nextU[kHeld], nextRaw[kHeld];
  const auto fetch = [&](std::int64_t first, int m, float& u, float& raw) {
    const ScanElement<Plan> e(me.firstChannel, m);
    const bool there = e.inTile && e.c < s.channels && first + e.step < s.length;
    const std::int64_t row = me.b * s.length + first + e.step;
    u = there ? load<T>(in.u, row * in.uStride + e.c) : 0.0f;
    raw = there ? load<T>(in.delta, row * in.deltaStride + e.c) : 0.0f;
  };
  const auto fetchAhead = [&](std::int64_t first) {
    if constexpr (Plan::kAhead)
      for (int m = 0; m < Plan::kPer; ++m) fetch(first, m, nextU[m], nextRaw[m]);
  };
  fetchAhead(0);
  for (std::int64_t first = 0, chunk = 0; first < s.length; first += kChunk, ++chunk) {
    const std::int64_t row0 = me.b * s.length + first;
    const int steps = static_cast<int>(s.length - first < kChunk ? s.length - first : kChunk);
    stageStates<T, Plan>(s, in.B, in.bStride, row0, steps, sharedB);
    stageStates<T, Plan>(s, in.C, in.cStride, row0, steps, sharedC);
    SERP_UNROLL_BY_4
    for (int m = 0; m < Plan::kPer; ++m) {
      const ScanElement<Plan> e(me.firstChannel, m);
      if (!e.inTile) continue;
      float& raw = nextRaw[Plan::kAhead ? m : 0];
      float& u = nextU[Plan::kAhead ? m : 0];
      if constexpr (!Plan::kAhead) fetch(first, m, u, raw);
      sharedU[e.index] = u;
      sharedDt[e.index] = in.softplus ? softplus(raw + bias) : raw + bias;
    }
    if (static_cast<int>(threadX()) < steps) cut[threadX()] = in.reset && in.reset[row0 + threadX()];
    if (out.checkpoints)
      for (int k = 0; k < kStates; ++k)
        if (me.inside && has[k]) out.checkpoints[checkpointIndex(s, chunks, me.b, chunk, me.n0 + k, me.c)] = h[k];
    syncThreads();
    fetchAhead(first + kChunk);
    for (int i = 0; i < steps; ++i) {
      const float dt = sharedDt[i * Plan::kChannels + me.channel],
                  input = dt * sharedU[i * Plan::kChannels + me.channel];
      const auto B = loadFloats<kStates>(sharedB + i * Plan::kAll + me.n0),
                 C = loadFloats<kStates>(sharedC + i * Plan::kAll + me.n0);
      const bool forget = cut[i];
      float y = 0;
      for (int k = 0; k < kStates; ++k) {
        if (!has[k]) continue;
        h[k] = (forget ? 0.0f : fastExp2(dt * a2[k]) * h[k]) + input * B[k];
        y += h[k] * C[k];
      }
      y = groupSum(y, Plan::kLanes);
      if (me.n0 == 0) sharedY[i * Plan::kChannels + me.channel] = y;
    }
    syncThreads();
    SERP_UNROLL_BY_4
    for (int m = 0; m < Plan::kPer; ++m) {
      const ScanElement<Plan> e(me.firstChannel, m);
      if (e.c >= s.channels || e.step >= steps) continue;
      float y = sharedY[e.index] + skip * sharedU[e.index];  // written by this thread
      if (in.z) {
        const float z = load<T>(in.z, (row0 + e.step) * in.zStride + e.c);
        y *= z * sigmoid(z);
      }
      store<T>(out.y, (row0 + e.step) * out.yStride + e.c, y);
    }
  }
  if (!out.lastState || !me.inside) return;
  for (int k = 0; k < kStates; ++k)
    if (has[k]) out.lastState[(me.b * s.channels + me.c) * s.states + me.n0 + k] = h[k];
}

Status forward(const ScanShape& s, const ScanInput& in, const ScanOutput& out, Stream stream, DType type) {
  return withScanPlan(s, [&](auto plan) {
    const Launch l{s.batch * tilesOf(s), kScanThreads, 0, stream};
    return withType(type, [&](auto zero) {
      return launch(scanForwardKernel<decltype(zero), decltype(plan)>, l, s, in, out, chunksOf(s));
    });
  });
}

}  // namespace

std::int64_t scanCheckpointCount(const ScanShape& s) noexcept {
  return s.states < 1 ? 0 : s.batch * chunksOf(s) * s.states * s.channels;
}

Status scanForward(const ScanShape& s, const ScanInput& in, const ScanOutput& out, Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out.y || out.yStride < s.channels) return Status::BadArgument;
  return forward(s, in, out, stream, type);
}

Status scanStep(const ScanShape& s, const ScanInput& in, float* state, float* y, std::int64_t yStride, Stream stream,
                DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (s.length != 1) return Status::BadShape;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!state || !y || yStride < s.channels) return Status::BadArgument;
  ScanInput from = in;
  from.h0 = state;
  ScanOutput out;
  out.y = y, out.yStride = yStride, out.lastState = state;  // a thread reads its states before it writes them
  return forward(s, from, out, stream, type);
}

}  // namespace serp::kernels::SERP_GPU
