// SPDX-License-Identifier: GPL-3.0-or-later
// Counting where tokens go: sums of a window against the decisions themselves, the routing of one text, and the figures made of counts.
#include <ATen/Parallel.h>
#include <QTest>

#include <cmath>
#include <numeric>

#include "engine/data/tokenizer.h"
#include "engine/stats/activation_probe.h"
#include "engine/stats/routing_figures.h"
#include "engine/stats/routing_probe.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

struct Built {
  RunSpec spec;
  LanguageModel model;
  explicit Built(const std::string& blocks)
      : spec(specOf("name: probe\nmodel: {d_model: 16, blocks: [" + blocks + "]}\ntrain: {batch: 4}\ndata: {context: 24}\n")),
        model(spec, planOf(spec), 1) {}
};

at::Tensor someIds(std::int64_t B, std::int64_t T, std::int64_t seed) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < B * T; ++i) ids.push_back(static_cast<std::int64_t>(mixSeed(static_cast<std::uint64_t>(seed), std::to_string(i)) % 256));
  return at::tensor(ids, at::kLong).view({B, T});
}

/// Keeps what the probe only sums.
struct Keeper final : RoutingObserver {
  RoutingProbe* next = nullptr;
  std::vector<std::pair<std::string, ops::Assignment>> seen;
  std::vector<float> balance, z;
  void routed(const std::string& path, const ops::Assignment& a, double cf, float b, float zLoss) override {
    next->routed(path, a, cf, b, zLoss);
    seen.emplace_back(path, a);
    balance.push_back(b);
    z.push_back(zLoss);
  }
};

const char* const kBlocks =
    "{kind: mamba}, {kind: switch_moe, experts: 4, capacity_factor: 0.7}, {kind: mamba, out_proj: {kind: switch_moe, experts: 3}}, "
    "{kind: topk_moe, experts: 5, top_k: 2}, {kind: expert_choice, experts: 2}";

}  // namespace

