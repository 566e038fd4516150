// SPDX-License-Identifier: GPL-3.0-or-later
// Every op and every block on the path of a card against the CPU's: values, gradients, decisions, decoding. Awkward shapes first.
#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <QTest>

#include <functional>
#include <limits>

#include "engine/base/error.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/experts.h"
#include "engine/ops/linear.h"
#include "engine/ops/mamba_inner.h"
#include "engine/ops/norm.h"
#include "engine/ops/rope.h"
#include "engine/ops/scan.h"
#include "engine/spec/block_info.h"
#include "tests/engine/emulated_device.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

using Tensors = std::vector<at::Tensor>;
/// Inputs to outputs; float inputs are leaves that want gradients, undefined ones stay so.
using Op = std::function<Tensors(const Tensors&)>;

/// Outputs, then the gradients of the inputs for a fixed, uneven gradient of the outputs.
Tensors evaluate(const Op& op, const Tensors& inputs, const OnCard* card) {
  Tensors leaves;
  for (const at::Tensor& t : inputs) {
    at::Tensor leaf = !t.defined() ? t : card ? card->there(t.detach().clone()) : t.detach().clone();
    if (leaf.defined() && leaf.scalar_type() == at::kFloat) leaf.set_requires_grad(true);
    leaves.push_back(leaf);
  }
  Tensors result = op(leaves);
  at::Tensor loss;
  std::uint64_t seed = 900;
  for (const at::Tensor& y : result)
    if (y.requires_grad()) {
      const at::Tensor part = y.mul(noise(y.sizes(), seed++).to(y.device())).sum();
      loss = loss.defined() ? loss.add(part) : part;
    }
  if (loss.defined()) loss.backward();
  for (at::Tensor& t : result) t = t.detach().cpu().clone();
  for (const at::Tensor& leaf : leaves)
    if (leaf.defined() && leaf.grad().defined()) result.push_back(leaf.grad().cpu());
  return result;
}

/// The largest difference relative to the largest value of each tensor, below 1e-3 to that; infinite where shapes or NaNs differ.
double distance(const at::Tensor& got, const at::Tensor& want) {
  if (got.sizes() != want.sizes()) return HUGE_VAL;
  double top = 1e-3, worst = 0;
  const std::vector<float> a = floats(got), b = floats(want);
  for (const float x : b) top = std::max(top, std::isfinite(x) ? std::fabs(static_cast<double>(x)) : 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double d = std::fabs(static_cast<double>(a[i]) - b[i]) / top;
    if (!(d <= worst)) worst = std::isfinite(d) ? d : HUGE_VAL;
  }
  return worst;
}

#define SERP_ALIKE(op, inputs, tolerance, name)                                                                                       \
  do {                                                                                                                                \
    const Tensors serpWant = evaluate(op, inputs, nullptr);                                                                           \
    const OnCard serpCard;                                                                                                            \
    const Tensors serpGot = evaluate(op, inputs, &serpCard);                                                                          \
    QCOMPARE(serpGot.size(), serpWant.size());                                                                                        \
    for (std::size_t serpI = 0; serpI < serpGot.size(); ++serpI) {                                                                    \
      const double serpWorst = distance(serpGot[serpI], serpWant[serpI]);                                                             \
      QVERIFY2(serpWorst <= (tolerance),                                                                                              \
               qPrintable(QStringLiteral("%1, tensor %2: off by %3").arg(QString::fromStdString(name)).arg(serpI).arg(serpWorst)));   \
    }                                                                                                                                 \
  } while (false)

std::string text(std::initializer_list<std::int64_t> sizes) {
  std::string s;
  for (const std::int64_t n : sizes) s += " " + std::to_string(n);
  return s;
}

/// Everything a router decides, on the host.
Tensors decision(const ops::Assignment& given) {
  const ops::Assignment a = given.here();
  Tensors all = {a.probabilities, a.expert, a.slotOfChoice};
  all.push_back(at::tensor(a.offsets));
  all.push_back(at::tensor(a.assigned));
  all.push_back(a.tokenOfSlot.narrow(0, 0, a.slots));
  all.push_back(a.choiceOfSlot.narrow(0, 0, a.slots));
  return all;
}

