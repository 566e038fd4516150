// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan as its definition reads: one loop over time, doubles, every state kept for the backward.
#include "kernels/selective_scan.h"

#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>

namespace serp::kernels::reference {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double softplus(double x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}

/// One channel of one sequence, with every state of it.
struct Channel {
  const ScanShape& s;
  const ScanInput& in;
  std::int64_t b, c;

  std::int64_t row(std::int64_t t) const { return b * s.length + t; }
  double raw(std::int64_t t) const {
    return in.delta[row(t) * in.deltaStride + c] + (in.deltaBias ? in.deltaBias[c] : 0.0);
  }
  double dt(std::int64_t t) const { return in.softplus ? softplus(raw(t)) : raw(t); }
  double u(std::int64_t t) const { return in.u[row(t) * in.uStride + c]; }
  double B(std::int64_t t, std::int64_t n) const { return in.B[row(t) * in.bStride + n]; }
  double C(std::int64_t t, std::int64_t n) const { return in.C[row(t) * in.cStride + n]; }
  double z(std::int64_t t) const { return in.z[row(t) * in.zStride + c]; }
  bool reset(std::int64_t t) const { return in.reset && in.reset[row(t)]; }
  double A(std::int64_t n) const { return in.A[c * s.states + n]; }
  double h0(std::int64_t n) const { return in.h0 ? in.h0[(b * s.channels + c) * s.states + n] : 0.0; }
  double decay(std::int64_t t, std::int64_t n) const { return reset(t) ? 0.0 : std::exp(dt(t) * A(n)); }
};

}  // namespace

Status scanForward(const ScanShape& s, const ScanInput& in, const ScanOutput& out) noexcept {
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const Channel ch{s, in, b, c};
      double h[256];
      for (std::int64_t n = 0; n < s.states; ++n) h[n] = ch.h0(n);
      for (std::int64_t t = 0; t < s.length; ++t) {
        double y = in.D ? in.D[c] * ch.u(t) : 0.0;
        for (std::int64_t n = 0; n < s.states; ++n) {
          h[n] = (ch.reset(t) ? 0.0 : std::exp(ch.dt(t) * ch.A(n)) * h[n]) + ch.dt(t) * ch.B(t, n) * ch.u(t);
          y += ch.C(t, n) * h[n];
        }
        if (in.z) y *= ch.z(t) * sigmoid(ch.z(t));
        out.y[ch.row(t) * out.yStride + c] = static_cast<float>(y);
      }
      if (out.lastState)
        for (std::int64_t n = 0; n < s.states; ++n)
          out.lastState[(b * s.channels + c) * s.states + n] = static_cast<float>(h[n]);
    }
  return Status::Ok;
}

Status scanBackward(const ScanShape& s, const ScanInput& in, const ScanGradients& g) noexcept {
  const std::int64_t N = s.states, L = s.length;
  // The oracle may allocate: [L+1, N] states, and double sums for what several channels or sequences share.
  const std::size_t rows = static_cast<std::size_t>(s.batch * L * N),
                    wide = static_cast<std::size_t>(s.channels * (N + 2));
  const std::unique_ptr<double[]> states(new (std::nothrow) double[static_cast<std::size_t>((L + 1) * N)]),
      sumB(new (std::nothrow) double[rows + 1]()), sumC(new (std::nothrow) double[rows + 1]()),
      sums(new (std::nothrow) double[wide]());
  if (!states || !sumB || !sumC || !sums) return Status::BadShape;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const Channel ch{s, in, b, c};
      double* h = states.get();
      for (std::int64_t n = 0; n < N; ++n) h[n] = ch.h0(n);
      for (std::int64_t t = 0; t < L; ++t)
        for (std::int64_t n = 0; n < N; ++n)
          h[(t + 1) * N + n] = ch.decay(t, n) * h[t * N + n] + ch.dt(t) * ch.B(t, n) * ch.u(t);
      double lambda[256];
      for (std::int64_t n = 0; n < N; ++n) lambda[n] = g.dLastState ? g.dLastState[(b * s.channels + c) * N + n] : 0.0;
      double* sum = sums.get() + c * (N + 2);
      for (std::int64_t t = L - 1; t >= 0; --t) {
        double dy = g.dy[ch.row(t) * g.dyStride + c], y = in.D ? in.D[c] * ch.u(t) : 0.0;
        for (std::int64_t n = 0; n < N; ++n) y += ch.C(t, n) * h[(t + 1) * N + n];
        if (in.z) {
          const double z = ch.z(t), sig = sigmoid(z);
          if (g.dz) g.dz[ch.row(t) * g.dzStride + c] = static_cast<float>(dy * y * sig * (1 + z * (1 - sig)));
          dy *= z * sig;
        }
        sum[N] += dy * ch.u(t);
        double du = in.D ? dy * in.D[c] : 0.0, dDt = 0;
        for (std::int64_t n = 0; n < N; ++n) {
          lambda[n] += ch.C(t, n) * dy;
          const double decayed = ch.decay(t, n) * h[t * N + n];
          sumC[static_cast<std::size_t>(ch.row(t) * N + n)] += dy * h[(t + 1) * N + n];
          sumB[static_cast<std::size_t>(ch.row(t) * N + n)] += lambda[n] * ch.dt(t) * ch.u(t);
          du += lambda[n] * ch.dt(t) * ch.B(t, n);
          dDt += lambda[n] * (ch.B(t, n) * ch.u(t) + ch.A(n) * decayed);
          sum[n] += lambda[n] * ch.dt(t) * decayed;
          lambda[n] *= ch.decay(t, n);
        }
        const double dRaw = in.softplus && ch.raw(t) <= 20 ? dDt * sigmoid(ch.raw(t)) : dDt;
        sum[N + 1] += dRaw;
        if (g.du) g.du[ch.row(t) * g.duStride + c] = static_cast<float>(du);
        if (g.dDelta) g.dDelta[ch.row(t) * g.dDeltaStride + c] = static_cast<float>(dRaw);
      }
      if (g.dh0)
        for (std::int64_t n = 0; n < N; ++n) g.dh0[(b * s.channels + c) * N + n] = static_cast<float>(lambda[n]);
    }
  for (std::int64_t r = 0; r < s.batch * L; ++r)
    for (std::int64_t n = 0; n < N; ++n) {
      if (g.dB) g.dB[r * g.dbStride + n] = static_cast<float>(sumB[static_cast<std::size_t>(r * N + n)]);
      if (g.dC) g.dC[r * g.dcStride + n] = static_cast<float>(sumC[static_cast<std::size_t>(r * N + n)]);
    }
  for (std::int64_t c = 0; c < s.channels; ++c) {
    const double* sum = sums.get() + c * (N + 2);
    for (std::int64_t n = 0; n < N && g.dA; ++n) g.dA[c * N + n] = static_cast<float>(sum[n]);
    if (g.dD) g.dD[c] = static_cast<float>(sum[N]);
    if (g.dDeltaBias) g.dDeltaBias[c] = static_cast<float>(sum[N + 1]);
  }
  return Status::Ok;
}

}  // namespace serp::kernels::reference