class TestRoutingProbe : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }

  void aWindowIsTheSumOfItsSteps() {
    Built built(kBlocks);
    RoutingProbe probe;
    probe.nameLayers(built.model);
    QVERIFY(probe.empty());
    Keeper keeper;
    keeper.next = &probe;
    for (int step = 0; step < 3; ++step) {
      probe.beginStep(step == 2);
      StepContext ctx;
      ctx.training = true;
      ctx.routing = &keeper;
      built.model.forward(someIds(4, 24, step), ctx);
    }
    QCOMPARE(probe.steps(), 3);
    const RoutingFrame frame = probe.takeFrame(3);
    QCOMPARE(frame.step, std::int64_t{3});
    QCOMPARE(frame.steps, 3);
    QCOMPARE(frame.layers.size(), std::size_t{4});
    QCOMPARE(keeper.seen.size(), std::size_t{12});
    for (std::size_t l = 0; l < 4; ++l) {
      const RoutingLayer& layer = frame.layers[l];
      std::vector<double> assigned(static_cast<std::size_t>(layer.experts), 0), kept = assigned;
      double balance = 0, z = 0;
      for (std::size_t i = l; i < 12; i += 4) {
        QCOMPARE(keeper.seen[i].first, layer.path);
        const ops::Assignment& a = keeper.seen[i].second;
        for (std::size_t e = 0; e < assigned.size(); ++e) {
          assigned[e] += static_cast<double>(a.assigned[e]);
          kept[e] += static_cast<double>(a.offsets[e + 1] - a.offsets[e]);
        }
        balance += keeper.balance[i] / 3.0;
        z += keeper.z[i] / 3.0;
      }
      QCOMPARE(layer.assigned, assigned);
      QCOMPARE(layer.kept, kept);
      QVERIFY(std::fabs(layer.balanceLoss - balance) < 1e-6 && std::fabs(layer.zLoss - z) < 1e-5);
      // Entropy and gates of the one detailed step.
      const ops::Assignment& last = keeper.seen[8 + l].second;
      const at::Tensor P = last.probabilities.to(at::kDouble);
      QVERIFY(std::fabs(layer.entropy - P.mul(P.log()).sum(1).neg().mean().item<double>()) < 1e-5);
      QVERIFY(layer.entropy <= std::log(double(layer.experts)) + 1e-6);
      for (std::size_t e = 0; e < assigned.size(); ++e)
        QVERIFY(std::fabs(layer.meanGate[e] - P.mean(0)[static_cast<std::int64_t>(e)].item<double>()) < 1e-5);
    }
    QCOMPARE(QString::fromStdString(frame.layers[0].label), QString("moe 1"));
    QCOMPARE(QString::fromStdString(frame.layers[1].path), QString("blocks.2.mixer.out_proj"));
    QCOMPARE(QString::fromStdString(frame.layers[1].label), QString("mamba 2 out_proj"));
    QCOMPARE(frame.layers[2].topK, 2);
    QVERIFY(std::accumulate(frame.layers[0].kept.begin(), frame.layers[0].kept.end(), 0.0) <
            std::accumulate(frame.layers[0].assigned.begin(), frame.layers[0].assigned.end(), 0.0));
  }

  void aNewWindowStartsEmpty() {
    Built built(kBlocks);
    RoutingProbe probe;
    probe.nameLayers(built.model);
    StepContext ctx;
    ctx.routing = &probe;
    probe.beginStep(false);
    built.model.forward(someIds(2, 8, 1), ctx);
    const RoutingFrame first = probe.takeFrame(1);
    QVERIFY(std::isnan(first.layers[0].entropy));   // not measured is not zero
    const RoutingFrame second = probe.takeFrame(2);
    QCOMPARE(second.steps, 0);
    QCOMPARE(second.layers.size(), first.layers.size());   // the same layers in the same order, whatever was counted
    for (const RoutingLayer& layer : second.layers)
      for (const double count : layer.assigned) QCOMPARE(count, 0.0);
  }

  void aTextTellsWhereEachTokenWent() {
    Built built(kBlocks);
    auto tokenizer = openTokenizer("bytes");
    QVERIFY(bool(tokenizer));
    const std::string text = "abc abc\n\x01";
    const std::vector<std::int32_t> tokens(text.begin(), text.end());
    const std::vector<std::uint8_t> labels(tokens.size(), 1);
    RoutingProbe tally;
    tally.nameLayers(built.model);
    const auto routed = routeText(built.model, **tokenizer, tokens, labels, {"prose", "code"}, &tally);
    QCOMPARE(routed->pieces.size(), tokens.size());
    QCOMPARE(routed->pieces[0], std::string("a"));
    QCOMPARE(routed->labels, labels);
    QCOMPARE(routed->labelNames.size(), std::size_t{2});
    const RoutingFrame frame = tally.takeFrame(0);
    QCOMPARE(frame.layers.size(), routed->expert.size());
    for (std::size_t l = 0; l < routed->expert.size(); ++l) {
      QCOMPARE(routed->expert[l].size(), tokens.size());
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        QVERIFY(routed->expert[l][t] >= 0 && routed->expert[l][t] < frame.layers[l].experts);
        QVERIFY(routed->weight[l][t] > 0 && routed->weight[l][t] <= 1.0f);
        QVERIFY(routed->entropy[l][t] >= 0 && routed->entropy[l][t] <= std::log(float(frame.layers[l].experts)) + 1e-5f);
      }
    }
    // The first layer stands before any mixing over time but one: without capacity its counts are those of the text.
    std::vector<double> counts(4, 0);
    for (const std::int16_t e : routed->expert[0]) ++counts[static_cast<std::size_t>(e)];
    QCOMPARE(frame.layers[0].assigned, counts);
    QCOMPARE(frame.layers[0].kept, counts);
    QVERIFY(std::isfinite(frame.layers[0].entropy));
    // Nothing to count is no fault; nor is a text without anyone counting.
    QVERIFY(routeText(built.model, **tokenizer, {}, {}, {})->pieces.empty());
    const auto alone = routeText(built.model, **tokenizer, tokens, {}, {});
    QCOMPARE(alone->expert, routed->expert);
  }

  void blocksTellTheirNorms() {
    Built built("{kind: mamba}, {kind: dense_ffn}");
    ActivationProbe probe;
    probe.nameBlocks(built.model);
    StepContext ctx;
    ctx.training = true;
    ctx.activations = &probe;
    built.model.forward(someIds(2, 8, 1), ctx).sum().backward();
    std::vector<double> squares;
    for (const Parameter& p : built.model.parameters()) squares.push_back(std::pow(p.tensor.grad().norm().item<double>(), 2));
    probe.gradients(squares, built.model.parameterBlock());
    const ActivationFrame frame = probe.frame(1);
    QCOMPARE(frame.blocks.size(), std::size_t{4});   // embedding, two blocks, head
    for (const BlockActivity& b : frame.blocks) QVERIFY2(b.outputNorm > 0 && b.gradNorm > 0, b.path.c_str());
    QVERIFY(frame.blocks[1].updateRatio > 0 && frame.blocks[2].updateRatio > 0);
    QVERIFY(std::fabs(frame.blocks[0].outputNorm - 0.1124) < 0.01);   // the embedding's deviation
  }

  void figuresOfALoad() {
    const LoadFigures even = loadFigures({10, 10, 10, 10}, {10, 10, 10, 10});
    QCOMPARE(even.dropRate, 0.0);
    QCOMPARE(even.maxViolation, 0.0);
    QCOMPARE(even.variation, 0.0);
    QCOMPARE(even.dead, 0);
    const LoadFigures all = loadFigures({40, 0, 0, 0}, {10, 0, 0, 0});
    QCOMPARE(all.dropRate, 0.75);
    QCOMPARE(all.maxViolation, 3.0);
    QVERIFY(std::fabs(all.variation - std::sqrt(3.0)) < 1e-12);
    QCOMPARE(all.dead, 3);
    QCOMPARE(loadFigures({}, {}).dead, 0);
    QCOMPARE(loadFigures({0, 0}, {0, 0}).maxViolation, 0.0);
  }

  void figuresOfAssociation() {
    std::vector<int> a, same, other, constant(400, 0);
    for (int i = 0; i < 400; ++i) a.push_back(i % 4), same.push_back(3 - i % 4), other.push_back(i / 4 % 4);
    QVERIFY(std::fabs(normalisedMutualInformation(a, same) - 1) < 1e-12);
    QVERIFY(std::fabs(normalisedMutualInformation(a, other)) < 1e-12);
    QCOMPARE(normalisedMutualInformation(a, constant), 0.0);
    QCOMPARE(normalisedMutualInformation({}, {}), 0.0);
    const double chance = shuffledMutualInformation(a, same, 10, 1);
    QVERIFY(chance > 0 && chance < 0.1);   // never exactly 0 for finitely many tokens: that is why it is shown
    QCOMPARE(chance, shuffledMutualInformation(a, same, 10, 1));
    const std::vector<std::string> pieces = {"the", "the", "a", "a", "the", "x", "the", "a"};
    const std::vector<std::int16_t> experts = {1, 1, 0, 0, 1, 1, 0, 1};
    const auto top = topTokens(pieces, experts, 1, 2, 5);
    QCOMPARE(top.size(), std::size_t{1});   // "x" and "a" were seen there once only
    QCOMPARE(top[0].piece, std::string("the"));
    QCOMPARE(top[0].count, 3);
    QVERIFY(std::fabs(top[0].lift - (3.0 / 4) / (5.0 / 8)) < 1e-12);
  }
};

QTEST_APPLESS_MAIN(TestRoutingProbe)
#include "tst_routing_probe.moc"