struct Decisions final : RoutingObserver {
  std::vector<ops::Assignment> all;
  std::vector<float> balance, z;
  void routed(const std::string&, const ops::Assignment& a, double, float b, float zLoss) override {
    all.push_back(a);
    balance.push_back(b);
    z.push_back(zLoss);
  }
};

}  // namespace

class TestDeviceOps : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }
  void cleanup() { ops::setPrecision(ops::Precision::Float32); }

  void scan() {
    for (const auto& [B, L, D, N] : std::vector<std::array<std::int64_t, 4>>{{1, 1, 1, 1}, {2, 3, 5, 3}, {1, 37, 33, 16}, {2, 9, 4, 17}})
      for (const bool full : {true, false}) {
        const auto some = [&](at::IntArrayRef sizes, std::uint64_t seed) { return full ? noise(sizes, seed) : at::Tensor(); };
        const Tensors in = {noise({B, L, D}, 1), noise({B, L, D}, 2), noise({D, N}, 3).abs().neg(), noise({B, L, N}, 4), noise({B, L, N}, 5),
                            some({D}, 6), some({B, L, D}, 7), some({D}, 8), some({B, D, N}, 9)};
        const Op op = [&](const Tensors& t) {
          const auto s = ops::selectiveScan(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], true);
          return Tensors{s.y, s.last};
        };
        SERP_ALIKE(op, in, 2e-5, "scan" + text({B, L, D, N, full}));
      }
  }

  void convolution() {
    for (const auto& [B, L, D, W] : std::vector<std::array<std::int64_t, 4>>{{1, 1, 1, 1}, {2, 2, 3, 4}, {1, 19, 37, 5}, {2, 7, 2, 16}})
      for (const bool full : {true, false}) {
        const Tensors in = {noise({B, L, D}, 1), noise({D, W}, 2), full ? noise({D}, 3) : at::Tensor(),
                            full && W > 1 ? noise({B, W - 1, D}, 4) : at::Tensor()};
        const Op op = [&](const Tensors& t) { return Tensors{ops::causalConv1d(t[0], t[1], t[2], t[3], full)}; };
        SERP_ALIKE(op, in, 1e-5, "convolution" + text({B, L, D, W, full}));
      }
  }

  void norms() {
    for (const auto kind : {kernels::NormKind::Layer, kernels::NormKind::Rms})
      for (const std::int64_t width : {1, 7, 130})
        for (const std::int64_t rows : {0, 1, 11})
          for (const bool weighted : {true, false}) {
            const Tensors in = {noise({rows, width}, 1), noise({rows, width}, 2), weighted ? noise({width}, 3) : at::Tensor(),
                                weighted && kind == kernels::NormKind::Layer ? noise({width}, 4) : at::Tensor()};
            const Op alone = [&](const Tensors& t) { return Tensors{ops::norm(t[0], t[2], t[3], kind, 1e-5)}; };
            const Op summed = [&](const Tensors& t) {
              const auto both = ops::addNorm(t[0], t[1], t[2], t[3], kind, 1e-5);
              return Tensors{both.sum, both.normed};
            };
            // One number a row: a layer norm is constant there, and both sides are rounding noise over the root of eps.
            const double tolerance = width == 1 ? 1e-3 : 1e-5;
            SERP_ALIKE(alone, in, tolerance, "norm" + text({rows, width, weighted}));
            SERP_ALIKE(summed, in, tolerance, "norm of a sum" + text({rows, width, weighted}));
          }
  }

  void crossEntropy() {
    for (const std::int64_t vocab : {1, 5, 300})
      for (const std::vector<std::int64_t>& targets : std::vector<std::vector<std::int64_t>>{{0, -1, 0}, {-1}, {0}, {}}) {
        const at::Tensor target = at::tensor(targets, at::kLong);
        const Op op = [&](const Tensors& t) {
          const auto ce = ops::crossEntropy(t[0].mul(1), target);
          return Tensors{ce.loss, ce.perToken, ce.hits};
        };
        SERP_ALIKE(op, Tensors{noise({target.size(0), vocab}, 1)}, 1e-5, "cross entropy" + text({vocab, target.size(0)}));
      }
    const OnCard card;
    QVERIFY_THROWS_EXCEPTION(Error, ops::crossEntropy(card.there(noise({2, 3}, 1)), at::tensor({0, 3}, at::kLong)));
  }

  void routing() {
    for (const std::int64_t tokens : {1, 3, 40})
      for (const std::int64_t experts : {1, 5, 37})
        for (const std::int64_t topK : {1, 3})
          for (const std::int64_t capacity : {0, 1, 4}) {
            if (topK > experts) continue;
            const Op op = [&](const Tensors& t) {
              const ops::Routed r = ops::route(t[0], topK, tokens == 40 ? 20 : tokens, capacity);
              Tensors all = {r.gate, r.balance, r.zLoss};
              for (const at::Tensor& d : decision(r.assignment)) all.push_back(d);
              return all;
            };
            SERP_ALIKE(op, Tensors{noise({tokens, experts}, 1)}, 1e-5, "routing" + text({tokens, experts, topK, capacity}));
          }
  }

  void experts() {
    struct Case { std::int64_t tokens, experts, topK, capacity; bool oneExpert; };
    for (const Case& c : {Case{1, 5, 1, 1, false}, {7, 3, 1, 2, false}, {12, 4, 1, 3, true}, {9, 20, 1, 1, false}, {7, 3, 2, 0, false}, {24, 3, 1, 0, true}})
      for (const auto act : {ops::Activation::Relu, ops::Activation::Gelu, ops::Activation::Silu, ops::Activation::Relu2})
        for (const bool gated : {true, false}) {
          const std::int64_t d = 6, f = 5, o = 3;
          at::Tensor logits = noise({c.tokens, c.experts}, 1);
          if (c.oneExpert) logits.select(1, 2).add_(50);
          const Tensors in = {noise({c.tokens, d}, 2), logits, noise({c.experts, d, f}, 3), gated ? noise({c.experts, d, f}, 4) : at::Tensor(),
                              noise({c.experts, f, o}, 5)};
          const Op op = [&](const Tensors& t) {
            const ops::Routed r = ops::route(t[1], c.topK, c.tokens, c.capacity);
            return Tensors{ops::experts(t[0], r.gate, t[2], t[3], t[4], r.assignment, act)};
          };
          const std::string name = "experts" + text({c.tokens, c.experts, c.topK, c.capacity, static_cast<int>(act), gated});
          SERP_ALIKE(op, in, 1e-5, name);
          const Op unlearned = [&](const Tensors& t) {
            const c10::NoGradGuard noGrad;
            return op(t);
          };
          SERP_ALIKE(unlearned, in, 1e-5, name + " without gradients");
        }
  }

  void heads() {
    for (const auto& [heads, width, first] : std::vector<std::array<std::int64_t, 3>>{{1, 1, 0}, {2, 5, 3}, {3, 8, 0}})
      for (const double base : {0.0, 10000.0}) {
        const Op op = [&](const Tensors& t) {
          at::Tensor q, k, v;
          ops::splitHeads(t[0], heads, base, first, q, k, v);
          return Tensors{q, k, v};
        };
        SERP_ALIKE(op, Tensors{noise({2, 4, 3 * heads * width}, 1)}, 1e-6, "heads" + text({heads, width, first}));
      }
  }

  /// Fused and apart, from a state and into it, and one token at a time.
  void mambaInner() {
    const std::int64_t B = 2, T = 6, D = 5, N = 3, R = 2, W = 4;
    const Tensors in = {noise({B, T, 2 * D}, 1), noise({B, T, D}, 2), noise({B, T, D}, 3), noise({D, W}, 4), noise({D}, 5),
                        noise({R + 2 * N, D}, 6), noise({D, R}, 7), noise({D}, 8), noise({D, N}, 9), noise({D}, 10)};
    const auto weights = [](const Tensors& t) { return ops::MambaInnerWeights{t[3], t[4], t[5], t[6], t[7], t[8], t[9]}; };
    const Op fused = [&](const Tensors& t) { return Tensors{ops::mambaInner(t[0], {}, {}, weights(t), nullptr)}; };
    const Op apart = [&](const Tensors& t) { return Tensors{ops::mambaInner({}, t[1], t[2], weights(t), nullptr)}; };
    SERP_ALIKE(fused, in, 2e-5, std::string("fused"));
    SERP_ALIKE(apart, in, 2e-5, std::string("apart"));
    for (const std::int64_t prefill : {1, 2, 5}) {
      const Op decode = [&](const Tensors& t) {
        const c10::NoGradGuard noGrad;
        ops::MambaInnerState s{noise({B, W - 1, D}, 11).to(t[0].device()), noise({B, D, N}, 12).to(t[0].device()), {}};
        Tensors all = {ops::mambaInner(t[0].narrow(1, 0, prefill).contiguous(), {}, {}, weights(t), &s)};
        for (std::int64_t i = prefill; i < T; ++i) all.push_back(ops::mambaInnerStep(t[0].select(1, i).contiguous(), {}, {}, weights(t), s));
        all.push_back(s.h);
        all.push_back(s.window);
        return all;
      };
      SERP_ALIKE(decode, in, 2e-5, "decoding" + text({prefill}));
    }
  }

  void blocks_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("precision");
    std::vector<std::string> texts;
    for (const BlockInfo& info : blockCatalog())
      if (info.family != Family::Container && info.kind != "shared_router_mamba")
        texts.push_back("{kind: " + info.kind + (info.family == Family::Experts ? ", experts: 4, init_scale: 2" : "") + "}");
    texts.push_back("{kind: switch_moe, experts: 5, group: sequence, gated: true, balance: 0.5, z_loss: 0.1, init_scale: 2}");
    texts.push_back("{kind: switch_moe, experts: 5, capacity_factor: 0, jitter: 0.5, init_scale: 2}");
    texts.push_back("{kind: topk_moe, experts: 5, top_k: 3, renormalise: false, shared_expert: 9, d_expert: 6, init_scale: 2}");
    texts.push_back("{kind: expert_choice, experts: 3, group: all, score: tokens, norm_output: false, init_scale: 2}");
    texts.push_back("{kind: attention, heads: 2, positions: learned, bias: true}");
    texts.push_back("{kind: mamba, conv_proj: {kind: switch_moe, experts: 3, d_expert: 7, init_scale: 2}, out_proj: {kind: topk_moe, experts: 3, d_expert: 7}}");
    texts.push_back("{parallel: [{kind: mamba}, {kind: dense_ffn, activation: silu}], norms: own}");
    for (const std::string& t : texts)
      for (const auto p : {ops::Precision::Float32, ops::Precision::Bfloat16})
        QTest::newRow((t + (p == ops::Precision::Float32 ? "" : " bfloat16")).c_str()) << QString::fromStdString(t) << static_cast<int>(p);
  }
  void whatRunsOnTheCpuOnlySaysSo() {
    const LoneBlock lone("{kind: shared_router_mamba}", 12, 7);
    const at::Tensor x = noise({2, 7, 12}, 2);
    const OnCard card;
    StepContext ctx;
    ctx.batch = 2;
    ctx.length = 7;
    QVERIFY_THROWS_EXCEPTION(Error, lone.block->forward(x.to(card.device()), ctx));
  }
  /// Training pass with its losses, gradients and decisions; then evaluation, and the same tokens one by one.
  void blocks() {
    QFETCH(QString, text);
    QFETCH(int, precision);
    ops::setPrecision(static_cast<ops::Precision>(precision));
    const double tolerance = precision == static_cast<int>(ops::Precision::Float32) ? 5e-5 : 4e-2;
    const std::int64_t width = 12, B = 2, T = 7;
    const LoneBlock lone(text.toStdString(), width, T);
    const at::Tensor x = noise({B, T, width}, 2);
    struct Seen {
      Tensors tensors;
      std::vector<std::string> names;
      Decisions decisions;
      void add(const std::string& name, const at::Tensor& t) {
        tensors.push_back(t.detach().cpu().clone());
        names.push_back(name);
      }
    };
    const auto watch = [&](at::Device device) {
      Seen s;
      for (const Parameter& p : lone.parameters) {
        at::Tensor t = p.tensor;
        t.set_data(t.detach().to(device));
        t.mutable_grad() = at::Tensor();
      }
      at::Tensor leaf = x.to(device).clone();
      leaf.set_requires_grad(true);
      StepContext ctx;
      ctx.training = true;
      ctx.batch = B;
      ctx.length = T;
      ctx.seed = 7;
      ctx.routing = &s.decisions;
      const at::Tensor y = lone.block->forward(leaf, ctx);
      s.add("y", y);
      at::Tensor loss = y.mul(noise(y.sizes(), 3).to(device)).sum();
      for (const at::Tensor& t : ctx.balance) loss = loss.add(t);
      for (const at::Tensor& t : ctx.zLoss) loss = loss.add(t);
      loss.backward();
      s.add("loss", loss);
      s.add("x.grad", leaf.grad());
      for (const Parameter& p : lone.parameters) s.add(p.name + ".grad", p.tensor.grad().defined() ? p.tensor.grad() : at::zeros({1}));
      const c10::NoGradGuard noGrad;
      StepContext quiet;
      quiet.batch = B;
      quiet.length = T;
      s.add("evaluated", lone.block->forward(leaf.detach(), quiet));
      const auto state = lone.block->makeState(B);
      quiet.length = 3;
      s.add("prefill", lone.block->prefill(leaf.detach().narrow(1, 0, 3).contiguous(), state.get(), quiet));
      quiet.length = 1;
      for (std::int64_t t = 3; t < T; ++t) s.add("step", lone.block->step(leaf.detach().select(1, t).contiguous(), state.get(), quiet));
      if (state)
        for (const auto& [name, tensor] : state->tensors()) s.add("state " + name, tensor);
      return s;
    };
    const Seen want = watch(at::kCPU);
    const OnCard card;
    const Seen got = watch(card.device());
    QCOMPARE(got.names, want.names);
    for (std::size_t i = 0; i < got.tensors.size(); ++i) {
      const double worst = distance(got.tensors[i], want.tensors[i]);
      QVERIFY2(worst <= tolerance, qPrintable(QString::fromStdString(got.names[i]) + QStringLiteral(" is off by %1").arg(worst)));
    }
    QCOMPARE(got.decisions.all.size(), want.decisions.all.size());
    for (std::size_t i = 0; i < got.decisions.all.size(); ++i) {
      const ops::Assignment &a = got.decisions.all[i], &b = want.decisions.all[i];
      QCOMPARE(a.assigned, b.assigned);
      QCOMPARE(a.offsets, b.offsets);
      QCOMPARE(floats(a.expert), floats(b.expert));
      QCOMPARE(floats(a.slotOfChoice), floats(b.slotOfChoice));
      QVERIFY(distance(a.probabilities, b.probabilities) <= tolerance);
      QVERIFY(std::fabs(got.decisions.balance[i] - want.decisions.balance[i]) <= 1e-5 * (1 + std::fabs(want.decisions.balance[i])));
      QVERIFY(std::fabs(got.decisions.z[i] - want.decisions.z[i]) <= 1e-5 * (1 + std::fabs(want.decisions.z[i])));
    }
  }

  /// NaN goes where it goes on the CPU, and nowhere else.
  void nanStaysInItsRow() {
    at::Tensor x = noise({5, 8}, 1);
    x[2][3] = std::numeric_limits<float>::quiet_NaN();
    const Op op = [](const Tensors& t) { return Tensors{ops::norm(t[0], {}, {}, kernels::NormKind::Rms, 1e-5)}; };
    SERP_ALIKE(op, Tensors{x}, 1e-5, std::string("norm"));
  }
};

QTEST_GUILESS_MAIN(TestDeviceOps)
#include "tst_device_ops.moc"
