// SPDX-License-Identifier: GPL-3.0-or-later
// Whole models on the path of a card against the CPU: every gradient of a step, three steps, what is logged, evaluation, sampling; how
// often a step waits for the card; which device a design gets.
#include <ATen/Parallel.h>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>

#include "engine/base/error.h"
#include "engine/model/sampler.h"
#include "engine/ops/linear.h"
#include "engine/run/checkpoint.h"
#include "engine/run/device_choice.h"
#include "engine/stats/routing_probe.h"
#include "engine/train/evaluation.h"
#include "engine/train/train_loop.h"
#include "tests/engine/emulated_device.h"
#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

const char* const kMamba = "{kind: mamba, d_state: 4}";
const char* const kMoe = "{kind: switch_moe, experts: 4, d_expert: 12, init_scale: 1, z_loss: 0.01}";
const char* const kAttention = "{kind: attention, heads: 2}";

RunSpec specWith(const std::string& blocks, const std::string& train = {}) {
  RunSpec spec = specOf("name: tiny\nmodel: {d_model: 16, final_norm: rms_norm, blocks: [" + blocks + "]}\ntrain: {batch: 2, learning_rate: 0.01, route_every: 2" + train +
                        "}\ndata: {source: babel, context: 16, babel_bytes: 16384}\n");
  spec.model.set("vocab", std::int64_t{256});
  return spec;
}

std::shared_ptr<const Corpus> corpusOf(const RunSpec& spec) {
  DataSettings d;
  d.source = spec.data.list("source");
  d.context = spec.data.integer("context");
  d.batch = spec.train.integer("batch");
  d.babelBytes = spec.data.integer("babel_bytes");
  auto corpus = openCorpus(d);
  if (!corpus) throw std::runtime_error(corpus.faults().text());
  return std::move(corpus).value();
}

std::unique_ptr<TrainLoop> loopOf(const RunSpec& spec, at::Device device = at::kCPU) {
  return std::make_unique<TrainLoop>(spec, planOf(spec), corpusOf(spec), device);
}

bool near(double a, double b, double tolerance) { return (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * (1e-3 + std::fabs(b)); }

double apart(const std::vector<float>& a, const std::vector<float>& b) {
  double top = 1e-7, worst = 0;
  for (const float x : b) top = std::max(top, std::fabs(static_cast<double>(x)));
  for (std::size_t i = 0; i < b.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i]) / top);
  return worst;
}

std::vector<float> cpuFloats(const at::Tensor& t) { return floats(t.detach().cpu()); }

}  // namespace

