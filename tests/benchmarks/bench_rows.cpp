// SPDX-License-Identifier: GPL-3.0-or-later
// Norms, cross entropy, AdamW, routing, expert rows and matrix products, with the best instruction set of this machine.
#include <vector>

#include "kernels/adamw.h"
#include "kernels/cross_entropy.h"
#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "tests/benchmarks/noise.h"
#include "tests/benchmarks/roof.h"

namespace serp::bench {
namespace {

using namespace kernels;

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
  report(state, s.rows * s.width, backward ? Cost{12, 14} : Cost{8, 6}, x.size() * (backward ? 12 : 8), activeIsa());
}

void crossEntropyBench(benchmark::State& state) {
  const std::int64_t rows = state.range(0), vocab = state.range(1);
  const auto x = noise(rows * vocab, -4, 4, 1);
  std::vector<float> d(x.size()), loss(static_cast<std::size_t>(rows));
  std::vector<std::int64_t> target(static_cast<std::size_t>(rows), 3);
  std::vector<std::uint8_t> hit(static_cast<std::size_t>(rows));
  const CrossEntropyOutput o{loss.data(), hit.data(), d.data(), vocab, 1.0f};
  for (auto _ : state) benchmark::DoNotOptimize(crossEntropy(rows, vocab, x.data(), vocab, target.data(), o, serial()));
  report(state, rows * vocab, {8, 28}, x.size() * 8, activeIsa());  // two exponentials
}

void adamwBench(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  auto p = noise(n, -1, 1, 1), g = noise(n, -1, 1, 2), m = noise(n, -1, 1, 3), v = noise(n, 0, 1, 4);
  const AdamWSettings s{};
  for (auto _ : state) benchmark::DoNotOptimize(adamw(n, p.data(), g.data(), m.data(), v.data(), s, false, serial()));
  report(state, n, {28, 25}, p.size() * 16, activeIsa());  // a division and a root count as 8 each
}

void sumOfSquaresBench(benchmark::State& state) {
  const auto x = noise(state.range(0), -1, 1, 1);
  for (auto _ : state) benchmark::DoNotOptimize(sumOfSquares(state.range(0), x.data(), serial()));
  report(state, state.range(0), {4, 1}, x.size() * 4, activeIsa());
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
  const auto E = static_cast<double>(s.experts);
  report(state, s.tokens, {8 * E, 28 * E}, logits.size() * 8, activeIsa());  // the softmax; choosing comes on top
}

/// Rows to their experts (0), back with their gate (1), and the backward of that (2). An item is one number of a row.
void rowsBench(benchmark::State& state, int what) {
  const std::int64_t tokens = state.range(0), width = state.range(1), all = tokens * width;
  const auto x = noise(all, -1, 1, 1), dy = noise(all, -1, 1, 2), weight = noise(tokens, 0, 1, 3);
  std::vector<std::int32_t> token(weight.size());
  for (std::size_t i = 0; i < token.size(); ++i) token[i] = static_cast<std::int32_t>(i * 7919 % token.size());
  std::vector<std::int32_t> slot(token.size());
  for (std::size_t i = 0; i < token.size(); ++i)
    slot[static_cast<std::size_t>(token[i])] = static_cast<std::int32_t>(i);
  std::vector<float> out(x.size()), dWeight(weight.size());
  for (auto _ : state) {
    Status s;
    if (what == 0)
      s = gatherRows(x.data(), width, width, token.data(), tokens, out.data(), serial());
    else if (what == 1)
      s = combineRows(x.data(), width, slot.data(), weight.data(), tokens, 1, out.data(), width, serial());
    else
      s = combineRowsBackward(x.data(), width, token.data(), token.data(), slot.data(), weight.data(), tokens, 1,
                              tokens, dy.data(), width, out.data(), dWeight.data(), serial());
    benchmark::DoNotOptimize(s);
  }
  report(state, all, {what == 2 ? 12.0 : 8.0, 1}, x.size() * (what == 2 ? 12 : 8), activeIsa());
}

/// y = x Wᵀ (0), dx = dy W (1), dW = dyᵀ x (2) of a layer; an item is one multiply-add.
void matmulBench(benchmark::State& state, int what, bool narrow) {
  const MatmulShape s{state.range(0), state.range(1), state.range(2)};
  const auto a = noise(s.M * s.K, -1, 1, 1), b = noise(s.K * s.N, -1, 1, 2);
  std::vector<float> c(static_cast<std::size_t>(s.M * s.N)), workspace(static_cast<std::size_t>(matmulWorkspace(s, 1)));
  const MatrixView A = what == 2 ? MatrixView{a.data(), 1, s.M} : MatrixView{a.data(), s.K, 1},
                   B = what == 0 ? MatrixView{b.data(), 1, s.K} : MatrixView{b.data(), s.N, 1};
  MatmulOptions options;
  options.narrow = narrow;
  for (auto _ : state) benchmark::DoNotOptimize(matmul(s, A, B, c.data(), s.N, options, workspace.data(), serial()));
  report(state, s.M * s.N * s.K, {0, 1}, (a.size() + b.size() + c.size()) * 4, activeIsa());
}

void attentionBench(benchmark::State& state, bool backward, bool narrow) {
  AttentionShape s;
  s.batch = state.range(0);
  s.heads = s.keyHeads = state.range(1);
  s.length = state.range(2);
  s.width = state.range(3);
  s.half = s.width / 2;
  s.narrow = narrow;
  const std::int64_t tokens = s.batch * s.length, row = s.heads * s.width;
  const auto qkv = noise(tokens * 3 * row, -1, 1, 1), dy = noise(tokens * row, -1, 1, 2), angle = noise(s.length * s.half, -1, 1, 3);
  std::vector<float> y(static_cast<std::size_t>(tokens * row)), dqkv(qkv.size()), logSum(static_cast<std::size_t>(tokens * s.heads)),
      work(static_cast<std::size_t>(std::max(attentionForwardWorkspace(s, 1), attentionBackwardWorkspace(s, 1))));
  const auto part = [&](int i) { return HeadsView{qkv.data() + i * s.width, 3 * row, 3 * s.width}; };
  const auto gradient = [&](int i) { return MutableHeadsView{dqkv.data() + i * s.width, 3 * row, 3 * s.width}; };
  const AttentionInput in{part(0), part(1), part(2), angle.data(), angle.data()};
  attentionForward(s, in, {{y.data(), row, s.width}, logSum.data()}, work.data(), serial());
  for (auto _ : state)
    if (backward)
      benchmark::DoNotOptimize(attentionBackward(s, in, {{y.data(), row, s.width}, {dy.data(), row, s.width}, logSum.data(), gradient(0),
                                                         gradient(1), gradient(2)}, work.data(), serial()));
    else
      benchmark::DoNotOptimize(attentionForward(s, in, {{y.data(), row, s.width}, logSum.data()}, work.data(), serial()));
  const std::int64_t products = backward ? 5 : 2;  // each over half the pairs of query and key
  report(state, products * s.batch * s.heads * s.length * (s.length + 1) / 2 * s.width, {0, 1}, (qkv.size() + dqkv.size()) * 4, activeIsa());
}

}  // namespace

