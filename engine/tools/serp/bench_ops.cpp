// SPDX-License-Identifier: GPL-3.0-or-later
// serp bench scan|conv|matmul|attention|moe|adamw: single operators at the peers' sizes, each beside what one would use instead,
// measured in turn in the same process.
#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/index.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>

#include "engine/ops/attention.h"
#include "engine/ops/experts.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/linear.h"
#include "engine/ops/parallel.h"
#include "engine/ops/products.h"
#include "engine/ops/rope.h"
#include "engine/ops/routing.h"
#include "engine/ops/scan.h"
#include "engine/ops/tensors.h"
#include "engine/tools/serp/scalar_scan.h"
#include "engine/tools/serp/terminal.h"
#include "engine/train/keep_memory.h"
#include "kernels/common.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;

struct Options {
  int threads = 1, repeats = 9;
  bool json = false;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Row {
  std::string bench, shape, against;
  double work;        // of one call, in `unit` without its prefix
  const char* unit;   // Gel/s, GB/s, GFLOP/s
  std::function<void()> ours, theirs;
};

/// The two in turn, so that whatever else the machine does strikes both; medians.
void measure(const Row& row, const Options& o) {
  std::vector<double> a, b;
  row.ours();
  row.theirs();
  for (int i = 0; i < o.repeats; ++i)
    for (const bool mine : {true, false}) {
      const double start = now();
      (mine ? row.ours : row.theirs)();
      (mine ? a : b).push_back(now() - start);
    }
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const double value = row.work / a[a.size() / 2] / 1e9, reference = row.work / b[b.size() / 2] / 1e9;
  if (o.json) {
    const ordered_json j = {{"bench", row.bench}, {"shape", row.shape}, {"threads", o.threads}, {"value", value}, {"unit", row.unit},
                            {"reference", reference}, {"against", row.against}, {"ratio", value / reference},
                            {"kernels", kernels::isaName(kernels::activeIsa())}};
    std::printf("%s\n", j.dump().c_str());
  } else {
    std::printf("%-26s %-26s %9.2f %-8s %9.2f %8.1fx  %s\n", row.bench.c_str(), row.shape.c_str(), value, row.unit, reference, value / reference,
                row.against.c_str());
  }
  std::fflush(stdout);
}

std::string sizes(std::initializer_list<std::int64_t> values) {
  std::string text;
  for (const std::int64_t v : values) text += (text.empty() ? "" : "x") + std::to_string(v);
  return text;
}

void benchScan(const Options& o) {
  for (const auto& [B, L, D] : {std::array<std::int64_t, 3>{8, 256, 256}, {4, 512, 512}}) {
    const std::int64_t N = 16;
    ScalarScan c({B, L, D, N});
    const kernels::ParallelFor parallel = ops::torchParallel();
    std::vector<float> work(static_cast<std::size_t>(kernels::scanBackwardWorkspace(c.shape, parallel.threads)));
    const auto elements = static_cast<double>(B * L * D * N);
    measure({"scan forward", sizes({B, L, D, N}), "scalar loop with expf, one thread", elements, "Gel/s",
             [&] { ops::require(kernels::scanForward(c.shape, c.input(), c.output(), parallel), "scan"); }, [&] { c.forward(); }}, o);
    measure({"scan backward", sizes({B, L, D, N}), "scalar loop with expf, one thread", elements, "Gel/s",
             [&] { ops::require(kernels::scanBackward(c.shape, c.input(), c.checkpoints.data(), c.gradients(), work.data(), parallel), "scan"); },
             [&] { c.backward(); }}, o);
  }
}

void benchConv(const Options& o) {
  for (const auto& [B, L, D] : {std::array<std::int64_t, 3>{8, 256, 256}, {4, 512, 1024}}) {
    const std::int64_t width = 4;
    const at::Tensor x = at::randn({B, L, D}).set_requires_grad(true), w = at::randn({D, width}).set_requires_grad(true),
                     bias = at::randn({D}).set_requires_grad(true), dy = at::randn({B, L, D});
    const auto both = [&](const at::Tensor& y) {
      y.backward(dy);
      for (const at::Tensor& t : {x, w, bias}) t.mutable_grad().reset();
    };
    measure({"conv forward + backward", sizes({B, L, D, width}), "at::conv1d(groups = channels) and silu", static_cast<double>(B * L * D) * 5 * 4, "GB/s",
             [&] { both(ops::causalConv1d(x, w, bias, {}, true)); },
             [&] {
               const at::Tensor padded = at::conv1d(x.transpose(1, 2), w.unsqueeze(1), bias, at::IntArrayRef{1}, at::IntArrayRef{width - 1},
                                                    at::IntArrayRef{1}, D);
               both(at::silu(padded.narrow(2, 0, L).transpose(1, 2)));
             }}, o);
  }
}

void benchMatmul(const Options& o) {
  for (const bool narrow : {false, true})
    for (const auto& [M, N, K] : {std::array<std::int64_t, 3>{2048, 512, 128}, {2048, 128, 512}, {2048, 1024, 256}, {512, 128, 2048}, {1, 1024, 256}}) {
      const at::Tensor a = at::randn({M, K}), w = at::randn({N, K});
      const at::Tensor an = a.to(at::kBFloat16), wn = w.to(at::kBFloat16);
      at::Tensor c = at::zeros({M, N});
      measure({narrow ? "matmul bfloat16" : "matmul", sizes({M, N, K}), narrow ? "at::mm of bfloat16 tensors" : "at::mm",
               2.0 * static_cast<double>(M * N * K), "GFLOP/s",
               [&] {
                 ops::setPrecision(narrow ? ops::Precision::Bfloat16 : ops::Precision::Float32);
                 ops::multiply(c, a, w.t());
               },
               [&] { (void)(narrow ? at::mm(an, wn.t()) : at::mm(a, w.t())); }}, o);
    }
  ops::setPrecision(ops::Precision::Float32);
}

void benchAttention(const Options& o) {
  for (const auto& [B, H, T, d] : {std::array<std::int64_t, 4>{8, 4, 256, 16}, {8, 4, 256, 32}, {4, 8, 512, 32}, {4, 4, 512, 64}}) {
    const at::Tensor qkv = at::randn({B, T, 3 * H * d}).set_requires_grad(true), dy = at::randn({B, T, H * d});
    const auto both = [&](const at::Tensor& y) {
      y.backward(dy);
      qkv.mutable_grad().reset();
    };
    measure({"attention, rotary", sizes({B, H, T, d}), "scaled_dot_product_attention", static_cast<double>(B * H * T * (T + 1) * d) * 7, "GFLOP/s",
             [&] { both(ops::attention(qkv, {H, H, 10000.0, 0})); },
             [&] {
               at::Tensor q, k, v;
               ops::splitHeads(qkv, H, 10000.0, 0, q, k, v);
               both(at::scaled_dot_product_attention(q, k, v, {}, 0.0, true).transpose(1, 2).reshape({B, T, H * d}));
             }}, o);
  }
}

/// One expert layer, router included: dropless top-k, forward and backward.
void benchMoe(const Options& o) {
  for (const auto& [T, d, E, k] : {std::array<std::int64_t, 4>{2048, 128, 16, 1}, {2048, 128, 64, 2}, {2048, 256, 16, 1}}) {
    const std::int64_t f = 3 * d;
    const auto parameter = [](at::IntArrayRef size, double scale) { return at::randn(size).mul(scale).set_requires_grad(true); };
    const at::Tensor x = parameter({T, d}, 1), router = parameter({E, d}, 0.1), w1 = parameter({E, d, f}, 0.1), w2 = parameter({E, f, d}, 0.1),
                     dy = at::randn({T, d});
    const auto both = [&](const at::Tensor& y) {
      y.backward(dy);
      for (const at::Tensor& t : {x, router, w1, w2}) t.mutable_grad().reset();
    };
    measure({"moe layer, top " + std::to_string(k), sizes({T, d, E}), "softmax, topk, a product per expert, index_add", 12.0 * static_cast<double>(T * k * d * f),
             "GFLOP/s",
             [&, k = k, T = T] {
               const ops::Routed r = ops::route(ops::linear32(x, router), k, T, 0);
               both(ops::experts(x, r.gate, w1, {}, w2, r.assignment, ops::Activation::Relu));
             },
             [&, k = k, E = E, T = T, d = d] {
               const auto [gates, chosen] = at::topk(at::softmax(at::mm(x, router.t()), -1), k, -1);
               at::Tensor y = at::zeros({T, d});
               for (std::int64_t e = 0; e < E; ++e) {
                 const at::Tensor where = at::nonzero(chosen.eq(e));
                 if (where.size(0) == 0) continue;
                 const at::Tensor rows = where.select(1, 0), h = at::mm(x.index_select(0, rows), w1[e]).relu();
                 y = y.index_add(0, rows, at::mm(h, w2[e]).mul(gates.index({rows, where.select(1, 1)}).unsqueeze(1)));
               }
               both(y);
             }}, o);
  }
}

void benchAdamW(const Options& o) {
  const std::int64_t count = 1 << 22;
  at::Tensor p = at::randn({count}), g = at::randn({count}), m = at::zeros({count}), v = at::zeros({count}), q = p.clone(), m2 = m.clone(),
             v2 = v.clone(), step = at::zeros({});
  kernels::AdamWSettings s;
  measure({"adamw", sizes({count}), "at::_fused_adamw_", static_cast<double>(count) * 7 * 4, "GB/s",
           [&] { ops::run::adamw(ops::Place{}, count, ops::out(p), ops::out(g), ops::out(m), ops::out(v), s); },
           [&] {
             step.add_(1);
             at::_fused_adamw_(q, g, m2, v2, {}, {step}, 1e-3, 0.9, 0.95, 0.1, 1e-8, false, false);
           }}, o);
}

}  // namespace

void addOperatorBenches(CLI::App& bench, int& exit) {
  const std::pair<const char*, void (*)(const Options&)> kinds[] = {
      {"scan", benchScan}, {"conv", benchConv}, {"matmul", benchMatmul}, {"attention", benchAttention}, {"moe", benchMoe}, {"adamw", benchAdamW}};
  for (const auto& [name, run] : kinds) {
    auto o = std::make_shared<Options>();
    CLI::App* sub = bench.add_subcommand(name, "the operator alone, beside what one would use instead");
    sub->add_option("--threads", o->threads, "threads of both")->check(CLI::Range(1, 1024))->capture_default_str();
    sub->add_option("--repeats", o->repeats, "of each; the median counts")->check(CLI::Range(1, 10000))->capture_default_str();
    sub->add_flag("--json", o->json, "one JSON line a measurement");
    sub->callback([o, &exit, run = run] {
      keepMemory();
      at::set_num_threads(o->threads);
      if (!o->json) std::printf("%-26s %-26s %9s %-8s %9s %9s  %s\n", "operator", "shape", "ours", "", "theirs", "ratio", "theirs is");
      run(*o);
      exit = 0;
    });
  }
}

}  // namespace serp::cli
