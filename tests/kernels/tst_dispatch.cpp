// SPDX-License-Identifier: GPL-3.0-or-later
// Which kernels run: SERP_KERNELS=reference sends every public function through the plain loops; forceIsa() overrides
// it.
#include "kernels/adamw.h"
#include "kernels/causal_conv1d.h"
#include "kernels/cross_entropy.h"
#include "kernels/norm.h"
#include "kernels/routing.h"
#include "kernels/selective_scan.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

class TestDispatch : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  // The variable is read once, at the first call, so this process belongs to it.
  void initTestCase() { qputenv("SERP_KERNELS", "reference"); }

  void scanAndStepAreThePlainOnes() {
    const ScanShape s{1, 6, 5, 3};
    const auto u = numbers(30, 1), delta = numbers(30, 2), A = numbers(15, 3, -2, -1), B = numbers(18, 4),
               C = numbers(18, 5);
    ScanInput in;
    in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = B.data(), in.C = C.data();
    in.uStride = in.deltaStride = 5, in.bStride = in.cStride = 3;
    std::vector<float> y(30), want(30), state(15), last(15), du(30), wantDu(30);
    QCOMPARE(scanForward(s, in, {y.data(), 5, nullptr, nullptr}, serial()), Status::Ok);
    reference::scanForward(s, in, {want.data(), 5, last.data(), nullptr});
    QVERIFY(y == want);
    ScanGradients g;
    g.dy = u.data(), g.dyStride = g.duStride = 5, g.du = du.data();
    QCOMPARE(scanBackward(s, in, nullptr, g, nullptr, serial()),
             Status::Ok);  // it needs neither checkpoints nor workspace
    g.du = wantDu.data();
    reference::scanBackward(s, in, g);
    QVERIFY(du == wantDu);
    for (std::int64_t t = 0; t < 6; ++t) {
      ScanInput one = in;
      one.u += 5 * t, one.delta += 5 * t, one.B += 3 * t, one.C += 3 * t;
      QCOMPARE(scanStep({1, 1, 5, 3}, one, state.data(), y.data() + 5 * t, 5, serial()), Status::Ok);
    }
    SERP_AGREES(y, want, 1e-6, "y");
    SERP_AGREES(state, last, 1e-6, "state");
  }

  void rowsAreThePlainOnes() {
    const NormShape n{NormKind::Layer, 4, 7, 1e-5f};
    const auto x = numbers(28, 1), w = numbers(7, 2), dy = numbers(28, 3), add = numbers(28, 4);
    std::vector<float> y(28), want(28), stats(8), dx(28), plain(28), workspace(14);
    QCOMPARE(normForward(n, x.data(), 7, w.data(), nullptr, y.data(), 7, stats.data(), serial()), Status::Ok);
    reference::normForward(n, x.data(), 7, w.data(), nullptr, want.data(), 7, stats.data());
    QVERIFY(y == want);
    QCOMPARE(normBackward(n, x.data(), 7, w.data(), stats.data(), dy.data(), 7, add.data(), dx.data(), 7, nullptr,
                          nullptr, workspace.data(), serial()),
             Status::Ok);
    reference::normBackward(n, x.data(), 7, w.data(), stats.data(), dy.data(), 7, plain.data(), 7, nullptr, nullptr);
    for (std::size_t i = 0; i < 28; ++i) plain[i] += add[i];
    SERP_AGREES(dx, plain, 1e-7, "dx");
    auto p = numbers(9, 5), g = numbers(9, 6), m = std::vector<float>(9), v = m, p2 = p, g2 = g, m2 = m, v2 = v;
    QCOMPARE(adamw(9, p.data(), g.data(), m.data(), v.data(), {}, true, serial()), Status::Ok);
    reference::adamw(9, p2.data(), g2.data(), m2.data(), v2.data(), {});
    QVERIFY(p == p2 && m == m2 && v == v2 && g == std::vector<float>(9, 0.0f));
    QVERIFY(sumOfSquares(9, p.data(), serial()) > 0);
  }

  void convolutionAndRowsThereAndBack() {
    const ConvShape s{1, 5, 3, 4};
    const auto x = numbers(15, 1), w = numbers(12, 2);
    ConvInput in;
    in.x = x.data(), in.weight = w.data(), in.xStride = 3;
    std::vector<float> out(15), want(15), window(9), step(15);
    QCOMPARE(convForward(s, in, out.data(), 3, serial()), Status::Ok);
    reference::convForward(s, in, want.data(), 3);
    QVERIFY(out == want);
    for (std::int64_t t = 0; t < 5; ++t) {
      ConvInput one = in;
      one.x += 3 * t;
      QCOMPARE(convStep({1, 1, 3, 4}, one, window.data(), step.data() + 3 * t, 3, serial()), Status::Ok);
    }
    QVERIFY(step == want);
    const std::int32_t slots[] = {1, -1, 0, 2}, choices[] = {2, 0, 3, -1};
    const auto weight = numbers(4, 3), dy = numbers(6, 5);
    std::vector<float> y(6), dRows(12), dWeight(4);
    QCOMPARE(combineRows(x.data(), 3, slots, weight.data(), 2, 2, y.data(), 3, serial()), Status::Ok);
    QCOMPARE(y[1], weight[0] * x[4]);
    QCOMPARE(combineRowsBackward(x.data(), 3, nullptr, choices, slots, weight.data(), 2, 2, 4, dy.data(), 3,
                                 dRows.data(), dWeight.data(), serial()),
             Status::Ok);
    QCOMPARE(dRows[3], weight[0] * dy[0]);
    QCOMPARE(dRows[9], 0.0f);
    QCOMPARE(dWeight[1], 0.0f);
  }

  void forcingOverridesTheVariable() {
    for (const Isa isa : kEveryIsa) {
      QCOMPARE(forceIsa(isa), isaAvailable(isa) ? Status::Ok : Status::NoDevice);
      if (isaAvailable(isa)) QCOMPARE(activeIsa(), isa);
    }
    QVERIFY(isaAvailable(Isa::Portable));
    for (const Status s : {Status::Ok, Status::BadShape, Status::BadArgument, Status::NoDevice, Status::LaunchFailed})
      QVERIFY(statusText(s) && *statusText(s));
  }
};

QTEST_GUILESS_MAIN(TestDispatch)
#include "tst_dispatch.moc"
