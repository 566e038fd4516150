// SPDX-License-Identifier: GPL-3.0-or-later
// Micro-benchmarks of the kernel floor: elements per second (an element is one state of one channel at one token for
// the scan).
//
//   bench_kernels --benchmark_filter=scan        every instruction set of this machine, on one thread
// "scalar" is the same recurrence as an ordinary loop with expf: what a port without vectors costs.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/causal_conv1d.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"

namespace {

using namespace serp::kernels;

std::vector<float> noise(std::int64_t n, float low, float high, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) x = draw(random);
  return v;
}

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
  void report(benchmark::State& state) const {
    state.SetItemsProcessed(state.iterations() * s.batch * s.length * s.channels * s.states);
  }
};

void scanForwardBench(benchmark::State& state, Isa isa) {
  if (forceIsa(isa) != Status::Ok) return state.SkipWithError("not on this machine");
  ScanCase c(state);
  for (auto _ : state) benchmark::DoNotOptimize(scanForward(c.s, c.in, c.out, serial()));
  c.report(state);
}

void scanBackwardBench(benchmark::State& state, Isa isa) {
  if (forceIsa(isa) != Status::Ok) return state.SkipWithError("not on this machine");
  ScanCase c(state);
  scanForward(c.s, c.in, c.out, serial());
  for (auto _ : state)
    benchmark::DoNotOptimize(scanBackward(c.s, c.in, c.checkpoints.data(), c.g, c.workspace.data(), serial()));
  c.report(state);
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
  c.report(state);
}

void scanStepBench(benchmark::State& state, Isa isa) {
  if (forceIsa(isa) != Status::Ok) return state.SkipWithError("not on this machine");
  ScanCase c(state);
  std::vector<float> h(static_cast<std::size_t>(c.s.batch * c.s.channels * c.s.states));
  for (auto _ : state) benchmark::DoNotOptimize(scanStep(c.s, c.in, h.data(), c.y.data(), c.s.channels, serial()));
  c.report(state);
}

void convBench(benchmark::State& state, Isa isa, bool backward) {
  if (forceIsa(isa) != Status::Ok) return state.SkipWithError("not on this machine");
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
  state.SetItemsProcessed(state.iterations() * s.batch * s.length * s.channels);
}

void normBench(benchmark::State& state, bool backward) {
  const NormShape s{NormKind::Layer, state.range(0), state.range(1), 1e-5f};
  const auto x = noise(s.rows * s.width, -1, 1, 1), w = noise(s.width, -1, 1, 2);
  std::vector<float> y(x.size()), dx(x.size()), stats(static_cast<std::size_t>(2 * s.rows)), dw(w.size()), db(w.size());
  std::vector<float> workspace(static_cast<std::size_t>(normBackwardWorkspace(s, 1)));
  normForward(s, x.data(), s.width, w.data(), w.data(), y.data(), s.width, stats.data(), serial());
  for (auto _ : state) {
    if (backward)
      benchmark::DoNotOptimize(normBackward(s, x.data(), s.width, w.data(), stats.data(), y.data(), s.width, nullptr,
                                            dx.data(), s.width, dw.data(), db.data(), workspace.data(), serial()));
    else
      benchmark::DoNotOptimize(
          normForward(s, x.data(), s.width, w.data(), w.data(), y.data(), s.width, stats.data(), serial()));
  }
  state.SetItemsProcessed(state.iterations() * s.rows * s.width);
}

void crossEntropyBench(benchmark::State& state) {
  const std::int64_t rows = state.range(0), vocab = state.range(1);
  const auto x = noise(rows * vocab, -4, 4, 1);
  std::vector<float> d(x.size()), loss(static_cast<std::size_t>(rows));
  std::vector<std::int64_t> target(static_cast<std::size_t>(rows), 3);
  std::vector<std::uint8_t> hit(static_cast<std::size_t>(rows));
  const CrossEntropyOutput o{loss.data(), hit.data(), d.data(), vocab, 1.0f};
  for (auto _ : state) benchmark::DoNotOptimize(crossEntropy(rows, vocab, x.data(), vocab, target.data(), o, serial()));
  state.SetItemsProcessed(state.iterations() * rows * vocab);
}

