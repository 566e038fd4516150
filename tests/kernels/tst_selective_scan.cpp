// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan: plain loops against the oracles, every instruction set against both, awkward shapes first.
#include <cmath>
#include <limits>

#include "tests/kernels/scan_case.h"

using namespace serp::kernels;
using namespace serp::test;
using namespace serp::test::scan;

class TestSelectiveScan : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() {
    QTest::addColumn<int>("isa");
    QTest::addColumn<QVector<qint64>>("shape");
    QTest::addColumn<int>("options");
    const QVector<QVector<qint64>> shapes = {{1, 1, 1, 1},    {2, 5, 7, 4},    {1, 33, 17, 5},  {3, 16, 16, 16},
                                             {2, 67, 33, 16}, {1, 130, 6, 64}, {2, 19, 341, 8}, {1, 17, 65, 16},
                                             {1, 3, 20, 256}, {1, 48, 130, 3}, {5, 2, 64, 21},  {1, 18, 1365, 16}};
    for (const Isa isa : kEveryIsa)
      for (const auto& s : shapes)
        for (const int options : {int{kAll}, int{kSoftplus}, kSkip | kGate | kStrided, kInitial | kSoftplus | kBias,
                                  kResets | kGate | kSoftplus})
          QTest::addRow("%s B%lld L%lld D%lld N%lld options %d", isaName(isa), s[0], s[1], s[2], s[3], options)
              << static_cast<int>(isa) << s << options;
  }
  void matchesTheReference() {
    SERP_USE_ISA();
    QFETCH(QVector<qint64>, shape);
    QFETCH(int, options);
    const Case c({shape[0], shape[1], shape[2], shape[3]}, options);
    Results got(c), want(c);
    QCOMPARE(got.run(c, serial()), Status::Ok);
    QCOMPARE(reference::scanForward(c.s, c.input(), {want.y.data(), c.wide, want.last.data(), nullptr}), Status::Ok);
    QCOMPARE(reference::scanBackward(c.s, c.input(), want.gradients(c)), Status::Ok);
    for (const auto& [name, member] : kResults)
      SERP_AGREES(got.*member, want.*member, 1e-5, name);  // gaps of strided rows included
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    const auto oracle = Oracle::open("selective_scan");
    if (!oracle) QSKIP(oraclesMissing());
    for (const auto& [label, config] : oracle->config()["cases"].items()) {
      Case c({config["batch"], config["length"], config["channels"], config["states"]}, 0);
      const auto take = [&](const std::string& name) { return oracle->at(label + "." + name); };
      const auto optional = [&](const std::string& name, std::vector<float>& into, int option, bool turn) {
        if (!oracle->has(label + "." + name)) return;
        into = turn ? take(name).turned().floats() : take(name).floats();
        c.options |= option;
      };
      c.u = take("u").turned().floats(), c.delta = take("delta").turned().floats(), c.A = take("A").floats();
      c.B = take("B").turned().floats(), c.C = take("C").turned().floats(),
      c.dy = take("upstream.out").turned().floats();
      optional("z", c.z, kGate, true), optional("D", c.D, kSkip, false), optional("delta_bias", c.bias, kBias, false);
      optional("h0", c.h0, kInitial, false);
      if (config["delta_softplus"]) c.options |= kSoftplus;
      c.dLast.assign(c.dLast.size(), 0.0f);
      optional("upstream.last_state", c.dLast, 0, false);
      Results fast(c), plain(c);
      QCOMPARE(fast.run(c, serial()), Status::Ok);
      QCOMPARE(reference::scanForward(c.s, c.input(), plain.output(c)), Status::Ok);
      QCOMPARE(reference::scanBackward(c.s, c.input(), plain.gradients(c)), Status::Ok);
      const auto compare = [&](const char* name, std::vector<float> Results::*member, bool turn) {
        const std::string full = label + "." + name;
        if (!oracle->has(full)) return;
        const Tensor want = turn ? oracle->at(full).turned() : oracle->at(full);
        SERP_AGREES(fast.*member, want, 2e-5, full.c_str());
        SERP_AGREES(plain.*member, want, 1e-6, full.c_str());
      };
      compare("out", &Results::y, true), compare("last_state", &Results::last, false);
      compare("grad.u", &Results::du, true), compare("grad.delta", &Results::dDelta, true),
          compare("grad.z", &Results::dz, true);
      compare("grad.B", &Results::dB, true), compare("grad.C", &Results::dC, true),
          compare("grad.A", &Results::dA, false);
      compare("grad.D", &Results::dD, false), compare("grad.delta_bias", &Results::dBias, false),
          compare("grad.h0", &Results::dh0, false);
      if (QTest::currentTestFailed()) return;
    }
  }

  void threadsDoNotChangeTheResult_data() { addIsaRows(); }
  void threadsDoNotChangeTheResult() {
    SERP_USE_ISA();
    for (const ScanShape s : {ScanShape{1, 70, 130, 16}, ScanShape{3, 20, 65, 5}, ScanShape{4, 9, 16, 16}}) {
      const Case c(s, kAll);
      Results one(c), two(c), again(c);
      QCOMPARE(one.run(c, serial()), Status::Ok);
      QCOMPARE(two.run(c, threads(2)), Status::Ok);
      QCOMPARE(again.run(c, threads(2)), Status::Ok);
      for (const auto& [name, member] : kResults) {
        SERP_AGREES(two.*member, one.*member, 2e-6, name);
        QVERIFY2(two.*member == again.*member, name);  // the same bits
      }
    }
  }

  void stepsEqualTheSequence_data() { addIsaRows(); }
  void stepsEqualTheSequence() {
    SERP_USE_ISA();
    for (const std::int64_t states : {1, 5, 16, 40}) {
      const Case c({1, 23, 37, states}, kAll);
      Results whole(c);
      QCOMPARE(scanForward(c.s, c.input(), whole.output(c), serial()), Status::Ok);
      std::vector<float> state = c.h0, y(whole.y.size(), 7);
      for (std::int64_t t = 0; t < c.s.length; ++t) {
        ScanInput in = c.input();
        in.h0 = nullptr;
        in.u += t * c.wide, in.delta += t * c.wide, in.z += t * c.wide, in.B += t * c.narrow, in.C += t * c.narrow,
            in.reset += t;
        QCOMPARE(scanStep({1, 1, c.s.channels, states}, in, state.data(), y.data() + t * c.wide, c.wide, threads(2)),
                 Status::Ok);
      }
      SERP_AGREES(y, whole.y, 2e-6, "y");
      SERP_AGREES(state, whole.last, 2e-6, "state");
    }
  }

  void checkpointsServeEveryInstructionSet() {
    const Case c({2, 40, 45, 16}, kAll);
    for (const Isa first : kEveryIsa)
      for (const Isa second : kEveryIsa) {
        if (!isaAvailable(first) || !isaAvailable(second)) continue;
        Results mixed(c), want(c);
        QCOMPARE(reference::scanBackward(c.s, c.input(), want.gradients(c)), Status::Ok);
        forceIsa(first);
        QCOMPARE(scanForward(c.s, c.input(), mixed.output(c), serial()), Status::Ok);
        forceIsa(second);
        mixed.workspace.resize(size(scanBackwardWorkspace(c.s, 1)));
        QCOMPARE(scanBackward(c.s, c.input(), mixed.checkpoints.data(), mixed.gradients(c), mixed.workspace.data(),
                              serial()),
                 Status::Ok);
        SERP_AGREES(mixed.dA, want.dA, 1e-5, "dA");
        SERP_AGREES(mixed.du, want.du, 1e-5, "du");
      }
  }

  void badNumbersStayInTheirChannel_data() { addIsaRows(); }
  void badNumbersStayInTheirChannel() {
    SERP_USE_ISA();
    Case c({1, 20, 19, 16}, kSoftplus | kGate | kResets);
    c.reset.assign(c.reset.size(), 0);
    c.reset[12] = 1;
    c.u[5 * 19 + 3] = std::numeric_limits<float>::quiet_NaN();
    c.u[5 * 19 + 4] = std::numeric_limits<float>::infinity();
    c.delta[2 * 19 + 7] =
        std::numeric_limits<float>::infinity();  // forgets everything: a decay of 0, an input of infinity
    c.delta[2 * 19 + 8] = -std::numeric_limits<float>::infinity();  // a step of length 0
    Results r(c), want(c);
    QCOMPARE(scanForward(c.s, c.input(), r.output(c), serial()), Status::Ok);
    QCOMPARE(reference::scanForward(c.s, c.input(), want.output(c)), Status::Ok);
    for (std::int64_t t = 0; t < 20; ++t)
      for (std::int64_t i = 0; i < 19; ++i) {
        const float y = r.y[size(t * 19 + i)];
        QCOMPARE(std::isnan(y), std::isnan(want.y[size(t * 19 + i)]));
        if (i != 3 && i != 4 && i != 7) QVERIFY(std::isfinite(y));
        if (t >= 12) QVERIFY(std::isfinite(y));  // a reset lets nothing through
      }
  }

  void longDecayStaysUnbiased_data() { addIsaRows(); }
  void longDecayStaysUnbiased() {
    SERP_USE_ISA();
    // 4096 decays of exp(-1e-4): a bias of the exponential near 1 would multiply up.
    const std::int64_t L = 4096;
    const std::vector<float> u(size(L), 0.0f), delta(size(L), 1e-4f), B(size(L), 0.0f), C(size(L), 1.0f);
    const float A = -1, h0 = 1;
    std::vector<float> y(size(L));
    ScanInput in;
    in.u = u.data(), in.delta = delta.data(), in.A = &A, in.B = B.data(), in.C = C.data(), in.h0 = &h0;
    in.uStride = in.deltaStride = in.bStride = in.cStride = 1, in.softplus = false;
    QCOMPARE(scanForward({1, L, 1, 1}, in, {y.data(), 1, nullptr, nullptr}, serial()), Status::Ok);
    const double want = std::exp(-1e-4 * static_cast<double>(L));
    QVERIFY2(std::fabs(y.back() / want - 1) < 1.5e-4, qPrintable(QString::number(y.back() / want - 1)));
  }

  void refusesWhatItCannotDo() {
    const Case c({1, 2, 3, 4}, kAll);
    Results r(c);
    const ScanOutput out = r.output(c);
    for (const ScanShape bad :
         {ScanShape{-1, 2, 3, 4}, ScanShape{1, -2, 3, 4}, ScanShape{1, 2, 3, 0}, ScanShape{1, 2, 3, 257}})
      QCOMPARE(scanForward(bad, c.input(), out, serial()), Status::BadShape);
    QCOMPARE(scanForward(c.s, {}, out, serial()), Status::BadArgument);
    QCOMPARE(scanForward(c.s, c.input(), {nullptr, 3, nullptr, nullptr}, serial()), Status::BadArgument);
    QCOMPARE(scanBackward(c.s, c.input(), nullptr, r.gradients(c), nullptr, serial()), Status::BadArgument);
    std::vector<float> state(12);
    QCOMPARE(scanStep(c.s, c.input(), state.data(), r.y.data(), 8, serial()), Status::BadShape);
    for (const ScanShape none : {ScanShape{0, 2, 3, 4}, ScanShape{1, 0, 3, 4}, ScanShape{1, 2, 0, 4}}) {
      QCOMPARE(scanForward(none, {}, {}, serial()), Status::Ok);
      QCOMPARE(scanBackward(none, {}, nullptr, {}, nullptr, serial()), Status::Ok);
    }
  }
};

QTEST_GUILESS_MAIN(TestSelectiveScan)
#include "tst_selective_scan.moc"
