// SPDX-License-Identifier: GPL-3.0-or-later
// Loops over time, channel and state in the order that an ordinary port would have.
#include "engine/tools/serp/scalar_scan.h"

#include <algorithm>
#include <cmath>

namespace serp::cli {
namespace {

std::vector<float> noise(std::int64_t count, float low, float high, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(count));
  seed = (seed + 1) * 0x9e3779b97f4a7c15ull;
  for (float& x : out) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    x = low + (high - low) * static_cast<float>(static_cast<double>(seed >> 11) * 0x1.0p-53);
  }
  return out;
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

}  // namespace

ScalarScan::ScalarScan(const kernels::ScanShape& s) : shape(s) {
  const std::int64_t rows = s.batch * s.length, wide = rows * s.channels, narrow = rows * s.states;
  u_ = noise(wide, -1, 1, 1);
  delta_ = noise(wide, -1, 1, 2);
  z_ = noise(wide, -2, 2, 3);
  dy_ = noise(wide, -1, 1, 4);
  B_ = noise(narrow, -1, 1, 5);
  C_ = noise(narrow, -1, 1, 6);
  D_ = noise(s.channels, 0, 1, 7);
  bias_ = noise(s.channels, -6, -2, 8);
  for (std::int64_t i = 0; i < s.channels * s.states; ++i) A_.push_back(-static_cast<float>(i % s.states + 1));
  y_ = du_ = dDelta_ = dz_ = u_;
  dB_ = dC_ = B_;
  dA_ = A_;
  dD_ = dBias_ = D_;
  checkpoints.resize(static_cast<std::size_t>(kernels::scanCheckpointCount(s)));
  states_.resize(static_cast<std::size_t>((s.length + 1) * s.states));
}

kernels::ScanInput ScalarScan::input() const {
  kernels::ScanInput in;
  in.u = u_.data();
  in.delta = delta_.data();
  in.A = A_.data();
  in.B = B_.data();
  in.C = C_.data();
  in.D = D_.data();
  in.z = z_.data();
  in.deltaBias = bias_.data();
  in.uStride = in.deltaStride = in.zStride = shape.channels;
  in.bStride = in.cStride = shape.states;
  return in;
}

kernels::ScanOutput ScalarScan::output() {
  kernels::ScanOutput o;
  o.y = y_.data();
  o.yStride = shape.channels;
  o.checkpoints = checkpoints.data();
  return o;
}

kernels::ScanGradients ScalarScan::gradients() {
  kernels::ScanGradients g;
  g.dy = dy_.data();
  g.du = du_.data();
  g.dDelta = dDelta_.data();
  g.dB = dB_.data();
  g.dC = dC_.data();
  g.dz = dz_.data();
  g.dA = dA_.data();
  g.dD = dD_.data();
  g.dDeltaBias = dBias_.data();
  g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = shape.channels;
  g.dbStride = g.dcStride = shape.states;
  return g;
}

void ScalarScan::forward() {
  const auto [batch, length, channels, N] = shape;
  std::vector<float> h(static_cast<std::size_t>(channels * N));
  for (std::int64_t row = 0; row < batch * length; ++row) {
    if (row % length == 0) std::fill(h.begin(), h.end(), 0.0f);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = row * channels + c;
      const float dt = softplus(delta_[i] + bias_[c]);
      float sum = D_[c] * u_[i];
      for (std::int64_t n = 0; n < N; ++n) {
        float& state = h[c * N + n];
        state = std::exp(dt * A_[c * N + n]) * state + dt * B_[row * N + n] * u_[i];
        sum += C_[row * N + n] * state;
      }
      y_[i] = sum * z_[i] * sigmoid(z_[i]);
    }
  }
}

void ScalarScan::backward() {
  const auto [batch, length, channels, N] = shape;
  for (std::vector<float>* sums : {&dA_, &dB_, &dC_, &dD_, &dBias_}) std::fill(sums->begin(), sums->end(), 0.0f);
  std::vector<float> dh(static_cast<std::size_t>(N));
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t c = 0; c < channels; ++c) {
      std::fill_n(states_.begin(), N, 0.0f);
      for (std::int64_t t = 0; t < length; ++t) {  // the states again
        const std::int64_t row = b * length + t, i = row * channels + c;
        const float dt = softplus(delta_[i] + bias_[c]);
        for (std::int64_t n = 0; n < N; ++n)
          states_[(t + 1) * N + n] = std::exp(dt * A_[c * N + n]) * states_[t * N + n] + dt * B_[row * N + n] * u_[i];
      }
      std::fill(dh.begin(), dh.end(), 0.0f);
      for (std::int64_t t = length - 1; t >= 0; --t) {
        const std::int64_t row = b * length + t, i = row * channels + c;
        const float raw = delta_[i] + bias_[c], dt = softplus(raw), gate = sigmoid(z_[i]);
        float sum = D_[c] * u_[i], du = 0, ddt = 0;
        for (std::int64_t n = 0; n < N; ++n) sum += C_[row * N + n] * states_[(t + 1) * N + n];
        const float g = dy_[i] * z_[i] * gate;
        dz_[i] = dy_[i] * sum * gate * (1 + z_[i] * (1 - gate));
        dD_[c] += g * u_[i];
        for (std::int64_t n = 0; n < N; ++n) {
          const float a = std::exp(dt * A_[c * N + n]), before = states_[t * N + n];
          const float back = dh[n] + g * C_[row * N + n];
          dC_[row * N + n] += g * states_[(t + 1) * N + n];
          dB_[row * N + n] += back * dt * u_[i];
          du += back * dt * B_[row * N + n];
          ddt += back * (a * A_[c * N + n] * before + B_[row * N + n] * u_[i]);
          dA_[c * N + n] += back * a * dt * before;
          dh[n] = back * a;
        }
        du_[i] = du + g * D_[c];
        dDelta_[i] = ddt * sigmoid(raw);
        dBias_[c] += dDelta_[i];
      }
    }
}

}  // namespace serp::cli
