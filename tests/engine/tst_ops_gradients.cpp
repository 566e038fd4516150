// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients of every registered block against finite differences, fused ops against the pieces they are made of, and the run in
// bfloat16 against the run in float32.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <QTest>

#include <cmath>
#include <optional>

#include "engine/data/corpus.h"
#include "engine/ops/experts.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/linear.h"
#include "engine/ops/mamba_inner.h"
#include "engine/ops/norm.h"
#include "engine/ops/scan.h"
#include "engine/spec/block_info.h"
#include "engine/train/train_loop.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

/// A block of a kind with everything smooth: finite differences see no kink of a relu.
std::string smooth(const BlockInfo& info) {
  std::string keys;
  for (const Param& p : info.schema) {
    if (p.name == "activation") keys += ", activation: gelu";
    if (p.name == "experts") keys += ", experts: 4";
    if (p.name == "balance") keys += ", balance: 0.5";
    if (p.name == "z_loss") keys += ", z_loss: 0.1";
    if (p.name == "init_scale") keys += ", init_scale: 2";   // away from the almost-zero updates of the paper
    if (p.type == ParamType::Boolean && p.name == "gated") keys += ", gated: true";
    if (p.type == ParamType::Boolean && (p.name == "bias" || p.name == "proj_bias")) keys += ", " + p.name + ": true";
  }
  return "{kind: " + info.kind + keys + "}";
}

struct Decisions final : RoutingObserver {
  std::vector<std::vector<float>> choices;
  void routed(const std::string&, const ops::Assignment& a, double, float, float) override { choices.push_back(floats(a.expert)); }
};

struct Value {
  double loss = 0;
  std::vector<std::vector<float>> choices;
};

/// sum(y * G) + auxiliary losses, summed in double.
Value valueOf(Block& block, const at::Tensor& x, const at::Tensor& G) {
  const c10::NoGradGuard noGrad;
  Decisions seen;
  StepContext ctx;
  ctx.training = true;
  ctx.batch = x.size(0);
  ctx.length = x.size(1);
  ctx.routing = &seen;
  const at::Tensor y = block.forward(x, ctx);
  Value v{y.to(at::kDouble).mul(G.to(at::kDouble)).sum().item<double>(), seen.choices};
  for (const at::Tensor& t : ctx.balance) v.loss += t.item<double>();
  for (const at::Tensor& t : ctx.zLoss) v.loss += t.item<double>();
  return v;
}

void backwardOf(Block& block, const at::Tensor& x, const at::Tensor& G) {
  StepContext ctx;
  ctx.training = true;
  ctx.batch = x.size(0);
  ctx.length = x.size(1);
  at::Tensor loss = block.forward(x, ctx).mul(G).sum();
  for (const at::Tensor& t : ctx.balance) loss = loss.add(t);
  for (const at::Tensor& t : ctx.zLoss) loss = loss.add(t);
  loss.backward();
}

at::Tensor wanting(at::Tensor t) {
  t.set_requires_grad(true);
  return t;
}

}  // namespace

