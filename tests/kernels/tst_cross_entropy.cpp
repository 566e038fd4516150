// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy: plain loops against the oracle, every instruction set against both; ignored targets, ties, huge
// logits, in place.
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cross_entropy.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

struct Results {
  std::vector<float> loss, dLogits;
  std::vector<std::uint8_t> hit;
  Status status = Status::Ok;
};

Results run(std::int64_t rows, std::int64_t vocab, const std::vector<float>& logits, std::int64_t stride,
            const std::vector<std::int64_t>& target, float scale, bool plain, const ParallelFor& p = serial()) {
  Results r;
  r.loss.assign(size(rows), 7), r.hit.assign(size(rows), 7), r.dLogits.assign(logits.size(), 7);
  const CrossEntropyOutput o{r.loss.data(), r.hit.data(), r.dLogits.data(), stride, scale};
  r.status = plain ? reference::crossEntropy(rows, vocab, logits.data(), stride, target.data(), o)
                   : crossEntropy(rows, vocab, logits.data(), stride, target.data(), o, p);
  return r;
}

std::vector<std::int64_t> targets(std::int64_t rows, std::int64_t vocab) {
  std::vector<std::int64_t> t;
  for (std::int64_t i = 0; i < rows; ++i) t.push_back(i % 5 == 4 ? -100 : i * 7919 % vocab);
  return t;
}

}  // namespace

class TestCrossEntropy : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    for (const std::int64_t vocab : {1, 2, 15, 16, 257, 5003}) {
      const std::int64_t rows = 37, stride = vocab + 2;
      const auto logits = spread(numbers(rows * vocab, 1, -30, 30), vocab, stride, 1e30f);
      const auto target = targets(rows, vocab);
      const Results got = run(rows, vocab, logits, stride, target, 0.25f, false),
                    want = run(rows, vocab, logits, stride, target, 0.25f, true);
      const Results two = run(rows, vocab, logits, stride, target, 0.25f, false, threads(2));
      SERP_AGREES(got.loss, want.loss, 1e-6, QString("loss of %1").arg(vocab));
      SERP_AGREES(got.dLogits, want.dLogits, 2e-6, QString("gradient of %1").arg(vocab));
      QCOMPARE(got.hit, want.hit);
      QVERIFY(two.loss == got.loss && two.dLogits == got.dLogits);
    }
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    const auto oracle = Oracle::open("cross_entropy");
    if (!oracle) QSKIP(oraclesMissing());
    for (const auto& [label, config] : oracle->config()["cases"].items()) {
      const std::int64_t rows = config["tokens"], vocab = config["vocabulary"];
      const auto logits = oracle->at(label + ".logits").floats();
      for (const bool plain : {false, true}) {
        const Results r = run(rows, vocab, logits, vocab, oracle->at(label + ".target").counts,
                              1.0f / static_cast<float>(rows), plain);
        SERP_AGREES(r.loss, oracle->at(label + ".loss_per_token"), 2e-6, label.c_str());
        SERP_AGREES(r.dLogits, oracle->at(label + ".grad.logits"), 2e-6, label.c_str());
        const float mean = std::accumulate(r.loss.begin(), r.loss.end(), 0.0f) / static_cast<float>(rows);
        SERP_AGREES(std::vector<float>{mean}, oracle->at(label + ".loss"), 2e-6, label.c_str());
      }
    }
  }

  void tiesGoToTheLowerIndex_data() { addIsaRows(); }
  void tiesGoToTheLowerIndex() {
    SERP_USE_ISA();
    std::vector<float> logits(3 * 40, 0.5f);
    const Results r = run(3, 40, logits, 40, {0, 1, 39}, 1, false);
    QCOMPARE(r.hit, (std::vector<std::uint8_t>{1, 0, 0}));
    QVERIFY(std::fabs(r.loss[0] - std::log(40.0f)) < 1e-5f);
  }

  void extremesAndNaN_data() { addIsaRows(); }
  void extremesAndNaN() {
    SERP_USE_ISA();
    std::vector<float> logits(3 * 20, -3e38f);
    logits[4] = 3e38f;
    logits[20 + 3] = std::numeric_limits<float>::quiet_NaN();
    logits[40 + 7] = 1;
    for (int i = 0; i < 20; ++i)
      if (i != 7) logits[size(40 + i)] = -std::numeric_limits<float>::infinity();
    const Results r = run(3, 20, logits, 20, {4, 2, 7}, 1, false);
    QCOMPARE(r.loss[0], 0.0f);
    QVERIFY(std::isnan(r.loss[1]));
    QCOMPARE(r.loss[2], 0.0f);  // a masked vocabulary
    QCOMPARE(r.dLogits[40], 0.0f);
  }

  void gradientMayReplaceTheLogits_data() { addIsaRows(); }
  void gradientMayReplaceTheLogits() {
    SERP_USE_ISA();
    const auto logits = numbers(6 * 77, 3, -4, 4);
    const auto target = targets(6, 77);
    const Results apart = run(6, 77, logits, 77, target, 1, false);
    std::vector<float> both = logits, loss(6);
    QCOMPARE(crossEntropy(6, 77, both.data(), 77, target.data(), {loss.data(), nullptr, both.data(), 77, 1}, serial()),
             Status::Ok);
    QVERIFY(both == apart.dLogits && loss == apart.loss);
  }

  void refusesWhatItCannotDo() {
    const std::vector<float> logits(8);
    QCOMPARE(run(2, 4, logits, 4, {0, 4}, 1, false).status, Status::BadArgument);
    QCOMPARE(run(2, 4, logits, 3, {0, 1}, 1, false).status, Status::BadArgument);
    QCOMPARE(crossEntropy(-1, 4, nullptr, 4, nullptr, {}, serial()), Status::BadShape);
    QCOMPARE(crossEntropy(0, 4, nullptr, 4, nullptr, {}, serial()), Status::Ok);
  }
};

QTEST_GUILESS_MAIN(TestCrossEntropy)
#include "tst_cross_entropy.moc"
