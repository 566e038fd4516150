// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU's norms, cross entropy, routing, expert rows and AdamW, run by the CPU emulation, against the plain loops;
// and the same bits in whatever order threads and blocks run.
#include <cmath>
#include <limits>

#include "kernels/cuda.h"
#include "kernels/emulated/emulator.h"
#include "kernels/reference/plain.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

using Floats = std::vector<float>;

/// Runs `work` twice, in the plain and in a shuffled order of threads, and says whether the answers are the same.
template <class F>
bool sameInAnyOrder(const F& work) {
  emulator::setOrder(0);
  const auto first = work();
  emulator::setOrder(11);
  const auto second = work();
  emulator::setOrder(0);
  return first == second;
}

struct Routed {
  Floats probabilities, gate, logSumExp;
  std::vector<std::int32_t> expert, slotOfChoice, tokenOfSlot, choiceOfSlot;
  std::vector<std::int64_t> offsets, assigned;

  explicit Routed(const RouteShape& s) {
    const std::size_t choices = size(s.tokens * s.topK);
    probabilities.assign(size(s.tokens * s.experts), 7), gate.assign(choices, 7), logSumExp.assign(size(s.tokens), 7);
    expert.assign(choices, 7), slotOfChoice = tokenOfSlot = choiceOfSlot = expert;
    offsets.assign(size(s.experts + 1), 7), assigned.assign(size(s.experts), 7);
  }
  RouteOutput output() {
    return {probabilities.data(), expert.data(),  gate.data(),     slotOfChoice.data(), tokenOfSlot.data(),
            choiceOfSlot.data(),  offsets.data(), assigned.data(), logSumExp.data()};
  }
  auto choices() const { return std::tie(expert, slotOfChoice, tokenOfSlot, choiceOfSlot, offsets, assigned); }
};

}  // namespace

