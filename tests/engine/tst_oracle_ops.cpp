// SPDX-License-Identifier: GPL-3.0-or-later
// Our differentiable ops, expert layers, attention, optimizer and schedule against independent implementations, within the tolerances
// the oracles state; and initial values against the paper's distributions.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <QTest>

#include <cmath>

#include "engine/ops/cross_entropy.h"
#include "engine/ops/norm.h"
#include "engine/ops/rope.h"
#include "engine/ops/scan.h"
#include "engine/train/optimizer.h"
#include "engine/train/schedule.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

/// A leaf that wants a gradient; undefined where the oracle has no such tensor.
at::Tensor leaf(const Oracle& o, const std::string& name, bool turned = false) {
  if (!o.has(name)) return {};
  at::Tensor t = toTensor(turned ? o.at(name).turned() : o.at(name)).clone();
  t.set_requires_grad(true);
  return t;
}

std::vector<std::string> casesOf(const Oracle& o) {
  std::vector<std::string> names;
  for (const auto& [name, value] : o.config().at("cases").items()) names.push_back(name.empty() ? name : name + ".");
  return names;
}

struct Decisions final : RoutingObserver {
  ops::Assignment a;
  void routed(const std::string&, const ops::Assignment& assignment, double, float, float) override { a = assignment; }
};

/// Kept tokens per expert, from the slots.
std::vector<std::int64_t> keptOf(const ops::Assignment& a) {
  std::vector<std::int64_t> kept;
  for (std::size_t e = 0; e + 1 < a.offsets.size(); ++e) kept.push_back(a.offsets[e + 1] - a.offsets[e]);
  return kept;
}
std::vector<std::int64_t> keptMask(const ops::Assignment& a) {
  std::vector<std::int64_t> mask;
  for (const float slot : floats(a.slotOfChoice)) mask.push_back(slot >= 0);
  return mask;
}

/// mean and standard deviation
std::pair<double, double> moments(const at::Tensor& t) {
  double sum = 0, square = 0;
  const std::vector<float> v = floats(t);
  for (const float x : v) sum += x, square += double(x) * x;
  const double n = static_cast<double>(v.size()), mean = sum / n;
  return {mean, std::sqrt(square / n - mean * mean)};
}

/// Standard deviation of N(0, sigma) cut at ±cut.
double cutDeviation(double sigma, double cut) {
  const double a = cut / sigma, density = std::exp(-a * a / 2) / std::sqrt(2 * M_PI), inside = std::erf(a / std::sqrt(2.0));
  return sigma * std::sqrt(1 - 2 * a * density / inside);
}

}  // namespace

#define SERP_OPEN(name)                       \
  const auto oracle = Oracle::open(name);     \
  if (!oracle) QSKIP(oraclesMissing())

/// Compares the gradient of a leaf, if there is one; `turned` for channel-first oracles.
#define SERP_GRADIENT(tensor, name, turn, tol)                                                                        \
  if ((tensor).defined()) SERP_MATCHES((tensor).grad(), (turn) ? oracle->at(c + "grad." name).turned() : oracle->at(c + "grad." name), tol, c + "grad." name)