class TestDeviceTrain : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }
  void cleanup() { ops::setPrecision(ops::Precision::Float32); }

  void models_data() {
    QTest::addColumn<QString>("blocks");
    QTest::addColumn<bool>("narrow");
    const std::string m = kMamba, e = kMoe, a = kAttention;
    for (const auto& [name, blocks] : std::vector<std::pair<std::string, std::string>>{
             {"mamba", m + ", " + m}, {"transformer", a + ", {kind: dense_ffn}"}, {"moe_mamba", m + ", " + e}, {"transformer_moe", a + ", " + e},
             {"parallel", "{parallel: [" + m + ", " + e + "]}"}, {"top-k", m + ", {kind: topk_moe, experts: 4, d_expert: 12, init_scale: 1}"},
             {"expert choice", m + ", {kind: expert_choice, experts: 2, init_scale: 1, norm_output: false}"}}) {
      QTest::newRow(name.c_str()) << QString::fromStdString(blocks) << false;
      if (name == "moe_mamba" || name == "transformer") QTest::newRow((name + " bfloat16").c_str()) << QString::fromStdString(blocks) << true;
    }
  }
  /// Gradients of the first pass, then three steps and their records, the weights after them, the routing window, and the held-out loss.
  void models() {
    QFETCH(QString, blocks);
    QFETCH(bool, narrow);
    if (narrow) ops::setPrecision(ops::Precision::Bfloat16);
    const double tolerance = narrow ? 5e-2 : 2e-4;
    const RunSpec spec = specWith(blocks.toStdString());
    struct Seen {
      std::vector<std::vector<float>> gradients, weights;
      std::vector<StepRecord> records;
      RoutingFrame frame;
      EvalRecord eval;
      std::vector<std::int32_t> drawn;
    };
    const auto train = [&](at::Device device) {
      Seen s;
      const auto loop = loopOf(spec, device);
      StepPass pass(loop->model(), loop->optimizer(), true, false);
      Batch batch;
      loop->corpus().train(0, batch);
      StepContext ctx;
      ctx.training = true;
      pass.run(batch, ctx, true);
      for (const Parameter& p : loop->model().parameters()) s.gradients.push_back(p.tensor.grad().defined() ? cpuFloats(p.tensor.grad()) : std::vector<float>{});
      loop->optimizer().dropGradients();
      for (int i = 0; i < 3; ++i) s.records.push_back(loop->step());
      for (const Parameter& p : loop->model().parameters()) s.weights.push_back(cpuFloats(p.tensor));
      s.frame = loop->routing().takeFrame(3);
      s.eval = *loop->evaluate(1);
      Sampling greedy;
      greedy.tokens = 4;
      greedy.temperature = 0;
      s.drawn = sample(loop->model(), {116, 104, 101}, greedy);
      return s;
    };
    const Seen want = train(at::kCPU);
    const OnCard card;
    const Seen got = train(card.device());
    const auto names = loopOf(spec)->model().parameters();
    for (std::size_t i = 0; i < want.gradients.size(); ++i) {
      QCOMPARE(got.gradients[i].size(), want.gradients[i].size());
      const double off = apart(got.gradients[i], want.gradients[i]);
      QVERIFY2(off <= tolerance, qPrintable(QString::fromStdString(names[i].name) + QStringLiteral(": the gradient is off by %1").arg(off)));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const StepRecord &a = got.records[i], &b = want.records[i];
      QVERIFY2(near(a.loss, b.loss, tolerance), qPrintable(QStringLiteral("step %1: loss %2, the CPU has %3").arg(i + 1).arg(a.loss).arg(b.loss)));
      QVERIFY2(near(a.gradNorm, b.gradNorm, tolerance), qPrintable(QStringLiteral("step %1: norm %2, the CPU has %3").arg(i + 1).arg(a.gradNorm).arg(b.gradNorm)));
      QVERIFY(near(a.auxLoss, b.auxLoss, tolerance));
      QVERIFY(near(a.zLoss, b.zLoss, tolerance));
      QCOMPARE(a.skipped, b.skipped);
      if (!narrow) QCOMPARE(a.accuracy, b.accuracy);
    }
    // Adam turns the sign of a vanishing gradient into a whole step, so weights are compared by how far they have moved at most.
    for (std::size_t i = 0; i < want.weights.size() && !narrow; ++i)
      QVERIFY2(apart(got.weights[i], want.weights[i]) <= 0.05, qPrintable(QString::fromStdString(names[i].name)));
    QCOMPARE(got.frame.steps, want.frame.steps);
    QCOMPARE(got.frame.layers.size(), want.frame.layers.size());
    for (std::size_t i = 0; i < got.frame.layers.size() && !narrow; ++i) {
      const RoutingLayer &a = got.frame.layers[i], &b = want.frame.layers[i];
      QCOMPARE(a.assigned, b.assigned);
      QCOMPARE(a.kept, b.kept);
      QVERIFY(near(a.balanceLoss, b.balanceLoss, 1e-4) && near(a.zLoss, b.zLoss, 1e-4) && near(a.entropy, b.entropy, 1e-4));
      QVERIFY(apart(a.meanGate, b.meanGate) < 1e-4);
    }
    QVERIFY(near(got.eval.loss, want.eval.loss, tolerance));
    if (!narrow) QCOMPARE(got.drawn, want.drawn);
  }

  /// The numbers of a step are fetched in one go; nothing else waits, which is what lets a step be recorded.
  void aStepWaitsOnce_data() {
    QTest::addColumn<QString>("blocks");
    QTest::addColumn<int>("waits");
    const std::string m = kMamba, e = kMoe, a = kAttention;
    QTest::newRow("mamba") << QString::fromStdString(m) << 1;
    QTest::newRow("transformer_moe") << QString::fromStdString(a + ", " + e) << 1;
    QTest::newRow("moe_mamba") << QString::fromStdString(m + ", " + e + ", " + m + ", " + e) << 1;
    QTest::newRow("expert choice") << QString::fromStdString(m + ", {kind: expert_choice, experts: 2}") << 1;
    QTest::newRow("top-k, which drops nothing") << QString::fromStdString(m + ", {kind: topk_moe, experts: 4, d_expert: 12}") << 2;
  }
  void aStepWaitsOnce() {
    QFETCH(QString, blocks);
    QFETCH(int, waits);
    const OnCard card;
    const auto loop = loopOf(specWith(blocks.toStdString(), ", clip: 1"), card.device());
    loop->step();
    loop->step();  // the second ends a window, so it looks closer; the third does not
    const std::int64_t before = ops::waits();
    loop->step();
    QCOMPARE(ops::waits() - before, std::int64_t{waits});
  }

  /// A loss that is not finite leaves weights and moments alone there as well.
  void nonFiniteLossChangesNothing() {
    const OnCard card;
    const auto loop = loopOf(specWith(kMamba), card.device());
    {
      const c10::NoGradGuard noGrad;
      at::Tensor head = loop->model().parameters().back().tensor;
      head.view({-1})[0].fill_(std::nanf(""));
    }
    std::vector<std::vector<float>> before;
    for (const Parameter& p : loop->model().parameters()) before.push_back(cpuFloats(p.tensor));
    const StepRecord record = loop->step();
    QVERIFY(record.skipped);
    QCOMPARE(loop->verdict(), StepVerdict::NonFinite);
    QVERIFY(std::isnan(record.gradNorm));
    for (std::size_t i = 0; i + 1 < before.size(); ++i) QCOMPARE(cpuFloats(loop->model().parameters()[i].tensor), before[i]);
  }

  /// From the CPU to the card and back through checkpoints: the run goes on as one that stayed.
  void checkpointsCross() {
    QTemporaryDir folder;
    const RunSpec spec = specWith(std::string(kMamba) + ", " + kMoe);
    const auto stayed = loopOf(spec);
    for (int i = 0; i < 3; ++i) stayed->step();
    const std::filesystem::path run = folder.path().toStdString();
    const auto first = loopOf(spec);
    first->step();
    writeSnapshot(run, takeSnapshot(*first, true), 3);
    {
      const OnCard card;
      const auto there = loopOf(spec, card.device());
      loadCheckpoint(run, *there);
      QCOMPARE(there->progress().step, std::int64_t{1});
      for (std::size_t i = 0; i < first->model().parameters().size(); ++i)
        QCOMPARE(cpuFloats(there->model().parameters()[i].tensor), cpuFloats(first->model().parameters()[i].tensor));
      there->step();
      writeSnapshot(run, takeSnapshot(*there, true), 3);
    }
    const auto back = loopOf(spec);
    loadCheckpoint(run, *back);
    const StepRecord record = back->step();
    QCOMPARE(record.step, std::int64_t{3});
    for (std::size_t i = 0; i < stayed->model().parameters().size(); ++i)
      QVERIFY(apart(cpuFloats(back->model().parameters()[i].tensor), cpuFloats(stayed->model().parameters()[i].tensor)) < 0.02);
  }

  void whichDeviceADesignGets() {
    const DeviceMachine none{false, {}}, driverless{true, {}}, old{true, {{"Old Card", 7, 5, 8e9}}}, good{true, {{"Good Card", 9, 0, 80e9}}};
    const auto spec = [](const std::string& top) { return specOf(top + "\nmodel: {blocks: [{kind: mamba}]}\n"); };
    for (const DeviceMachine& m : {none, driverless, old}) QCOMPARE(chooseDevice(spec("device: auto"), m).name, std::string("cpu"));
    const DeviceChoice chosen = chooseDevice(spec("device: auto"), good);
    QCOMPARE(chosen.name, std::string("cuda"));
    QVERIFY(chosen.device.is_cuda());
    QCOMPARE(chosen.kernels, std::string("cuda (Good Card, 9.0)"));
    QCOMPARE(chooseDevice(spec("device: cpu"), good).name, std::string("cpu"));
    QCOMPARE(chooseDevice(spec("device: auto\nkernels: check"), good).name, std::string("cpu"));
    const auto refusal = [&](const std::string& top, const DeviceMachine& m) {
      try {
        chooseDevice(spec(top), m);
      } catch (const Error& e) {
        return (e.exitCode() == ExitCode::BadConfiguration ? "2 " : "other ") + std::string(e.what());
      }
      return std::string("none");
    };
    const auto says = [&](const std::string& got, const char* what) { return got.starts_with("2 ") && got.find(what) != std::string::npos; };
    QVERIFY(says(refusal("device: cuda", none), "built without it"));
    QVERIFY(says(refusal("device: cuda", driverless), "no NVIDIA card"));
    QVERIFY(says(refusal("device: cuda", old), "Old Card has the compute capability 7.5"));
    QVERIFY(says(refusal("device: cuda\nkernels: check", good), "CPU only"));
    std::vector<std::string> notices;
    QCOMPARE(chooseDeviceToRead(spec("device: cuda"), notices, none).name, std::string("cpu"));
    QCOMPARE(notices.size(), std::size_t{1});
    QCOMPARE(chooseDeviceToRead(spec("device: auto"), notices, none).name, std::string("cpu"));
    QCOMPARE(notices.size(), std::size_t{1});
  }
};

QTEST_GUILESS_MAIN(TestDeviceTrain)
#include "tst_device_train.moc"
