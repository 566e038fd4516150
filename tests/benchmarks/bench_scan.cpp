// SPDX-License-Identifier: GPL-3.0-or-later
// The scan and the convolution, for every instruction set of this machine. "scalar" is the same recurrence as an
// ordinary loop with expf: what a port without vectors costs.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "kernels/causal_conv1d.h"
#include "kernels/selective_scan.h"
#include "tests/benchmarks/noise.h"
#include "tests/benchmarks/roof.h"

namespace serp::bench {
namespace {

using namespace kernels;

/// Inputs as a freshly initialised Mamba layer sees them: A = -1..-N, step sizes between 1e-3 and 1e-1.
struct ScanCase {
  ScanShape s;
  std::vector<float> u, delta, A, B, C, D, z, bias, y, dy, du, dDelta, dB, dC, dz, dA, dD, dBias, checkpoints,
      workspace;
  ScanInput in;
  ScanOutput out;
  ScanGradients g;

  explicit ScanCase(const benchmark::State& state) {
    s = {state.range(0), state.range(1), state.range(2), state.range(3)};
    const std::int64_t rows = s.batch * s.length, wide = rows * s.channels, narrow = rows * s.states;
    u = noise(wide, -1, 1, 1), delta = noise(wide, -1, 1, 2), z = noise(wide, -2, 2, 3), dy = noise(wide, -1, 1, 4);
    B = noise(narrow, -1, 1, 5), C = noise(narrow, -1, 1, 6), D = noise(s.channels, 0, 1, 7),
    bias = noise(s.channels, -6, -2, 8);
    for (std::int64_t i = 0; i < s.channels * s.states; ++i) A.push_back(-static_cast<float>(i % s.states + 1));
    y.resize(u.size()), du = dDelta = dz = y, dB.resize(B.size()), dC = dB, dA.resize(A.size()), dD.resize(D.size()),
                        dBias = dD;
    checkpoints.resize(static_cast<std::size_t>(scanCheckpointCount(s)));
    workspace.resize(static_cast<std::size_t>(scanBackwardWorkspace(s, 1)));
    in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = B.data(), in.C = C.data(), in.D = D.data();
    in.z = z.data(), in.deltaBias = bias.data();
    in.uStride = in.deltaStride = in.zStride = s.channels, in.bStride = in.cStride = s.states;
    out.y = y.data(), out.yStride = s.channels, out.checkpoints = checkpoints.data();
    g.dy = dy.data(), g.du = du.data(), g.dDelta = dDelta.data(), g.dB = dB.data(), g.dC = dC.data(), g.dz = dz.data();
    g.dA = dA.data(), g.dD = dD.data(), g.dDeltaBias = dBias.data();
    g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = s.channels, g.dbStride = g.dcStride = s.states;
  }
  /// An element is one state of one channel at one token. `vector` instructions per element, `token` ones per channel
  /// and token.
  void done(benchmark::State& state, Isa isa, double vector, double token, double arrays) const {
    const auto N = static_cast<double>(s.states);
    const std::size_t bytes =
        (u.size() * static_cast<std::size_t>(arrays) + B.size() * 4 + checkpoints.size()) * sizeof(float);
    report(state, s.batch * s.length * s.channels * s.states, {4 * arrays / N + 0.25, vector + token / N}, bytes, isa);
  }
};

void scanForwardBench(benchmark::State& state, Isa isa) {
  if (!use(state, isa)) return;
  ScanCase c(state);
  for (auto _ : state) benchmark::DoNotOptimize(scanForward(c.s, c.in, c.out, serial()));
  c.done(state, isa, 11, 50, 4);  // 7 for the exponential
}

void scanBackwardBench(benchmark::State& state, Isa isa) {
  if (!use(state, isa)) return;
  ScanCase c(state);
  scanForward(c.s, c.in, c.out, serial());
  for (auto _ : state)
    benchmark::DoNotOptimize(scanBackward(c.s, c.in, c.checkpoints.data(), c.g, c.workspace.data(), serial()));
  c.done(state, isa, 20, 70, 7);
}

void scanScalarBench(benchmark::State& state) {
  ScanCase c(state);
  const ScanShape& s = c.s;
  std::vector<float> h(static_cast<std::size_t>(s.channels * s.states));
  for (auto _ : state) {
    for (std::int64_t row = 0; row < s.batch * s.length; ++row) {
      if (row % s.length == 0) h.assign(h.size(), 0.0f);
      for (std::int64_t i = 0; i < s.channels; ++i) {
        const std::size_t at = static_cast<std::size_t>(row * s.channels + i);
        const float raw = c.delta[at] + c.bias[static_cast<std::size_t>(i)],
                    dt = raw > 20 ? raw : std::log1p(std::exp(raw));
        float y = c.D[static_cast<std::size_t>(i)] * c.u[at];
        for (std::int64_t n = 0; n < s.states; ++n) {
          float& state_ = h[static_cast<std::size_t>(i * s.states + n)];
          state_ = std::exp(dt * c.in.A[i * s.states + n]) * state_ + dt * c.u[at] * c.in.B[row * s.states + n];
          y += state_ * c.in.C[row * s.states + n];
        }
        c.y[at] = y * c.z[at] / (1 + std::exp(-c.z[at]));
      }
    }
    benchmark::ClobberMemory();
  }
  c.done(state, Isa::Portable, 11, 50, 4);
}

void scanStepBench(benchmark::State& state, Isa isa) {
  if (!use(state, isa)) return;
  ScanCase c(state);
  std::vector<float> h(static_cast<std::size_t>(c.s.batch * c.s.channels * c.s.states));
  for (auto _ : state) benchmark::DoNotOptimize(scanStep(c.s, c.in, h.data(), c.y.data(), c.s.channels, serial()));
  c.done(state, isa, 11, 50, 4);
}

void convBench(benchmark::State& state, Isa isa, bool backward) {
  if (!use(state, isa)) return;
  const ConvShape s{state.range(0), state.range(1), state.range(2), 4};
  const auto x = noise(s.batch * s.length * s.channels, -1, 1, 1), w = noise(s.channels * 4, -1, 1, 2),
             b = noise(s.channels, -1, 1, 3);
  std::vector<float> y(x.size()), dx(x.size()), dw(w.size()), db(b.size());
  std::vector<float> workspace(static_cast<std::size_t>(convBackwardWorkspace(s, 1)));
  ConvInput in;
  in.x = x.data(), in.weight = w.data(), in.bias = b.data(), in.xStride = s.channels;
  ConvGradients g;
  g.dOut = x.data(), g.dx = dx.data(), g.dWeight = dw.data(), g.dBias = db.data(),
  g.dOutStride = g.dxStride = s.channels;
  for (auto _ : state) {
    if (backward)
      benchmark::DoNotOptimize(convBackward(s, in, g, workspace.data(), serial()));
    else
      benchmark::DoNotOptimize(convForward(s, in, y.data(), s.channels, serial()));
  }
  // SiLU is about 16 instructions; the backward takes the convolution again, its derivative, and two more of its kind.
  report(state, s.batch * s.length * s.channels, backward ? Cost{12, 34} : Cost{8, 20}, x.size() * (backward ? 12 : 8),
         isa);
}

}  // namespace

void registerScans() {
  for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (!isaAvailable(isa)) continue;
    const std::string name = isaName(isa);
    for (const auto& [title, f] :
         {std::pair{"scan_forward/", &scanForwardBench}, std::pair{"scan_backward/", &scanBackwardBench}}) {
      auto* bench = benchmark::RegisterBenchmark((title + name).c_str(), f, isa)
                        ->Args({8, 256, 128, 16})
                        ->Args({8, 256, 256, 16})
                        ->Args({4, 512, 512, 16});
      if (isa == Isa::Avx512) bench->Args({1, 512, 2048, 16})->Args({2, 256, 341, 5})->Args({2, 256, 256, 64});
    }
    benchmark::RegisterBenchmark(("scan_step/" + name).c_str(), scanStepBench, isa)->Args({1, 1, 1024, 16});
    for (const bool backward : {false, true})
      benchmark::RegisterBenchmark(((backward ? "conv_backward/" : "conv_forward/") + name).c_str(), convBench, isa,
                                   backward)
          ->Args({8, 256, 256})
          ->Args({4, 512, 1024});
  }
  benchmark::RegisterBenchmark("scan_forward/scalar", scanScalarBench)
      ->Args({8, 256, 256, 16})
      ->Args({4, 512, 512, 16});
}

}  // namespace serp::bench