void registerRows() {
  benchmark::RegisterBenchmark("norm_forward", normBench, false)->Args({2048, 256})->Args({2048, 341});
  benchmark::RegisterBenchmark("norm_backward", normBench, true)->Args({2048, 256})->Args({2048, 341});
  benchmark::RegisterBenchmark("cross_entropy", crossEntropyBench)->Args({1024, 256})->Args({64, 50257});
  benchmark::RegisterBenchmark("adamw", adamwBench)->Arg(1 << 16)->Arg(1 << 22);
  benchmark::RegisterBenchmark("sum_of_squares", sumOfSquaresBench)->Arg(1 << 22);
  benchmark::RegisterBenchmark("route", routeBench)->Args({2048, 16, 1})->Args({4096, 8, 1})->Args({4096, 32, 2});
  benchmark::RegisterBenchmark("gather_rows", rowsBench, 0)->Args({2048, 128})->Args({2048, 256});
  benchmark::RegisterBenchmark("combine_rows", rowsBench, 1)->Args({2048, 128})->Args({2048, 256});
  benchmark::RegisterBenchmark("combine_backward", rowsBench, 2)->Args({2048, 128})->Args({2048, 256});
  for (const bool narrow : {false, true}) {
    const std::string kind = narrow ? "/bfloat16" : "";
    benchmark::RegisterBenchmark(("matmul_forward" + kind).c_str(), matmulBench, 0, narrow)->Args({2048, 512, 128})->Args({2048, 40, 256});
    benchmark::RegisterBenchmark(("matmul_input_gradient" + kind).c_str(), matmulBench, 1, narrow)->Args({2048, 128, 512})->Args({128, 384, 128});
    benchmark::RegisterBenchmark(("matmul_weight_gradient" + kind).c_str(), matmulBench, 2, narrow)->Args({512, 128, 2048});
    benchmark::RegisterBenchmark(("attention_forward" + kind).c_str(), attentionBench, false, narrow)->Args({4, 2, 256, 64})->Args({2, 4, 512, 64});
    benchmark::RegisterBenchmark(("attention_backward" + kind).c_str(), attentionBench, true, narrow)->Args({4, 2, 256, 64})->Args({2, 4, 512, 64});
  }
}

}  // namespace serp::bench