class TestOpsGradients : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }
  void cleanup() {
    ops::setPrecision(ops::Precision::Float32);
    ops::setKernelMode(ops::KernelMode::Fast);
  }

  void finiteDifferences_data() {
    QTest::addColumn<QString>("text");
    for (const BlockInfo& info : blockCatalog())
      if (info.family != Family::Container) QTest::newRow(info.kind.c_str()) << QString::fromStdString(smooth(info));
    QTest::newRow("expert layers in the slots of mamba")
        << "{kind: mamba, conv_proj: {kind: switch_moe, experts: 3, d_expert: 7, activation: gelu, init_scale: 2}, "
           "out_proj: {kind: topk_moe, experts: 3, d_expert: 7, init_scale: 2}, gate_proj: {kind: gated_ffn, d_ff: 9}}";
    QTest::newRow("parallel with norms of its own") << "{parallel: [{kind: mamba}, {kind: dense_ffn, activation: silu}], norms: own}";
    QTest::newRow("top-k without renormalising, shared expert")
        << "{kind: topk_moe, experts: 5, top_k: 3, renormalise: false, shared_expert: 9, d_expert: 6, init_scale: 2}";
    QTest::newRow("attention with learned positions") << "{kind: attention, heads: 2, positions: learned, bias: true}";
    QTest::newRow("squared relu") << "{kind: dense_ffn, activation: relu2}";
  }
  void finiteDifferences() {
    QFETCH(QString, text);
    const std::int64_t width = 12, B = 2, T = 7;
    const LoneBlock lone(text.toStdString(), width, T);
    const at::Tensor x = wanting(noise({B, T, width}, 2)), G = noise({B, T, width}, 3);
    backwardOf(*lone.block, x, G);
    std::vector<Parameter> all = lone.parameters;
    all.push_back({"x", x, ParameterRole::Matrix});
    int compared = 0;
    const Value here = valueOf(*lone.block, x, G);
    for (const Parameter& p : all) {
      const double scale = std::max(0.05, p.tensor.detach().abs().mean().item<double>());
      const double norm = p.tensor.grad().norm().item<double>();
      for (std::uint64_t seed = 0, tried = 0; seed < 2 && tried < 8; ++tried) {
        const at::Tensor direction = noise(p.tensor.sizes(), 100 + tried);
        const double slope = p.tensor.grad().mul(direction).sum().item<double>();
        // A decision that flips is a jump, not a slope, and shows as a difference that doubles when the step is halved.
        std::optional<double> difference, before;
        for (double step = 8e-3 * scale; step > 2e-4 * scale && !difference; step /= 2) {
          const at::Tensor start = p.tensor.detach().clone();
          const auto at = [&](double by) {
            const c10::NoGradGuard noGrad;
            p.tensor.copy_(start.add(direction, by));
            const Value v = valueOf(*lone.block, x, G);
            p.tensor.copy_(start);
            return v;
          };
          const Value up = at(step), down = at(-step);
          if (up.choices != here.choices || down.choices != here.choices) continue;
          const double now = (up.loss - down.loss) / (2 * step);
          if (before && std::fabs(now - *before) <= 0.1 * std::max(std::fabs(now), 0.1 * norm) + 2e-3) difference = now;
          before = now;
        }
        if (!difference) continue;
        ++seed;
        ++compared;
        QVERIFY2(std::fabs(*difference - slope) <= 0.02 * std::max(std::fabs(slope), 0.1 * norm) + 2e-3,
                 qPrintable(QString("%1: slope %2, difference %3").arg(QString::fromStdString(p.name)).arg(slope).arg(*difference)));
      }
    }
    QVERIFY2(compared >= static_cast<int>(all.size()), "too many directions changed a decision of a router");
  }

  void theFusedMambaIsItsPieces_data() {
    QTest::addColumn<bool>("sideBySide");
    QTest::newRow("x and z from one product") << true;
    QTest::newRow("x and z apart") << false;
  }
  void theFusedMambaIsItsPieces() {
    QFETCH(bool, sideBySide);
    for (const std::int64_t T : {1, 5, 40}) {
      const std::int64_t B = 2, D = 19, N = 5, R = 3, W = 4;
      const std::vector<at::Tensor> leaves = {
          wanting(noise({B, T, 2 * D}, 1)), wanting(noise({D, W}, 2)), wanting(noise({D}, 3)), wanting(noise({R + 2 * N, D}, 4).mul(0.3)),
          wanting(noise({D, R}, 5)), wanting(noise({D}, 6).sub(2)), wanting(noise({D, N}, 7).mul(0.3)), wanting(noise({D}, 8))};
      const at::Tensor G = noise({B, T, D}, 9);
      const auto gradients = [&](const at::Tensor& y) {
        for (const at::Tensor& t : leaves) t.mutable_grad() = at::Tensor();
        y.mul(G).sum().backward();
        std::vector<at::Tensor> out = {y.detach()};
        for (const at::Tensor& t : leaves) out.push_back(t.grad());
        return out;
      };
      const at::Tensor x = leaves[0].narrow(2, 0, D), z = leaves[0].narrow(2, D, D);
      const ops::MambaInnerWeights w{leaves[1], leaves[2], leaves[3], leaves[4], leaves[5], leaves[6], leaves[7]};
      const auto fused = gradients(sideBySide ? ops::mambaInner(leaves[0], {}, {}, w, nullptr)
                                              : ops::mambaInner({}, x.contiguous(), z.contiguous(), w, nullptr));
      const at::Tensor u = ops::causalConv1d(x, w.convWeight, w.convBias, {}, true), dbl = u.matmul(w.xProj.t());
      const auto pieces = gradients(ops::selectiveScan(u, dbl.narrow(2, 0, R).matmul(w.dtProj.t()), w.aLog.exp().neg(), dbl.narrow(2, R, N),
                                                       dbl.narrow(2, R + N, N), w.skip, z, w.dtBias, {}, true).y);
      for (std::size_t i = 0; i < fused.size(); ++i) SERP_MATCHES(fused[i], floats(pieces[i]), 2e-5, "tensor " + std::to_string(i));
    }
  }

  void expertsAreAsWrittenOut_data() {
    QTest::addColumn<QString>("activation");
    QTest::addColumn<bool>("gated");
    for (const char* name : {"relu", "gelu", "silu", "relu2"})
      for (const bool gated : {false, true})
        QTest::newRow((std::string(name) + (gated ? ", gated" : "")).c_str()) << QString(name) << gated;
  }
  void expertsAreAsWrittenOut() {
    QFETCH(QString, activation);
    QFETCH(bool, gated);
    const auto act = ops::activationByName(activation.toStdString());
    const std::int64_t T = 23, E = 4, d = 6, f = 9, o = 5, k = 2;
    const at::Tensor x = wanting(noise({T, d}, 1)), w1 = wanting(noise({E, d, f}, 2)), w3 = gated ? wanting(noise({E, d, f}, 3)) : at::Tensor(),
                     w2 = wanting(noise({E, f, o}, 4)), logits = wanting(noise({T, E}, 5)), G = noise({T, o}, 6);
    std::vector<at::Tensor> leaves = {x, w1, w2, logits};
    if (gated) leaves.push_back(w3);
    const auto gradients = [&](const at::Tensor& y) {
      for (const at::Tensor& t : leaves) t.mutable_grad() = at::Tensor();
      y.mul(G).sum().backward();
      std::vector<at::Tensor> out = {y.detach()};
      for (const at::Tensor& t : leaves) out.push_back(t.grad());
      return out;
    };
    const ops::Routed r = ops::route(logits, k, T, 7);   // some choices are dropped
    const auto ours = gradients(ops::experts(x, r.gate, w1, w3, w2, r.assignment, act));
    const at::Tensor P = logits.softmax(1);
    std::vector<at::Tensor> rows;
    int dropped = 0;
    for (std::int64_t t = 0; t < T; ++t) {
      at::Tensor y = x.new_zeros({o});
      for (std::int64_t j = 0; j < k; ++j) {
        const auto e = r.assignment.expert[t][j].item<std::int64_t>();
        if (r.assignment.slotOfChoice[t][j].item<int>() < 0) {
          ++dropped;
          continue;
        }
        at::Tensor h = ops::activate(x[t].matmul(w1[e]), act);
        if (gated) h = h.mul(x[t].matmul(w3[e]));
        y = y.add(h.matmul(w2[e]).mul(P[t][e]));
      }
      rows.push_back(y.unsqueeze(0));
    }
    QVERIFY(dropped > 0);
    const auto written = gradients(at::cat(rows));
    for (std::size_t i = 0; i < ours.size(); ++i) SERP_MATCHES(ours[i], floats(written[i]), 5e-6, "tensor " + std::to_string(i));
  }

  void expertsDoNotDependOnThreads() {
    // Dealt out to threads, or one after another over all of them: the sums of one expert are its own.
    const std::int64_t T = 64, E = 6, d = 8, f = 12;
    const at::Tensor x = wanting(noise({T, d}, 1)), w1 = wanting(noise({E, d, f}, 2)), w2 = wanting(noise({E, f, d}, 4));
    for (const double lopsided : {0.0, 9.0}) {
      at::Tensor logits = noise({T, E}, 5);
      logits.select(1, 2).add_(lopsided);
      std::vector<at::Tensor> results[2];
      for (int round = 0; round < 2; ++round) {
        at::set_num_threads(round == 0 ? 1 : 2);
        x.mutable_grad() = w1.mutable_grad() = w2.mutable_grad() = at::Tensor();
        const ops::Routed r = ops::route(logits, 1, T, 0);
        const at::Tensor y = ops::experts(x, r.gate, w1, {}, w2, r.assignment, ops::Activation::Relu);
        y.sum().backward();
        results[round] = {y.detach(), x.grad(), w1.grad(), w2.grad()};
      }
      at::set_num_threads(1);
      for (std::size_t i = 0; i < results[0].size(); ++i) SERP_MATCHES(results[1][i], floats(results[0][i]), 2e-6, "tensor " + std::to_string(i));
    }
  }

  void bfloat16RoundsProductsOnly() {
    const at::Tensor x = noise({3, 8, 40}, 1), w = noise({24, 40}, 2), router = noise({5, 40}, 3);
    const at::Tensor exact = ops::linear(x, w), logits = ops::linear32(x.view({24, 40}), router), normed = ops::norm(x, {}, {}, kernels::NormKind::Rms, 1e-5);
    ops::setPrecision(ops::Precision::Bfloat16);
    const at::Tensor rounded = ops::linear(x, w);
    QCOMPARE(rounded.scalar_type(), at::kFloat);
    QVERIFY(!sameBits(exact, rounded));
    SERP_MATCHES(rounded, floats(exact), 1e-2, "product");
    QVERIFY(sameBits(logits, ops::linear32(x.view({24, 40}), router)));
    QVERIFY(sameBits(normed, ops::norm(x, {}, {}, kernels::NormKind::Rms, 1e-5)));
    // A state is a sum over time: 8 significant bits would forget it.
    const LoneBlock mamba("{kind: mamba}", 16, 8);
    StepContext ctx;
    const at::Tensor input = noise({2, 8, 16}, 4), narrow = mamba.block->forward(input, ctx);
    ops::setPrecision(ops::Precision::Float32);
    SERP_MATCHES(narrow, floats(mamba.block->forward(input, ctx)), 2e-2, "mamba");
  }

  void bfloat16TrainsLikeFloat32() {
    const std::string design =
        "name: mixed\nmodel: {d_model: 32, blocks: [{repeat: 2, blocks: [{kind: mamba}, {kind: switch_moe, experts: 4}]}, "
        "{kind: attention, heads: 2}, {kind: dense_ffn}, {kind: topk_moe, experts: 4}]}\n"
        "train: {steps: 40, batch: 8, learning_rate: 3.0e-3, seed: 5}\ndata: {context: 32, babel_bytes: 65536}\n";
    const RunSpec spec = specOf(design);
    DataSettings data;
    data.context = 32;
    data.batch = 8;
    data.babelBytes = 65536;
    auto corpus = openCorpus(data);
    QVERIFY(bool(corpus));
    const std::shared_ptr<const Corpus> source = std::move(corpus).value();
    std::vector<double> losses[2];
    for (int narrow = 0; narrow < 2; ++narrow) {
      ops::setPrecision(narrow ? ops::Precision::Bfloat16 : ops::Precision::Float32);
      TrainLoop loop(spec, planOf(spec), source);
      for (int i = 0; i < 40; ++i) {
        const StepRecord r = loop.step();
        QVERIFY(std::isfinite(r.loss) && std::isfinite(r.gradNorm) && !r.skipped);
        losses[narrow].push_back(r.loss);
      }
      for (const Parameter& p : loop.model().parameters()) QCOMPARE(p.tensor.scalar_type(), at::kFloat);
    }
    QVERIFY(losses[0].back() < losses[0].front() - 1.0);
    QVERIFY(std::fabs(losses[1].front() - losses[0].front()) < 0.01);
    QVERIFY2(std::fabs(losses[1].back() - losses[0].back()) < 0.1,
             qPrintable(QString("%1 in bfloat16, %2 in float32").arg(losses[1].back()).arg(losses[0].back())));
  }

  void aCheckedRunIsTheFastRun() {
    const RunSpec spec = specOf("name: checked\nmodel: {d_model: 24, final_norm: rms_norm, blocks: [{kind: mamba}, {kind: switch_moe, experts: 4}]}\n"
                                "train: {steps: 3, batch: 4}\ndata: {context: 24, babel_bytes: 65536}\n");
    DataSettings data;
    data.context = 24;
    data.batch = 4;
    data.babelBytes = 65536;
    auto corpus = openCorpus(data);
    QVERIFY(bool(corpus));
    const std::shared_ptr<const Corpus> source = std::move(corpus).value();
    std::vector<double> losses[3];
    for (const auto mode : {ops::KernelMode::Fast, ops::KernelMode::Check, ops::KernelMode::Reference}) {
      ops::setKernelMode(mode);
      TrainLoop loop(spec, planOf(spec), source);
      for (int i = 0; i < 3; ++i) losses[static_cast<int>(mode)].push_back(loop.step().loss);
    }
    QCOMPARE(losses[static_cast<int>(ops::KernelMode::Check)], losses[static_cast<int>(ops::KernelMode::Fast)]);
    for (std::size_t i = 0; i < 3; ++i)
      QVERIFY(std::fabs(losses[static_cast<int>(ops::KernelMode::Reference)][i] - losses[static_cast<int>(ops::KernelMode::Fast)][i]) < 1e-3);
  }
};

QTEST_APPLESS_MAIN(TestOpsGradients)
#include "tst_ops_gradients.moc"