class TestOracleOps : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }

  void selectiveScan() {
    SERP_OPEN("selective_scan");
    for (const std::string& c : casesOf(*oracle)) {
      const bool softplus = oracle->config()["cases"][c.substr(0, c.size() - 1)]["delta_softplus"].get<bool>();
      const at::Tensor u = leaf(*oracle, c + "u", true), delta = leaf(*oracle, c + "delta", true), A = leaf(*oracle, c + "A"),
                       B = leaf(*oracle, c + "B", true), C = leaf(*oracle, c + "C", true), D = leaf(*oracle, c + "D"),
                       z = leaf(*oracle, c + "z", true), bias = leaf(*oracle, c + "delta_bias"), h0 = leaf(*oracle, c + "h0");
      const ops::Scanned s = ops::selectiveScan(u, delta, A, B, C, D, z, bias, h0, softplus);
      SERP_MATCHES(s.y, oracle->at(c + "out").turned(), 2e-5, c + "out");
      at::Tensor loss = s.y.mul(toTensor(oracle->at(c + "upstream.out").turned())).sum();
      if (oracle->has(c + "last_state")) SERP_MATCHES(s.last, oracle->at(c + "last_state"), 2e-5, c + "last_state");
      if (oracle->has(c + "upstream.last_state")) loss = loss.add(s.last.mul(toTensor(oracle->at(c + "upstream.last_state"))).sum());
      loss.backward();
      SERP_GRADIENT(u, "u", true, 2e-5);
      SERP_GRADIENT(delta, "delta", true, 2e-5);
      SERP_GRADIENT(A, "A", false, 2e-5);
      SERP_GRADIENT(B, "B", true, 2e-5);
      SERP_GRADIENT(C, "C", true, 2e-5);
      SERP_GRADIENT(D, "D", false, 2e-5);
      SERP_GRADIENT(z, "z", true, 2e-5);
      SERP_GRADIENT(bias, "delta_bias", false, 2e-5);
      SERP_GRADIENT(h0, "h0", false, 2e-5);
    }
  }

  void causalConvolution() {
    SERP_OPEN("causal_conv1d");
    for (const std::string& c : casesOf(*oracle)) {
      const bool silu = oracle->config()["cases"][c.substr(0, c.size() - 1)]["silu"].get<bool>();
      const at::Tensor x = leaf(*oracle, c + "x", true), weight = leaf(*oracle, c + "weight"), bias = leaf(*oracle, c + "bias"),
                       previous = leaf(*oracle, c + "previous", true);
      const at::Tensor y = ops::causalConv1d(x, weight, bias, previous, silu);
      SERP_MATCHES(y, oracle->at(c + "out").turned(), 2e-6, c + "out");
      y.mul(toTensor(oracle->at(c + "upstream.out").turned())).sum().backward();
      SERP_GRADIENT(x, "x", true, 5e-6);
      SERP_GRADIENT(weight, "weight", false, 5e-6);
      SERP_GRADIENT(bias, "bias", false, 5e-6);
      SERP_GRADIENT(previous, "previous", true, 5e-6);
    }
  }

  void norms_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<double>("tol");
    QTest::addColumn<double>("gradientTol");
    QTest::newRow("layer_norm") << "layer_norm" << 2e-5 << 2e-5;
    QTest::newRow("rms_norm") << "rms_norm" << 2e-6 << 5e-6;
  }
  void norms() {
    QFETCH(QString, name);
    QFETCH(double, tol);
    QFETCH(double, gradientTol);
    SERP_OPEN(name.toStdString());
    const auto kind = name == "layer_norm" ? kernels::NormKind::Layer : kernels::NormKind::Rms;
    for (const std::string& c : casesOf(*oracle))
      for (const bool together : {false, true}) {
        // Alone, and as the norm of a sum whose halves are x/4 and 3x/4: the same numbers, and both halves get x's gradient.
        const at::Tensor x = leaf(*oracle, c + "x"), weight = leaf(*oracle, c + "weight"), bias = leaf(*oracle, c + "bias");
        const at::Tensor G = toTensor(oracle->at(c + "upstream.y"));
        at::Tensor left, right, y, sum;
        if (!together) {
          y = ops::norm(x, weight, bias, kind, 1e-5);
        } else {
          left = x.detach().mul(0.25).set_requires_grad(true);
          right = x.detach().mul(0.75).set_requires_grad(true);
          const auto both = ops::addNorm(left, right, weight, bias, kind, 1e-5);
          y = both.normed;
          sum = both.sum;
          SERP_MATCHES(sum, oracle->at(c + "x"), 1e-6, c + "sum");
        }
        SERP_MATCHES(y, oracle->at(c + "y"), tol, c + "y");
        // With the stream used further on, its gradient of 1 is added to the norm's.
        if (together) y.mul(G).sum().add(sum.sum()).backward();
        else y.mul(G).sum().backward();
        if (together) {
          SERP_MATCHES(left.grad().sub(1), oracle->at(c + "grad.x"), 3 * gradientTol, c + "grad.x of the first half");
          QVERIFY(sameBits(left.grad(), right.grad()));
        } else {
          SERP_GRADIENT(x, "x", false, gradientTol);
        }
        SERP_GRADIENT(weight, "weight", false, gradientTol);
        SERP_GRADIENT(bias, "bias", false, gradientTol);
      }
  }

  void crossEntropy() {
    SERP_OPEN("cross_entropy");
    for (const std::string& c : casesOf(*oracle)) {
      const at::Tensor logits = leaf(*oracle, c + "logits"), target = toTensor(oracle->at(c + "target"));
      const auto ce = ops::crossEntropy(logits.mul(1), target);
      SERP_MATCHES(ce.loss.view({1}), oracle->at(c + "loss"), 2e-6, c + "loss");
      SERP_MATCHES(ce.perToken, oracle->at(c + "loss_per_token"), 2e-6, c + "loss_per_token");
      ce.loss.mul(2).backward();
      SERP_MATCHES(logits.grad().div(2), oracle->at(c + "grad.logits"), 2e-6, c + "grad.logits");
      for (std::int64_t i = 0; i < target.numel(); ++i) {
        const auto best = logits.detach()[i].argmax().item<std::int64_t>();
        QCOMPARE(ce.hits[i].item<int>(), static_cast<int>(best == target[i].item<std::int64_t>()));
      }
      // Positions that are not counted leave no trace.
      at::Tensor some = target.clone();
      some[0] = -1;
      const at::Tensor again = leaf(*oracle, c + "logits");
      const auto rest = ops::crossEntropy(again.mul(1), some);
      QCOMPARE(rest.counted, target.numel() - 1);
      rest.loss.backward();
      QCOMPARE(again.grad()[0].abs().max().item<float>(), 0.0f);
      at::Tensor none = at::full_like(target, -1);
      QCOMPARE(ops::crossEntropy(again.detach(), none).loss.item<float>(), 0.0f);
    }
  }

  void attention() {
    SERP_OPEN("attention_rope");
    for (const std::string& c : casesOf(*oracle)) {
      const auto& config = oracle->config()["cases"][c.substr(0, c.size() - 1)];
      const auto heads = config["heads"].get<std::int64_t>(), L = config["length"].get<std::int64_t>();
      const at::Tensor x = leaf(*oracle, c + "x");
      const LoneBlock lone("{kind: attention, heads: " + std::to_string(heads) + "}", x.size(2), L);
      for (const char* name : {"qkv.weight", "out.weight"}) lone.set(name, toTensor(oracle->at(c + name)));
      StepContext ctx;
      const at::Tensor y = lone.block->forward(x, ctx);
      SERP_MATCHES(y, oracle->at(c + "y"), 1e-5, c + "y");
      y.mul(toTensor(oracle->at(c + "upstream.y"))).sum().backward();
      SERP_GRADIENT(x, "x", false, 1e-5);
      SERP_GRADIENT(lone.parameter("qkv.weight"), "qkv.weight", false, 1e-5);
      SERP_GRADIENT(lone.parameter("out.weight"), "out.weight", false, 1e-5);
      at::Tensor q, k, v;
      const c10::NoGradGuard noGrad;
      ops::splitHeads(x.matmul(lone.parameter("qkv.weight").t()), heads, 10000, 0, q, k, v);
      SERP_MATCHES(q, oracle->at(c + "q_rotated"), 1e-5, c + "q_rotated");
      SERP_MATCHES(k, oracle->at(c + "k_rotated"), 1e-5, c + "k_rotated");
      SERP_MATCHES(v, oracle->at(c + "v"), 1e-5, c + "v");
    }
  }

  void switchLayerOfThePaper() {
    SERP_OPEN("switch_paper");
    const std::string c;
    for (const std::string cf : {"1.0", "0.5", "1.25", "0"}) {
      const std::string of = "cf_" + cf + ".";
      const LoneBlock lone("{kind: switch_moe, experts: 5, d_expert: 20, z_loss: 1, capacity_factor: " + cf + "}", 16, 37);
      lone.set("router.weight", toTensor(oracle->at("Wr").turned()));
      lone.set("w1", toTensor(oracle->at("W1")));
      lone.set("w2", toTensor(oracle->at("W2")));
      const at::Tensor Wr = lone.parameter("router.weight"), X = leaf(*oracle, "X");
      const auto forget = [&] {
        X.mutable_grad() = at::Tensor();
        for (const Parameter& p : lone.parameters) p.tensor.mutable_grad() = at::Tensor();
      };
      Decisions seen;
      StepContext ctx;
      ctx.training = true;
      ctx.routing = &seen;
      const at::Tensor y = lone.block->forward(X, ctx);
      SERP_MATCHES(y, oracle->at(of + "y"), 5e-6, of + "y");
      QCOMPARE(ctx.balance.size(), std::size_t{1});
      QCOMPARE(ctx.zLoss.size(), std::size_t{1});
      SERP_MATCHES(ctx.balance[0].view({1}), oracle->at("balance_loss"), 5e-6, "balance_loss");
      SERP_MATCHES(ctx.zLoss[0].view({1}), oracle->at("z_loss"), 5e-6, "z_loss");
      SERP_MATCHES(at::tensor(ctx.zRaw), oracle->at("z_loss"), 5e-6, "z_loss as reported");
      SERP_MATCHES(seen.a.probabilities, oracle->at("P"), 5e-6, "P");
      QCOMPARE(seen.a.assigned, oracle->at("assigned").counts);
      QCOMPARE(keptOf(seen.a), oracle->at(of + "kept").counts);
      QCOMPARE(keptMask(seen.a), oracle->at(of + "kept_mask").counts);
      std::vector<std::int64_t> expert;
      for (const float e : floats(seen.a.expert)) expert.push_back(static_cast<std::int64_t>(e));
      QCOMPARE(expert, oracle->at("expert").counts);

      y.mul(toTensor(oracle->at("G"))).sum().add(ctx.balance[0]).backward({}, true);
      SERP_MATCHES(X.grad(), oracle->at(of + "grad.X"), 1e-5, of + "grad.X");
      SERP_MATCHES(Wr.grad(), oracle->at(of + "grad.Wr").turned(), 1e-5, of + "grad.Wr");
      SERP_MATCHES(lone.parameter("w1").grad(), oracle->at(of + "grad.W1"), 1e-5, of + "grad.W1");
      SERP_MATCHES(lone.parameter("w2").grad(), oracle->at(of + "grad.W2"), 1e-5, of + "grad.W2");
      forget();
      ctx.balance[0].backward({}, true);
      SERP_MATCHES(X.grad(), oracle->at("grad_balance.X"), 1e-5, "grad_balance.X");
      SERP_MATCHES(Wr.grad(), oracle->at("grad_balance.Wr").turned(), 1e-5, "grad_balance.Wr");
      forget();
      ctx.zLoss[0].backward();
      SERP_MATCHES(X.grad(), oracle->at("grad_z.X"), 1e-5, "grad_z.X");
      SERP_MATCHES(Wr.grad(), oracle->at("grad_z.Wr").turned(), 1e-5, "grad_z.Wr");
    }
  }

  void switchLayerPerSequence() {
    SERP_OPEN("switch_moe");
    const std::string c;
    for (const std::int64_t capacity : {5, 64}) {
      const std::string of = "capacity_" + std::to_string(capacity) + ".";
      // 1.1 * 19 / 4 = 5.2 slots; 64 slots for 19 tokens are no limit. The library takes its balance loss per sequence and averages,
      // ours is that of one sequence at a time with half the weight.
      const LoneBlock lone("{kind: switch_moe, experts: 4, d_expert: 24, group: sequence, balance: 0.005, z_loss: 0.0005, capacity_factor: " +
                               std::string(capacity == 5 ? "1.1" : "0") + "}", 16, 19);
      std::vector<at::Tensor> w1, w2;
      for (int e = 0; e < 4; ++e) {
        const std::string expert = "experts.expert_" + std::to_string(e);
        w1.push_back(toTensor(oracle->at(expert + ".wi.weight")).t());
        w2.push_back(toTensor(oracle->at(expert + ".wo.weight")).t());
      }
      lone.set("w1", at::stack(w1));
      lone.set("w2", at::stack(w2));
      lone.set("router.weight", toTensor(oracle->at("router.classifier.weight")));
      const at::Tensor x = leaf(*oracle, "x"), G = toTensor(oracle->at("upstream.y"));
      Decisions whole;
      StepContext together;
      together.training = true;
      together.routing = &whole;
      const at::Tensor both = lone.block->forward(x, together);
      SERP_MATCHES(both, oracle->at(of + "y"), 5e-6, of + "y of the whole batch");
      QCOMPARE(keptMask(whole.a), oracle->at(of + "kept_mask").counts);
      SERP_MATCHES(at::tensor(together.zRaw), oracle->at("z_loss"), 5e-6, "z_loss");

      double balance = 0;
      std::vector<std::int64_t> kept, assigned;
      for (std::int64_t b = 0; b < 2; ++b) {
        Decisions seen;
        StepContext ctx;
        ctx.training = true;
        ctx.routing = &seen;
        const at::Tensor y = lone.block->forward(x.slice(0, b, b + 1), ctx);
        balance += ctx.balance[0].item<double>() / 0.01;
        y.mul(G.slice(0, b, b + 1)).sum().add(ctx.balance[0]).add(ctx.zLoss[0]).backward();
        const auto k = keptOf(seen.a);
        kept.insert(kept.end(), k.begin(), k.end());
        assigned.insert(assigned.end(), seen.a.assigned.begin(), seen.a.assigned.end());
      }
      QCOMPARE(kept, oracle->at(of + "kept").counts);
      QCOMPARE(assigned, oracle->at("assigned").counts);
      SERP_MATCHES(at::tensor({balance}), oracle->at("load_balancing_loss"), 5e-6, "load_balancing_loss");
      SERP_MATCHES(x.grad(), oracle->at(of + "grad.x"), 5e-6, of + "grad.x");
      SERP_MATCHES(lone.parameter("router.weight").grad(), oracle->at(of + "grad.router.classifier.weight"), 5e-6, of + "grad of the router");
      for (int e = 0; e < 4; ++e) {
        const std::string expert = of + "grad.experts.expert_" + std::to_string(e);
        SERP_MATCHES(lone.parameter("w1").grad()[e].t(), oracle->at(expert + ".wi.weight"), 5e-6, expert + ".wi");
        SERP_MATCHES(lone.parameter("w2").grad()[e].t(), oracle->at(expert + ".wo.weight"), 5e-6, expert + ".wo");
      }
    }
  }

  void adamw() {
    SERP_OPEN("adamw");
    for (const std::string& c : casesOf(*oracle)) {
      const auto& config = oracle->config()["cases"][c.substr(0, c.size() - 1)];
      const RunSpec spec = specOf("name: a\nmodel: {blocks: [{kind: linear}]}\ntrain: {clip: 0.5, weight_decay: 0.1, beta1: 0.9, beta2: 0.999, eps: 1.0e-8}\n");
      std::vector<Parameter> parameters;
      for (const char* name : {"p0", "p1", "p2"}) parameters.push_back({name, leaf(*oracle, c + name), ParameterRole::Matrix});
      Optimizer optimizer(parameters, spec.train);
      for (std::int64_t step = 0; step < 5; ++step) {
        double square = 0;
        for (const Parameter& p : parameters) p.tensor.mutable_grad() = toTensor(oracle->at(c + "grads." + p.name))[step].clone();
        for (const double s : optimizer.gradientSquares()) square += s;
        QVERIFY(std::fabs(std::sqrt(square) - oracle->at(c + "norm").values[static_cast<std::size_t>(step)]) < 5e-6 * std::sqrt(square));
        optimizer.step(config["lr"][static_cast<std::size_t>(step)].get<double>(), std::sqrt(square));
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          const std::string& name = parameters[i].name;
          const at::Tensor start = toTensor(oracle->at(c + name)), want = toTensor(oracle->at(c + "params." + name))[step];
          SERP_MATCHES(parameters[i].tensor, floats(want), 5e-6, c + "params." + name);
          // One update is a thousandth of a parameter, so its rounding is a thousand times larger beside it.
          SERP_MATCHES(parameters[i].tensor.detach().sub(start), floats(want.sub(start)), 5e-4, c + "update of " + name);
          SERP_MATCHES(optimizer.firstMoments()[i], floats(toTensor(oracle->at(c + "exp_avg." + name))[step]), 5e-6, c + "exp_avg." + name);
          SERP_MATCHES(optimizer.secondMoments()[i], floats(toTensor(oracle->at(c + "exp_avg_sq." + name))[step]), 5e-6, c + "exp_avg_sq." + name);
        }
      }
    }
  }

  void learningRates() {
    SERP_OPEN("lr_schedule");
    for (const std::string& c : casesOf(*oracle)) {
      const auto& config = oracle->config()["cases"][c.substr(0, c.size() - 1)];
      const Schedule s{config["eta"].get<double>(), config["ratio"].get<double>(), config["warmup"].get<std::int64_t>(),
                       config["final"].get<std::int64_t>(), true};
      const auto& steps = oracle->at(c + "step").counts;
      const auto& rates = oracle->at(c + "lr").values;
      for (std::size_t i = 0; i < steps.size(); ++i)
        QVERIFY2(std::fabs(s.rate(steps[i]) - rates[i]) <= 1e-12 * 1e-3, qPrintable(QString("step %1").arg(steps[i])));
    }
  }

  void initialValuesOfThePaper() {
    const Initialiser init(11, true);
    // Matrices: sigma = sqrt(0.1 / fan_in), cut at ±0.2 (§1.3); embeddings have fan_in 1 and come out nearly uniform, true deviation 0.1124.
    const auto [mean, deviation] = moments(init.truncated("matrix", {512, 512}, 0.1, 512));
    QVERIFY(std::fabs(mean) < 2e-4 && std::fabs(deviation / std::sqrt(0.1 / 512) - 1) < 0.01);
    const at::Tensor embedding = init.truncated("embedding", {2000, 128}, 0.1, 1);
    const auto [embeddingMean, embeddingDeviation] = moments(embedding);
    QVERIFY(std::fabs(embeddingMean) < 2e-3);
    QVERIFY2(std::fabs(embeddingDeviation - 0.1124) < 5e-4, qPrintable(QString::number(embeddingDeviation)));
    QVERIFY(std::fabs(cutDeviation(std::sqrt(0.1), 0.2) - 0.1124) < 1e-4);
    QVERIFY(embedding.abs().max().item<float>() <= 0.2f && embedding.abs().max().item<float>() > 0.199f);

    const LoneBlock moe("{kind: switch_moe, experts: 8, d_expert: 192}", 64);
    const auto near = [](double got, double want, double within = 0.03) { return std::fabs(got / want - 1) < within; };
    QVERIFY(near(moments(moe.parameter("router.weight")).second, cutDeviation(std::sqrt(0.1 / 64), 0.2), 0.12));
    QVERIFY(near(moments(moe.parameter("w1")).second, cutDeviation(std::sqrt(0.1 / 64), 0.2)));
    QVERIFY(near(moments(moe.parameter("w2")).second, std::sqrt(0.1 / (8 * 192))));   // fan_in of the second matrix: experts * d_expert
    const LoneBlock dense("{kind: dense_ffn, d_ff: 512}", 128);
    QVERIFY(near(moments(dense.parameter("w2.weight")).second, std::sqrt(0.1 / 512)));
    QVERIFY(near(moments(dense.parameter("w1.bias")).second, 1 / std::sqrt(128.0) / std::sqrt(3.0), 0.12));
    QVERIFY(dense.parameter("w1.bias").abs().max().item<float>() <= 1 / std::sqrt(128.0f));
    QVERIFY(dense.parameter("w1.bias").abs().max().item<float>() > 0.9f / std::sqrt(128.0f));
  }

  void initialValuesOfMamba() {
    const LoneBlock mamba("{kind: mamba, d_state: 16}", 128);   // 256 channels, rank 8; §5.3
    const auto uniform = [&](const char* name, double fanIn) {
      const at::Tensor t = mamba.parameter(name);
      const double bound = 1 / std::sqrt(fanIn);
      const auto [mean, deviation] = moments(t);
      return t.abs().max().item<double>() <= bound * (1 + 1e-6) && t.abs().max().item<double>() > 0.97 * bound &&
             std::fabs(mean) < 0.1 * bound && std::fabs(deviation / (bound / std::sqrt(3.0)) - 1) < 0.08;
    };
    QVERIFY(uniform("in_proj.weight", 128));
    QVERIFY(uniform("out_proj.weight", 256));
    QVERIFY(uniform("x_proj.weight", 256));
    QVERIFY(uniform("conv1d.weight", 4));
    QVERIFY(uniform("conv1d.bias", 4));
    QVERIFY(uniform("dt_proj.weight", 8));
    const at::Tensor aLog = mamba.parameter("A_log");
    for (std::int64_t n = 0; n < 16; ++n) QVERIFY(aLog.select(1, n).eq(static_cast<float>(std::log(double(n + 1)))).all().item<bool>());
    QVERIFY(mamba.parameter("D").eq(1).all().item<bool>());
    // softplus of the bias is log-uniform between 1e-3 and 1e-1: its logarithm is uniform.
    const at::Tensor logDt = mamba.parameter("dt_proj.bias").detach().to(at::kDouble).exp().log1p().log();
    QVERIFY(logDt.min().item<double>() >= std::log(1e-3) - 1e-3 && logDt.max().item<double>() <= std::log(1e-1) + 1e-3);
    const auto [mean, deviation] = moments(logDt);
    QVERIFY(std::fabs(mean - std::log(1e-2)) < 0.25 && std::fabs(deviation / (std::log(100.0) / std::sqrt(12.0)) - 1) < 0.1);
    // The depth rescale is off unless asked for.
    const LoneBlock scaled("{kind: mamba, d_state: 16, out_proj_rescale: true}", 128);
    QVERIFY(sameBits(scaled.parameter("out_proj.weight"), mamba.parameter("out_proj.weight")));  // one block: the root of 1
  }
};

QTEST_APPLESS_MAIN(TestOracleOps)
#include "tst_oracle_ops.moc"
