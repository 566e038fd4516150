// SPDX-License-Identifier: GPL-3.0-or-later
// A whole run on the path of a card: what its folder holds is what a run on the CPU leaves, and each goes on where the other stopped.
#include <cmath>

#include "tests/engine/emulated_device.h"
#include "tests/engine/session_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

const std::string kTrain = "steps: 4, eval_every: 2, eval_batches: 1, sample_every: 4, checkpoint_every: 2, route_every: 2";

/// The logs of both runs hold the same records, numbers within rounding.
void alike(const fs::path& run, const fs::path& other, const char* log) {
  const auto a = withoutTimes(run / log), b = withoutTimes(other / log);
  QCOMPARE(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (const auto& [key, value] : b[i].items()) {
      QVERIFY2(a[i].contains(key), key.c_str());
      if (!value.is_number()) continue;
      const double got = a[i][key].get<double>(), want = value.get<double>();
      QVERIFY2(std::fabs(got - want) <= 1e-3 * (1e-2 + std::fabs(want)), (key + " in " + log + ": " + a[i].dump() + " and " + b[i].dump()).c_str());
    }
}

}  // namespace

class TestDeviceSession : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void aRunLeavesTheSameFolder() {
    QTemporaryDir folder;
    const fs::path cpu = fs::path(folder.path().toStdString()) / "cpu", card = fs::path(folder.path().toStdString()) / "card";
    const RunSpec design = specOf(tinyDesign(kTrain), {{"device", "cpu"}});
    const Watched here = finished(design, cpu);
    {
      const OnCard there;
      RunSpec same = design;
      if (there.device().is_cuda()) same.top.set("device", std::string("cuda"));
      const std::int64_t before = ops::waits();
      const Watched w = finished(same, card);
      QVERIFY(ops::waits() > before);  // it went that way
      QVERIFY2(w.last(EventKind::Failed) == nullptr, w.last(EventKind::Failed) ? w.last(EventKind::Failed)->text.c_str() : "");
      QCOMPARE(w.count(EventKind::Evaluated), here.count(EventKind::Evaluated));
      QCOMPARE(w.count(EventKind::Sampled), here.count(EventKind::Sampled));
    }
    alike(card, cpu, "metrics.jsonl");
    alike(card, cpu, "eval.jsonl");
    QCOMPARE(fs::file_size(card / "routing.bin"), fs::file_size(cpu / "routing.bin"));
    QCOMPARE(fs::file_size(checkpoint(card, 4, "model.safetensors")), fs::file_size(checkpoint(cpu, 4, "model.safetensors")));
    QVERIFY(fs::exists(card / "routed_text.json"));
  }

  void eachGoesOnWhereTheOtherStopped() {
    QTemporaryDir folder;
    const fs::path straight = fs::path(folder.path().toStdString()) / "straight", changing = fs::path(folder.path().toStdString()) / "changing";
    const RunSpec design = specOf(tinyDesign("steps: 6, checkpoint_every: 2, eval_every: 0, sample_every: 0"), {{"device", "cpu"}});
    finished(design, straight);
    OpenOptions two;
    two.stopAfter = 2;
    finished(design, changing, two);
    {
      const OnCard there;
      auto spec = loadRunSpec((changing / "resolved.yaml").string(), {{"device", there.device().is_cuda() ? "cuda" : "cpu"}});
      QVERIFY(spec);
      OpenOptions four;
      four.stopAfter = 4;
      four.resumeFrom = changing;
      const Watched w = finished(*spec, changing, four);
      QVERIFY(w.last(EventKind::Failed) == nullptr);
    }
    const Watched last = resumed(changing, {{"device", "cpu"}});
    QVERIFY(last.last(EventKind::Finished) != nullptr);
    alike(changing, straight, "metrics.jsonl");
  }
};

QTEST_GUILESS_MAIN(TestDeviceSession)
#include "tst_device_session.moc"