class TestEmulatedRows : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void norms() {
    for (const NormKind kind : {NormKind::Layer, NormKind::Rms})
      for (const std::int64_t width : {1, 33, 341})
        for (const bool bare : {false, true}) {
          const NormShape s{kind, 70, width, 1e-5f};
          const std::int64_t stride = width + 3, rows = s.rows;
          const auto x = spread(numbers(rows * width, 1, -1, 3), width, stride),
                     dy = spread(numbers(rows * width, 2), width, stride),
                     add = spread(numbers(rows * width, 5), width, stride);
          const auto weight = numbers(width, 3), bias = numbers(width, 4);
          const float *w = bare ? nullptr : weight.data(), *b = bare ? nullptr : bias.data(),
                      *a = bare ? nullptr : add.data();
          const auto run = [&](bool plain) {
            std::vector<Floats> r{Floats(x.size(), 7), Floats(size(2 * rows), 7), Floats(x.size(), 7),
                                  Floats(size(width), 7), Floats(size(width), 7)};
            Floats workspace(size(emulated::normBackwardWorkspace(s)), NAN);
            if (plain) {
              reference::normForward(s, x.data(), stride, w, b, r[0].data(), stride, r[1].data());
              reference::normBackwardAdding(s, x.data(), stride, w, r[1].data(), dy.data(), stride, a, r[2].data(),
                                            stride, r[3].data(), r[4].data());
            } else if (emulated::normForward(s, x.data(), stride, w, b, r[0].data(), stride, r[1].data(), {}) !=
                           Status::Ok ||
                       emulated::normBackward(s, x.data(), stride, w, r[1].data(), dy.data(), stride, a, r[2].data(),
                                              stride, r[3].data(), r[4].data(), workspace.data(), {}) != Status::Ok) {
              r.clear();
            }
            return r;
          };
          const auto got = run(false), want = run(true);
          QCOMPARE(got.size(), want.size());
          for (std::size_t i = 0; i < got.size(); ++i)
            SERP_AGREES(got[i], want[i], 5e-6, QString("answer %1, width %2").arg(i).arg(width));
          QVERIFY(sameInAnyOrder([&] { return run(false); }));
        }
  }

  void crossEntropies() {
    for (const std::int64_t vocab : {1, 2, 257, 700}) {
      const std::int64_t rows = 11, stride = vocab + 2;
      const auto logits = spread(numbers(rows * vocab, 1, -30, 30), vocab, stride, 1e30f);
      std::vector<std::int64_t> target;
      for (std::int64_t i = 0; i < rows; ++i) target.push_back(i % 5 == 4 ? -100 : i * 7919 % vocab);
      Floats loss(size(rows), 7), grad(logits.size(), 7), loss2 = loss, grad2 = grad, both = logits;
      std::vector<std::uint8_t> hit(size(rows), 7), hit2 = hit;
      QCOMPARE(emulated::crossEntropy(rows, vocab, logits.data(), stride, target.data(),
                                      {loss.data(), hit.data(), grad.data(), stride, 0.25f}, {}),
               Status::Ok);
      reference::crossEntropy(rows, vocab, logits.data(), stride, target.data(),
                              {loss2.data(), hit2.data(), grad2.data(), stride, 0.25f});
      SERP_AGREES(loss, loss2, 1e-6, "loss");
      SERP_AGREES(grad, grad2, 2e-6, "gradient");
      QCOMPARE(hit, hit2);
      emulator::setOrder(3);
      emulated::crossEntropy(rows, vocab, both.data(), stride, target.data(),
                             {loss2.data(), nullptr, both.data(), stride, 0.25f}, {});
      emulator::setOrder(0);
      QVERIFY(packed(both, vocab, stride) == packed(grad, vocab, stride) && loss2 == loss);
    }
    const Floats ties(40, 0.5f);
    const std::int64_t aims[] = {0}, wrong[] = {40};
    std::uint8_t hit = 7;
    float loss = 7;
    emulated::crossEntropy(1, 40, ties.data(), 40, aims, {&loss, &hit, nullptr, 0, 1}, {});
    QCOMPARE(hit, std::uint8_t{1});
    emulated::crossEntropy(1, 40, ties.data(), 40, wrong, {&loss, &hit, nullptr, 0, 1}, {});
    QVERIFY(std::isnan(loss));
  }

  void routes() {
    const RouteShape shapes[] = {{1, 1, 1, 0, 0},    {5, 1, 1, 0, 3},   {3, 40, 2, 0, 0},    {3, 40, 40, 0, 1},
                                 {74, 5, 1, 0, 14},  {64, 8, 2, 16, 3}, {600, 17, 1, 0, 20}, {96, 17, 3, 32, 2},
                                 {33, 70, 4, 11, 1}, {0, 4, 1, 0, 1}};
    for (const RouteShape& s : shapes)
      for (const float range : {0.0f, 3.0f, -1.0f}) {  // 0: every logit ties; -1: NaN among them
        const std::int64_t stride = s.experts + 3;
        auto logits = numbers(s.tokens * stride, 1, -std::fabs(range), std::fabs(range));
        for (std::int64_t t = 0; range > 0 && t < s.tokens; t += 3)
          logits[size(t * stride)] = logits[size(t * stride + s.experts - 1)] = 3.5f;
        for (std::size_t i = 0; range < 0 && i < logits.size(); i += 4) logits[i] = NAN;
        Routed got(s), want(s), other(s);
        QCOMPARE(emulated::route(s, logits.data(), stride, got.output(), {}), Status::Ok);
        emulator::setOrder(5);
        emulated::route(s, logits.data(), stride, other.output(), {});
        emulator::setOrder(0);
        QVERIFY(got.choices() == other.choices());
        if (s.tokens == 0) {
          QVERIFY(got.offsets == std::vector<std::int64_t>(5, 0));
          continue;
        }
        reference::route(s, logits.data(), stride, want.output());
        QVERIFY2(got.choices() == want.choices(),
                 qPrintable(QString("T%1 E%2 k%3").arg(s.tokens).arg(s.experts).arg(s.topK)));
        if (range < 0) continue;
        SERP_AGREES(got.probabilities, want.probabilities, 1e-6, "probabilities");
        SERP_AGREES(got.gate, want.gate, 1e-6, "gate");
        SERP_AGREES(got.logSumExp, want.logSumExp, 1e-6, "logSumExp");
        Floats mean(size(s.experts)), plainMean(size(s.experts)), d(got.probabilities.size()), plain = d;
        Floats workspace(size(emulated::routeMeanProbabilityWorkspace(s.tokens, s.experts)), NAN);
        QCOMPARE(emulated::routeMeanProbability(s.tokens, s.experts, want.probabilities.data(), mean.data(),
                                                workspace.data(), {}),
                 Status::Ok);
        routeMeanProbability(s.tokens, s.experts, want.probabilities.data(), plainMean.data(), serial());
        SERP_AGREES(mean, plainMean, 1e-6, "mean");
        const auto dGate = numbers(s.tokens * s.topK, 5), column = numbers(s.experts, 6);
        QCOMPARE(emulated::routeBackward(s.tokens, s.experts, s.topK, want.probabilities.data(), want.expert.data(),
                                         dGate.data(), column.data(), want.logSumExp.data(), 0.3f, d.data(), {}),
                 Status::Ok);
        reference::routeBackward(s.tokens, s.experts, s.topK, want.probabilities.data(), want.expert.data(),
                                 dGate.data(), column.data(), want.logSumExp.data(), 0.3f, plain.data());
        SERP_AGREES(d, plain, 5e-6, "dLogits");
      }
  }

  void rowsThereAndBack() {
    for (const std::int64_t width : {1, 13, 100}) {
      const RouteShape s{60, 6, 2, 0, 15};
      Routed r(s);
      reference::route(s, numbers(60 * 6, 1).data(), 6, r.output());
      const std::int64_t stride = width + 3, all = 120;
      const auto x = spread(numbers(60 * width, 2), width, stride), dy = spread(numbers(60 * width, 3), width, stride),
                 weight = numbers(120, 4);
      Floats rows(size(all * width), 7), y(x.size(), 7), dRows = rows, dWeight(120, 7), y2 = y, dRows2 = rows,
                                                         dWeight2(120, 0), rows2 = rows;
      QCOMPARE(emulated::gatherRows(x.data(), stride, width, r.tokenOfSlot.data(), all, rows.data(), {}), Status::Ok);
      gatherRows(x.data(), stride, width, r.tokenOfSlot.data(), all, rows2.data(), serial());
      QVERIFY(rows == rows2);
      QCOMPARE(
          emulated::combineRows(rows.data(), width, r.slotOfChoice.data(), weight.data(), 60, 2, y.data(), stride, {}),
          Status::Ok);
      reference::combineRows(rows.data(), width, r.slotOfChoice.data(), weight.data(), 60, 2, y2.data(), stride);
      SERP_AGREES(y, y2, 1e-6, "y");
      QCOMPARE(emulated::combineRowsBackward(rows.data(), width, r.tokenOfSlot.data(), r.choiceOfSlot.data(),
                                             r.slotOfChoice.data(), weight.data(), 60, 2, all, dy.data(), stride,
                                             dRows.data(), dWeight.data(), {}),
               Status::Ok);
      reference::combineRowsBackward(rows.data(), width, r.choiceOfSlot.data(), weight.data(), 2, all, dy.data(),
                                     stride, dRows2.data(), dWeight2.data());
      SERP_AGREES(dRows, dRows2, 1e-6, "dRows");
      SERP_AGREES(dWeight, dWeight2, 2e-6, "dWeight");
    }
  }

  void adamwSteps() {
    for (const std::int64_t n : {1, 7, 1000}) {
      AdamWSettings s;
      s.weightDecay = 0.1f, s.gradScale = 0.7f;
      auto p = numbers(n, 1), m = Floats(size(n)), v = m, p2 = p, m2 = m, v2 = v;
      for (s.step = 1; s.step <= 3; ++s.step) {
        auto g = numbers(n, static_cast<std::uint64_t>(10 + s.step)), g2 = g;
        QCOMPARE(emulated::adamw(n, p.data(), g.data(), m.data(), v.data(), s, s.step == 2, {}), Status::Ok);
        reference::adamw(n, p2.data(), g2.data(), m2.data(), v2.data(), s);
        QVERIFY(g == (s.step == 2 ? Floats(size(n), 0.0f) : g2));
      }
      SERP_AGREES(p, p2, 5e-7, "param");
      SERP_AGREES(m, m2, 1e-6, "m");
      SERP_AGREES(v, v2, 1e-6, "v");
    }
    for (const std::int64_t n : {0, 1, 5, 9001}) {
      const auto x = numbers(n, 5);
      const auto run = [&] {
        std::vector<double> workspace(size(emulated::sumOfSquaresWorkspace(n) + 1), NAN);
        double total = 7;
        return emulated::sumOfSquares(n, x.data(), workspace.data(), &total, {}) == Status::Ok ? total : -1;
      };
      const double want = reference::sumOfSquares(n, x.data());
      QVERIFY(std::fabs(run() - want) <= 1e-12 * want);
      QVERIFY(sameInAnyOrder(run));
    }
  }
};

QTEST_GUILESS_MAIN(TestEmulatedRows)
#include "tst_emulated_rows.moc"
