// SPDX-License-Identifier: GPL-3.0-or-later
// The step: schedule and optimizer against the oracles, losses kept apart, and steps whose update must not happen.
#include <ATen/ops/randn.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include "engine/train/keep_memory.h"
#include "engine/train/train_loop.h"
#include "model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

std::unique_ptr<TrainLoop> loopOf(const std::string& train, const std::string& blocks = "{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16}",
                                  const std::string& data = "source: babel, context: 16, babel_bytes: 16384") {
  RunSpec spec = specOf("name: tiny\nmodel: {d_model: 16, blocks: [" + blocks + "]}\ntrain: {learning_rate: 0.01, " +
                        (train.find("batch:") == std::string::npos ? "batch: 2" : "") + (train.empty() || train.starts_with("batch:") ? "" : ", ") + train + "}\ndata: {" + data + "}\n");
  DataSettings d;
  d.source = spec.data.list("source");
  d.context = spec.data.integer("context");
  d.batch = spec.train.integer("batch");
  d.babelBytes = spec.data.integer("babel_bytes");
  auto corpus = openCorpus(d);
  if (!corpus) throw std::runtime_error(corpus.faults().text());
  spec.model.set("vocab", static_cast<std::int64_t>((*corpus)->tokenizer().vocabSize()));
  return std::make_unique<TrainLoop>(spec, planOf(spec), std::shared_ptr<const Corpus>(std::move(corpus).value()));
}

std::vector<std::vector<float>> weights(const TrainLoop& loop) {
  std::vector<std::vector<float>> out;
  for (const Parameter& p : loop.model().parameters()) out.push_back(floats(p.tensor));
  return out;
}

}  // namespace

