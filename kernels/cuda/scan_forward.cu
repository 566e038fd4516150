// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan forward and one step: serial in time, states in registers, the loads of four steps in flight.
#include "kernels/cuda/scan.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kAhead = 4;

template <int kStates>
SERP_KERNEL scanForwardKernel(ScanShape s, ScanInput in, ScanOutput out, int lanes, std::int64_t chunks) {
  const ScanThread me(s, lanes, kStates);
  float a2[kStates], h[kStates];
  for (int k = 0; k < kStates; ++k) {
    const bool has = me.inside && me.n0 + k < s.states;
    a2[k] = has ? in.A[me.c * s.states + me.n0 + k] * kLog2e : 0.0f;
    h[k] = has && in.h0 ? in.h0[(me.b * s.channels + me.c) * s.states + me.n0 + k] : 0.0f;
  }
  const float skip = me.inside && in.D ? in.D[me.c] : 0.0f,
              bias = me.inside && in.deltaBias ? in.deltaBias[me.c] : 0.0f;
  for (std::int64_t t0 = 0; t0 < s.length; t0 += kAhead) {
    float u[kAhead] = {}, raw[kAhead] = {}, z[kAhead] = {};
    for (int i = 0; i < kAhead; ++i) {
      const std::int64_t row = me.b * s.length + t0 + i;
      if (!me.inside || t0 + i >= s.length) continue;
      u[i] = in.u[row * in.uStride + me.c];
      raw[i] = in.delta[row * in.deltaStride + me.c];
      if (in.z) z[i] = in.z[row * in.zStride + me.c];
    }
    for (int i = 0; i < kAhead && t0 + i < s.length; ++i) {
      const std::int64_t t = t0 + i, row = me.b * s.length + t;
      if (out.checkpoints && t % kChunk<kStates> == 0)
        for (int k = 0; k < kStates; ++k)
          if (me.inside && me.n0 + k < s.states)
            out.checkpoints[checkpointIndex(s, chunks, me.b, t / kChunk<kStates>, me.n0 + k, me.c)] = h[k];
      const bool cut = in.reset && in.reset[row];
      const float dt = in.softplus ? softplus(raw[i] + bias) : raw[i] + bias, input = dt * u[i];
      float y = 0;
      for (int k = 0; k < kStates; ++k) {
        const bool has = me.n0 + k < s.states;
        const float B = has ? in.B[row * in.bStride + me.n0 + k] : 0.0f,
                    C = has ? in.C[row * in.cStride + me.n0 + k] : 0.0f;
        h[k] = (cut ? 0.0f : exp2f(dt * a2[k]) * h[k]) + input * B;
        if (has) y += h[k] * C;
      }
      y = groupSum(y, static_cast<unsigned>(lanes)) + skip * u[i];
      if (in.z) y *= z[i] * sigmoid(z[i]);
      if (me.leads) out.y[row * out.yStride + me.c] = y;
    }
  }
  if (!out.lastState || !me.inside) return;
  for (int k = 0; k < kStates; ++k)
    if (me.n0 + k < s.states) out.lastState[(me.b * s.channels + me.c) * s.states + me.n0 + k] = h[k];
}

Status forward(const ScanShape& s, const ScanInput& in, const ScanOutput& out, Stream stream) {
  const Launch l{s.batch * tilesOf(s), kScanThreads, 0, stream};
  const int lanes = lanesPerChannel(s.states);
  return statesPerThread(s.states) == 4 ? launch(scanForwardKernel<4>, l, s, in, out, lanes, chunksOf(s))
                                        : launch(scanForwardKernel<8>, l, s, in, out, lanes, chunksOf(s));
}

}  // namespace

std::int64_t scanCheckpointCount(const ScanShape& s) noexcept {
  return s.states < 1 ? 0 : s.batch * chunksOf(s) * s.states * s.channels;
}

Status scanForward(const ScanShape& s, const ScanInput& in, const ScanOutput& out, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!out.y || out.yStride < s.channels) return Status::BadArgument;
  return forward(s, in, out, stream);
}

Status scanStep(const ScanShape& s, const ScanInput& in, float* state, float* y, std::int64_t yStride,
                Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (s.length != 1) return Status::BadShape;
  if (const Status status = check(s, in); status != Status::Ok || nothing(s)) return status;
  if (!state || !y || yStride < s.channels) return Status::BadArgument;
  ScanInput from = in;
  from.h0 = state;
  ScanOutput out;
  out.y = y, out.yStride = yStride, out.lastState = state;  // a thread reads its states before it writes them
  return forward(s, from, out, stream);
}

}  // namespace serp::kernels::SERP_GPU
