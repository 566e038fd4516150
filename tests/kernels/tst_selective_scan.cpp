// SPDX-License-Identifier: GPL-3.0-or-later
// The vectorised selective scan of every instruction set this CPU has against the plain loops, awkward shapes first.
#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/selective_scan.h"

using namespace serp::kernels;

namespace {

/// Small repeatable numbers in [-1, 1).
std::vector<float> numbers(std::int64_t count, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& x : out) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    x = static_cast<float>(static_cast<double>(seed >> 11) * 0x1.0p-52 - 1.0);
  }
  return out;
}

/// Largest difference over the largest magnitude.
double deviation(const std::vector<float>& got, const std::vector<float>& want) {
  double worst = 0, scale = 1e-30;
  for (std::size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(got[i]) - want[i]));
    scale = std::max(scale, std::fabs(static_cast<double>(want[i])));
    if (std::isnan(got[i]) != std::isnan(want[i])) return 1;
  }
  return worst / scale;
}

struct Case {
  ScanShape s;
  std::vector<float> u, delta, A, B, C, D, z, bias, h0, dy, dLast;

  explicit Case(ScanShape shape) : s(shape) {
    const std::int64_t rows = s.batch * s.length, wide = rows * s.channels, thin = rows * s.states, state = s.channels * s.states;
    u = numbers(wide, 1), delta = numbers(wide, 2), A = numbers(state, 3), B = numbers(thin, 4), C = numbers(thin, 5);
    D = numbers(s.channels, 6), z = numbers(wide, 7), bias = numbers(s.channels, 8), h0 = numbers(s.batch * state, 9);
    dy = numbers(wide, 10), dLast = numbers(s.batch * state, 11);
    for (float& a : A) a = -std::fabs(a) * 4 - 0.01f;
  }
  ScanInput input() const {
    ScanInput in;
    in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = B.data(), in.C = C.data(), in.D = D.data(), in.z = z.data();
    in.deltaBias = bias.data(), in.h0 = h0.data();
    in.uStride = in.deltaStride = in.zStride = s.channels;
    in.bStride = in.cStride = s.states;
    return in;
  }
};

struct Outputs {
  std::vector<float> y, last, du, dDelta, dB, dC, dz, dA, dD, dBias, dh0;

  explicit Outputs(const ScanShape& s) {
    const auto wide = static_cast<std::size_t>(s.batch * s.length * s.channels), thin = static_cast<std::size_t>(s.batch * s.length * s.states),
               state = static_cast<std::size_t>(s.channels * s.states), batch = static_cast<std::size_t>(s.batch);
    y.resize(wide), du.resize(wide), dDelta.resize(wide), dz.resize(wide), dB.resize(thin), dC.resize(thin), dA.resize(state);
    last.resize(batch * state), dh0.resize(batch * state);
    dD.resize(static_cast<std::size_t>(s.channels)), dBias.resize(static_cast<std::size_t>(s.channels));
  }
  ScanGradients gradients(const Case& c) {
    ScanGradients g;
    g.dy = c.dy.data(), g.dLastState = c.dLast.data();
    g.dyStride = g.duStride = g.dDeltaStride = g.dzStride = c.s.channels;
    g.dbStride = g.dcStride = c.s.states;
    g.du = du.data(), g.dDelta = dDelta.data(), g.dB = dB.data(), g.dC = dC.data(), g.dz = dz.data(), g.dA = dA.data(), g.dD = dD.data();
    g.dDeltaBias = dBias.data(), g.dh0 = dh0.data();
    return g;
  }
};

}  // namespace

class TestSelectiveScan : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() {
    QTest::addColumn<int>("isa");
    QTest::addColumn<QVector<qint64>>("shape");
    const QVector<QVector<qint64>> shapes = {{1, 1, 1, 1}, {2, 5, 7, 4}, {1, 33, 17, 5}, {3, 16, 16, 16}, {2, 67, 33, 16}, {1, 130, 6, 64}, {2, 19, 341, 8}};
    for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512})
      for (const auto& s : shapes)
        QTest::addRow("%s B%lld L%lld D%lld N%lld", isaName(isa), s[0], s[1], s[2], s[3]) << static_cast<int>(isa) << s;
  }
  void matchesTheReference() {
    QFETCH(int, isa);
    QFETCH(QVector<qint64>, shape);
    if (!isaAvailable(static_cast<Isa>(isa))) QSKIP("this CPU does not have the instruction set");
    QCOMPARE(forceIsa(static_cast<Isa>(isa)), Status::Ok);
    const ScanShape s{shape[0], shape[1], shape[2], shape[3]};
    const Case c(s);
    Outputs got(s), want(s);
    std::vector<float> checkpoints(static_cast<std::size_t>(scanCheckpointCount(s)) + 1),
        work(static_cast<std::size_t>(scanBackwardWorkspace(s, 1)) + 1);
    QCOMPARE(scanForward(s, c.input(), {got.y.data(), s.channels, got.last.data(), checkpoints.data()}, serial()), Status::Ok);
    QCOMPARE(reference::scanForward(s, c.input(), {want.y.data(), s.channels, want.last.data(), nullptr}), Status::Ok);
    QCOMPARE(scanBackward(s, c.input(), checkpoints.data(), got.gradients(c), work.data(), serial()), Status::Ok);
    QCOMPARE(reference::scanBackward(s, c.input(), want.gradients(c)), Status::Ok);
    for (const auto& [name, member] : {std::pair{"y", &Outputs::y}, {"last", &Outputs::last}, {"du", &Outputs::du}, {"dDelta", &Outputs::dDelta},
                                       {"dB", &Outputs::dB}, {"dC", &Outputs::dC}, {"dz", &Outputs::dz}, {"dA", &Outputs::dA}, {"dD", &Outputs::dD},
                                       {"dBias", &Outputs::dBias}, {"dh0", &Outputs::dh0}}) {
      const double worst = deviation(got.*member, want.*member);
      QVERIFY2(worst < 2e-5, qPrintable(QString("%1 deviates by %2").arg(name).arg(worst)));
    }
  }
  void refusesBadShapes() {
    const Case c({1, 2, 3, 4});
    Outputs o(c.s);
    ScanShape bad = c.s;
    bad.states = 0;
    QCOMPARE(scanForward(bad, c.input(), {o.y.data(), 3, nullptr, nullptr}, serial()), Status::BadShape);
    QCOMPARE(scanForward(c.s, c.input(), {nullptr, 3, nullptr, nullptr}, serial()), Status::BadArgument);
  }
};

QTEST_GUILESS_MAIN(TestSelectiveScan)
#include "tst_selective_scan.moc"
