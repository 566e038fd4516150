// SPDX-License-Identifier: GPL-3.0-or-later
// A bypassed block is not there: its parameters are not built, the rest keeps its names and values, and the stream passes by.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <QTest>

#include "tests/engine/model_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

constexpr std::uint64_t kSeed = 3;

LanguageModel build(const std::string& blocks) {
  const RunSpec spec = specOf("name: x\nmodel:\n  d_model: 16\n  blocks: [" + blocks + "]\ntrain: {batch: 2}\ndata: {context: 12}\n");
  return LanguageModel(spec, planOf(spec), kSeed);
}

at::Tensor tokens() { return at::tensor({7, 1, 200, 42, 9, 9, 3, 250, 17, 0, 65, 90}, at::kLong).view({2, 6}); }

at::Tensor logits(LanguageModel& model) {
  const c10::NoGradGuard noGrad;
  StepContext ctx;
  return model.forward(tokens(), ctx);
}

double farthest(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

std::int64_t counted(const LanguageModel& model) {
  std::int64_t sum = 0;
  for (const Parameter& p : model.parameters()) sum += p.tensor.numel();
  return sum;
}

}  // namespace

class TestBypass : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(1); }

  void nothingOfItIsBuilt() {
    LanguageModel whole = build("{kind: mamba}, {kind: dense_ffn}, {kind: mamba}");
    LanguageModel less = build("{kind: mamba}, {kind: dense_ffn, bypass: true}, {kind: mamba}");
    QCOMPARE(counted(less), less.plan().total.paramsTotal);
    QCOMPARE(counted(whole) - counted(less), whole.plan().blocks[1].cost.paramsTotal);
    int shared = 0;
    for (const Parameter& p : less.parameters()) {
      QVERIFY2(!p.name.starts_with("blocks.1."), p.name.c_str());
      for (const Parameter& other : whole.parameters())
        if (other.name == p.name) shared += sameBits(other.tensor, p.tensor);
    }
    QCOMPARE(static_cast<std::size_t>(shared), less.parameters().size());   // a checkpoint of the whole design has all it needs
    // The same as a block whose output is nothing.
    const c10::NoGradGuard noGrad;
    for (const Parameter& p : whole.parameters())
      if (p.name.starts_with("blocks.1.mixer.")) p.tensor.zero_();
    QCOMPARE(farthest(logits(whole), logits(less)), 0.0);
  }

  void branchesAndWholeContainers() {
    LanguageModel one = build("{parallel: [{kind: mamba}, {kind: switch_moe, experts: 4, bypass: true}]}");
    QCOMPARE(counted(one), one.plan().total.paramsTotal);
    for (const Parameter& p : one.parameters()) QVERIFY2(!p.name.starts_with("blocks.0.mixer.1."), p.name.c_str());
    LanguageModel none = build("{parallel: [{kind: mamba, bypass: true}, {kind: switch_moe, bypass: true}]}, {kind: mamba}");
    LanguageModel gone = build("{parallel: [{kind: mamba}, {kind: switch_moe}], bypass: true}, {kind: mamba}");
    QCOMPARE(counted(gone), gone.plan().total.paramsTotal);
    QCOMPARE(farthest(logits(none), logits(gone)), 0.0);
    LanguageModel all = build("{kind: mamba, bypass: true}");
    QVERIFY(logits(all).isfinite().all().item<bool>());
  }

  void tokenByTokenToo() {
    LanguageModel model = build("{kind: mamba}, {kind: attention, bypass: true}, {parallel: [{kind: mamba}, {kind: dense_ffn, bypass: true}]}, {kind: mamba}");
    const at::Tensor whole = logits(model).view({2, 6, -1});
    DecodeState state = model.start(2);
    for (std::int64_t t = 0; t < 6; ++t) {
      StepContext ctx;
      const at::Tensor step = model.advance(tokens().narrow(1, t, 1).contiguous(), state, ctx);
      QVERIFY(farthest(step, whole.select(1, t)) < 1e-4);
    }
  }
};

QTEST_GUILESS_MAIN(TestBypass)
#include "tst_bypass.moc"