void adamwBench(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  auto p = noise(n, -1, 1, 1), g = noise(n, -1, 1, 2), m = noise(n, -1, 1, 3), v = noise(n, 0, 1, 4);
  const AdamWSettings s{};
  for (auto _ : state) benchmark::DoNotOptimize(adamw(n, p.data(), g.data(), m.data(), v.data(), s, false, serial()));
  state.SetItemsProcessed(state.iterations() * n);
}

void sumOfSquaresBench(benchmark::State& state) {
  const auto x = noise(state.range(0), -1, 1, 1);
  for (auto _ : state) benchmark::DoNotOptimize(sumOfSquares(state.range(0), x.data(), serial()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void routeBench(benchmark::State& state) {
  const RouteShape s{state.range(0), state.range(1), state.range(2), 0,
                     state.range(0) * state.range(2) / state.range(1)};
  const auto logits = noise(s.tokens * s.experts, -2, 2, 1);
  std::vector<float> p(logits.size()), gate(static_cast<std::size_t>(s.tokens * s.topK)),
      lse(static_cast<std::size_t>(s.tokens));
  std::vector<std::int32_t> expert(gate.size()), slot(gate.size()), token(gate.size()), choice(gate.size());
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(s.experts + 1)), assigned(offsets.size());
  std::vector<std::int64_t> workspace(static_cast<std::size_t>(routeWorkspace(s, 1) / 8 + 1));
  const RouteOutput o{p.data(),      expert.data(),  gate.data(),     slot.data(), token.data(),
                      choice.data(), offsets.data(), assigned.data(), lse.data()};
  for (auto _ : state) benchmark::DoNotOptimize(route(s, logits.data(), s.experts, o, workspace.data(), serial()));
  state.SetItemsProcessed(state.iterations() * s.tokens);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (!isaAvailable(isa)) continue;
    const std::string name = isaName(isa);
    for (const auto& [title, f] :
         {std::pair{"scan_forward/", &scanForwardBench}, std::pair{"scan_backward/", &scanBackwardBench}}) {
      auto* bench = benchmark::RegisterBenchmark((title + name).c_str(), f, isa)
                        ->Args({8, 256, 256, 16})
                        ->Args({4, 512, 512, 16});
      if (isa == Isa::Avx512)
        bench->Args({8, 128, 64, 16})->Args({1, 512, 2048, 16})->Args({2, 256, 341, 5})->Args({2, 256, 256, 64});
    }
    benchmark::RegisterBenchmark(("scan_step/" + name).c_str(), scanStepBench, isa)->Args({1, 1, 1024, 16});
    benchmark::RegisterBenchmark(("conv_forward/" + name).c_str(), convBench, isa, false)
        ->Args({8, 256, 256})
        ->Args({4, 512, 1024});
    benchmark::RegisterBenchmark(("conv_backward/" + name).c_str(), convBench, isa, true)
        ->Args({8, 256, 256})
        ->Args({4, 512, 1024});
  }
  benchmark::RegisterBenchmark("scan_forward/scalar", scanScalarBench)
      ->Args({8, 256, 256, 16})
      ->Args({4, 512, 512, 16});
  benchmark::RegisterBenchmark("norm_forward", normBench, false)->Args({2048, 256})->Args({2048, 341});
  benchmark::RegisterBenchmark("norm_backward", normBench, true)->Args({2048, 256})->Args({2048, 341});
  benchmark::RegisterBenchmark("cross_entropy", crossEntropyBench)->Args({1024, 256})->Args({64, 50257});
  benchmark::RegisterBenchmark("adamw", adamwBench)->Arg(1 << 16)->Arg(1 << 22);
  benchmark::RegisterBenchmark("sum_of_squares", sumOfSquaresBench)->Arg(1 << 22);
  benchmark::RegisterBenchmark("route", routeBench)->Args({4096, 8, 1})->Args({4096, 32, 2});
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