class TstTrain : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void schedule() {
    const auto oracle = Oracle::open("lr_schedule");
    if (!oracle) QSKIP(oraclesMissing());
    for (const auto& [name, c] : oracle->config().at("cases").items()) {
      Schedule s;
      s.peak = c.at("eta"), s.finalRatio = c.at("ratio");
      s.warmupSteps = c.at("warmup"), s.finalStep = c.at("final");
      const Tensor &steps = oracle->at(name + ".step"), &want = oracle->at(name + ".lr");
      for (std::size_t i = 0; i < steps.counts.size(); ++i)
        QVERIFY2(std::abs(s.rate(steps.counts[i]) - want.values[i]) <= 1e-12 * s.peak, qPrintable(QString::fromStdString(name) + QString(" step %1").arg(steps.counts[i])));
    }
  }

  void optimizer_data() {
    QTest::addColumn<QString>("name");
    QTest::newRow("constant rate") << "constant";
    QTest::newRow("scheduled rate") << "scheduled";
  }
  void optimizer() {
    const auto oracle = Oracle::open("adamw");
    if (!oracle) QSKIP(oraclesMissing());
    QFETCH(QString, name);
    const std::string c = name.toStdString();
    const auto& config = oracle->config().at("cases").at(c);
    ParamSet train;
    train.set("beta1", config.at("betas")[0].get<double>());
    train.set("beta2", config.at("betas")[1].get<double>());
    train.set("eps", config.at("eps").get<double>());
    train.set("weight_decay", config.at("weight_decay").get<double>());
    train.set("clip", config.at("max_norm").get<double>());
    train.set("decay", std::string("all"));
    std::vector<Parameter> parameters;
    for (const char* p : {".p0", ".p1", ".p2"}) parameters.push_back({p, toTensor(oracle->at(c + p)).requires_grad_(true), ParameterRole::Vector});
    Optimizer optimizer(parameters, train);
    const std::vector<float> norms = oracle->at(c + ".norm").floats();
    for (std::int64_t step = 0; step < 5; ++step) {
      for (Parameter& p : parameters) p.tensor.mutable_grad() = toTensor(oracle->at(c + ".grads" + p.name)).select(0, step).contiguous();
      double square = 0;
      for (const double s : optimizer.gradientSquares()) square += s;
      QVERIFY(std::abs(std::sqrt(square) - norms[static_cast<std::size_t>(step)]) <= 1e-5 * norms[static_cast<std::size_t>(step)]);
      optimizer.step(config.at("lr")[static_cast<std::size_t>(step)], std::sqrt(square));
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto row = [&](const char* what) {
          const at::Tensor all = toTensor(oracle->at(c + what + parameters[i].name));
          const std::vector<float> v = floats(all.select(0, step));
          return std::vector<float>(v);
        };
        QVERIFY(agrees(floats(parameters[i].tensor), row(".params"), 5e-6));
        QVERIFY(agrees(floats(optimizer.firstMoments()[i]), row(".exp_avg"), 5e-6));
        QVERIFY(agrees(floats(optimizer.secondMoments()[i]), row(".exp_avg_sq"), 5e-6));
        QVERIFY(!parameters[i].tensor.grad().defined());
      }
    }
  }

  void decayFollowsRoles() {
    ParamSet train;
    for (const auto& [key, value] : {std::pair{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.5}, {"clip", 0.0}}) train.set(key, value);
    for (const auto& [rule, decays] : {std::pair<std::string, std::vector<bool>>{"all", {true, true, true, true, true}},
                                       {"matrices", {true, false, false, true, false}}, {"no_ssm", {true, true, true, true, false}}}) {
      train.set("decay", rule);
      std::vector<Parameter> parameters;
      for (const auto role : {ParameterRole::Matrix, ParameterRole::Vector, ParameterRole::Norm, ParameterRole::Embedding, ParameterRole::StateSpace})
        parameters.push_back({"p", at::tensor({2.0f}).requires_grad_(true), role});
      Optimizer optimizer(parameters, train);
      for (Parameter& p : parameters) p.tensor.mutable_grad() = at::tensor({0.0f});
      optimizer.step(0.1, 0);
      for (std::size_t i = 0; i < decays.size(); ++i) QCOMPARE(floats(parameters[i].tensor).front(), decays[i] ? 2.0f * (1 - 0.1f * 0.5f) : 2.0f);
    }
  }

  /// The balance loss changes the gradient and its own figure, never `loss`.
  void auxiliaryLossesStandApart() {
    const auto without = loopOf("", "{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16, balance: 0.0}");
    const auto with = loopOf("", "{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16, balance: 1.0}");
    const StepRecord a = without->step(), b = with->step();
    QCOMPARE(a.loss, b.loss);
    QCOMPARE(a.auxLoss, 0.0);
    QVERIFY(b.auxLoss >= 0.99);  // E Σ f m ≥ 1 up to rounding where f and m agree
    QVERIFY(a.zLoss > 0 && a.zLoss == b.zLoss);
    QVERIFY(a.gradNorm != b.gradNorm);
  }

  void lossIsTheCrossEntropyOfTheBatch() {
    const auto loop = loopOf("learning_rate_scale: 0");
    const StepRecord first = loop->step();
    QVERIFY(std::abs(first.loss - std::log(256.0)) < 0.6);  // an untrained model knows next to nothing
    QVERIFY(first.accuracy >= 0 && first.accuracy <= 1);
    QCOMPARE(first.tokens, std::int64_t{32});
    QCOMPARE(first.learningRate, 0.0);
  }

  /// Memory that goes back to the system after a step is faulted in again at the next: the page faults of later steps tell.
  void laterStepsAllocateNothingLarge() {
    keepMemory();
    const auto loop = loopOf("batch: 8", "{kind: mamba}, {kind: switch_moe, experts: 4, d_expert: 64}, {kind: attention}",
                             "source: babel, context: 256, babel_bytes: 65536");
    const auto faults = [] {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return usage.ru_minflt;
    };
    for (int i = 0; i < 10; ++i) loop->step();
    const long before = faults();
    for (int i = 0; i < 10; ++i) loop->step();
    const long perStep = (faults() - before) / 10;
    qInfo("%ld page faults a step; one activation of this model has 128 pages or more", perStep);
    QVERIFY(perStep < 128);
  }

  void nonFiniteStepsChangeNothing() {
    const auto loop = loopOf("");
    for (int i = 0; i < 3; ++i) loop->step();
    const c10::NoGradGuard noGrad;
    const float kept = floats(loop->model().parameters().back().tensor).front();
    const at::Tensor head = loop->model().parameters().back().tensor.detach().view({-1}).narrow(0, 0, 1);
    head.fill_(std::numeric_limits<float>::quiet_NaN());
    const auto before = weights(*loop);
    const auto m = floats(loop->optimizer().firstMoments()[1]);
    const c10::AutoGradMode grad(true);
    for (int i = 1; i <= 2; ++i) {
      const StepRecord r = loop->step();
      QCOMPARE(static_cast<int>(r.skipped), 1);
      QVERIFY(loop->verdict() == StepVerdict::NonFinite);
      QCOMPARE(loop->progress().nonFiniteInARow, i);
    }
    const auto after = weights(*loop);
    for (std::size_t i = 0; i + 1 < before.size(); ++i) QVERIFY(before[i] == after[i]);
    QVERIFY(floats(loop->optimizer().firstMoments()[1]) == m);
    head.fill_(kept);
    QCOMPARE(static_cast<int>(loop->step().skipped), 0);
    QCOMPARE(loop->progress().nonFiniteInARow, 0);
  }

  void spikes_data() {
    QTest::addColumn<bool>("skip");
    QTest::newRow("flagged") << false;
    QTest::newRow("skipped") << true;
  }
  void spikes() {
    QFETCH(bool, skip);
    const auto loop = loopOf(skip ? "on_spike: skip" : "on_spike: ignore");
    QVERIFY(!loop->spiked());
    for (int i = 0; i < 128; ++i) {
      loop->progress().recentLosses.push_back(1 + 0.01 * (i % 2));
      loop->progress().recentNorms.push_back(1e9);
    }
    const auto before = weights(*loop);
    const StepRecord r = loop->step();  // about ln 256, far above
    QVERIFY(loop->spiked());
    QCOMPARE(r.skipped != 0, skip);
    QVERIFY(loop->verdict() == (skip ? StepVerdict::Spike : StepVerdict::Applied));
    QCOMPARE(weights(*loop) == before, skip);
    QCOMPARE(loop->progress().recentLosses.size(), std::size_t{128});
    // A gradient alone is enough.
    loop->progress().recentLosses.assign(128, 1e9);
    loop->progress().recentNorms.assign(128, 1e-9);
    loop->step();
    QVERIFY(loop->spiked());
  }

  void evaluationCountsEveryPositionOnce() {
    const auto loop = loopOf("batch: 3", "{kind: mamba, d_state: 4}");
    const auto e = loop->evaluate(0);
    QVERIFY(e);
    std::int64_t targets = 0;
    Batch batch;
    for (std::int64_t i = 0; i < loop->corpus().validationBatches(); ++i) {
      loop->corpus().validation(i, batch);
      for (const std::int64_t t : batch.targets) targets += t >= 0;
    }
    QCOMPARE(targets, loop->corpus().facts().validationTokens - 1);
    QVERIFY(std::abs(e->bitsPerByte - e->loss / std::log(2.0)) < 1e-9);  // bytes: a token is a byte
    QVERIFY(!loop->evaluate(0, [] { return false; }));
    QCOMPARE(loop->progress().step, std::int64_t{0});
  }

  void liveValuesHaveRanges() {
    const auto loop = loopOf("");
    double before = 0;
    QVERIFY(loop->setLive("**.balance", 0.5, before));
    QCOMPARE(before, 0.01);
    QVERIFY(loop->setLive("blocks.1.balance", 0.25, before));
    QCOMPARE(before, 0.5);
    for (const auto& [path, value] : {std::pair{"**.balance", -1.0}, {"**.balance", 2.0}, {"blocks.0.balance", 0.5}, {"blocks.9.balance", 0.5},
                                      {"**.d_state", 4.0}, {"nonsense", 1.0}, {"", 1.0}, {"train.learning_rate_scale", 101.0}, {"train.steps", 5.0}})
      QVERIFY2(!loop->setLive(path, value, before), path);
    QVERIFY(loop->setLive("blocks.1.balance", 0.25, before));
    QCOMPARE(before, 0.25);  // refused values left nothing behind
  }

  /// Answers alone count in a probe task, and learning them shows.
  void taskAccuracy() {
    const auto loop = loopOf("batch: 8, learning_rate_scale: 1", "{kind: mamba, d_state: 4}", "source: induction, context: 16");
    const StepRecord first = loop->step();
    QVERIFY(first.accuracy < 0.9);
    const auto e = loop->evaluate(1);
    QVERIFY(e && std::abs(e->loss - std::log(16.0)) < 3);
  }
};

QTEST_GUILESS_MAIN(TstTrain)
#include "tst_train.moc"
