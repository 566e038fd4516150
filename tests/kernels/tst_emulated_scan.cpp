// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU's scan and convolution, run by the CPU emulation, against the plain loops: awkward shapes, and the same bits
// in whatever order threads and blocks run.
#include "kernels/cuda.h"
#include "kernels/emulated/emulator.h"
#include "tests/kernels/conv_case.h"
#include "tests/kernels/scan_case.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> nans(std::int64_t count) {
  return std::vector<float>(size(count), kNaN);
}

Status runScan(const scan::Case& c, scan::Results& r) {
  ScanOutput out = r.output(c);
  r.checkpoints = nans(emulated::scanCheckpointCount(c.s));
  r.workspace = nans(emulated::scanBackwardWorkspace(c.s));
  out.checkpoints = r.checkpoints.data();
  if (const Status s = emulated::scanForward(c.s, c.input(), out, {}); s != Status::Ok) return s;
  return emulated::scanBackward(c.s, c.input(), r.checkpoints.data(), r.gradients(c), r.workspace.data(), {});
}

Status runConv(const conv::Case& c, conv::Results& r) {
  r.workspace = nans(emulated::convBackwardWorkspace(c.s));
  if (const Status s = emulated::convForward(c.s, c.input(), r.out.data(), c.stride, {}); s != Status::Ok) return s;
  return emulated::convBackward(c.s, c.input(), r.gradients(c), r.workspace.data(), {});
}

}  // namespace

class TestEmulatedScan : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void cleanup() { emulator::setOrder(0); }

  void scanMatchesTheReference_data() {
    QTest::addColumn<QVector<qint64>>("shape");
    QTest::addColumn<int>("options");
    const QVector<QVector<qint64>> shapes = {{1, 1, 1, 1},    {2, 5, 7, 4},   {1, 33, 17, 5},  {3, 16, 16, 16},
                                             {2, 35, 33, 16}, {1, 37, 6, 64}, {1, 18, 3, 100}, {1, 9, 5, 256}};
    for (const auto& s : shapes)
      for (const int options : {int{scan::kAll}, int{scan::kSoftplus}, scan::kSkip | scan::kGate | scan::kStrided})
        QTest::addRow("B%lld L%lld D%lld N%lld options %d", s[0], s[1], s[2], s[3], options) << s << options;
  }
  void scanMatchesTheReference() {
    QFETCH(QVector<qint64>, shape);
    QFETCH(int, options);
    const scan::Case c({shape[0], shape[1], shape[2], shape[3]}, options);
    scan::Results got(c), other(c), want(c);
    QCOMPARE(runScan(c, got), Status::Ok);
    reference::scanForward(c.s, c.input(), {want.y.data(), c.wide, want.last.data(), nullptr});
    reference::scanBackward(c.s, c.input(), want.gradients(c));
    emulator::setOrder(7);
    QCOMPARE(runScan(c, other), Status::Ok);
    for (const auto& [name, member] : scan::kResults) {
      SERP_AGREES(got.*member, want.*member, 1e-5, name);  // gaps of strided rows included
      QVERIFY2(got.*member == other.*member, name);
    }
  }

  void scanStepsEqualTheSequence() {
    const scan::Case c({1, 9, 37, 5}, scan::kAll);
    scan::Results whole(c);
    QCOMPARE(runScan(c, whole), Status::Ok);
    std::vector<float> state = c.h0, y(whole.y.size(), 7);
    for (std::int64_t t = 0; t < c.s.length; ++t) {
      ScanInput in = c.input();
      in.h0 = nullptr;
      in.u += t * c.wide, in.delta += t * c.wide, in.z += t * c.wide, in.B += t * c.narrow, in.C += t * c.narrow,
          in.reset += t;
      QCOMPARE(emulated::scanStep({1, 1, 37, 5}, in, state.data(), y.data() + t * c.wide, c.wide, {}), Status::Ok);
    }
    QVERIFY(y == whole.y && state == whole.last);
  }

  void badNumbersStayInTheirChannel() {
    scan::Case c({1, 20, 19, 16}, scan::kSoftplus | scan::kGate | scan::kResets);
    c.reset.assign(c.reset.size(), 0);
    c.reset[12] = 1;
    c.u[5 * 19 + 3] = kNaN;
    scan::Results r(c);
    QCOMPARE(runScan(c, r), Status::Ok);
    for (std::int64_t t = 0; t < 20; ++t)
      for (std::int64_t i = 0; i < 19; ++i)  // a reset lets nothing through
        QCOMPARE(std::isnan(r.y[size(t * 19 + i)]), i == 3 && t >= 5 && t < 12);
  }

  void convMatchesTheReference() {
    const ConvShape shapes[] = {{1, 1, 1, 4},  {2, 1, 5, 1},   {1, 3, 64, 4},
                                {3, 45, 9, 4}, {2, 6, 33, 16}, {1, 40, 12, 2}};
    for (const ConvShape& s : shapes)
      for (int options = 0; options <= conv::kAll; ++options) {
        const conv::Case c(s, options);
        conv::Results got(c), other(c), want(c);
        emulator::setOrder(0);
        QCOMPARE(runConv(c, got), Status::Ok);
        emulator::setOrder(7);
        QCOMPARE(runConv(c, other), Status::Ok);
        want.plain(c);
        for (const auto& [name, member] : conv::kResults) {
          SERP_AGREES(got.*member, want.*member, 2e-6, QString("%1 of options %2").arg(name).arg(options));
          QVERIFY2(got.*member == other.*member, name);
        }
      }
  }

  void convStepsEqualTheSequence() {
    for (const std::int64_t width : {1, 2, 4, 9}) {
      const conv::Case c({1, 13, 37, width}, conv::kAll);
      conv::Results whole(c);
      QCOMPARE(runConv(c, whole), Status::Ok);
      std::vector<float> window = c.previous, out(c.x.size(), 7);
      for (std::int64_t t = 0; t < c.s.length; ++t) {
        ConvInput in = c.input();
        in.x += t * c.stride, in.reset += t;
        QCOMPARE(emulated::convStep({1, 1, 37, width}, in, window.data(), out.data() + t * c.stride, c.stride, {}),
                 Status::Ok);
      }
      SERP_AGREES(out, whole.out, 1e-6, "out");
    }
  }

  void refusesWhatItCannotDo() {
    const scan::Case c({1, 2, 3, 4}, scan::kAll);
    scan::Results r(c);
    QCOMPARE(emulated::scanForward({1, 2, 3, 257}, c.input(), r.output(c), {}), Status::BadShape);
    QCOMPARE(emulated::scanForward(c.s, {}, r.output(c), {}), Status::BadArgument);
    QCOMPARE(emulated::scanBackward(c.s, c.input(), nullptr, r.gradients(c), nullptr, {}), Status::BadArgument);
    QCOMPARE(emulated::scanForward({0, 2, 3, 4}, {}, {}, {}), Status::Ok);
    const conv::Case v({1, 2, 3, 4}, conv::kAll);
    conv::Results q(v);
    QCOMPARE(emulated::convForward({1, 2, 3, 17}, v.input(), q.out.data(), v.stride, {}), Status::BadShape);
    QCOMPARE(emulated::convBackward(v.s, v.input(), q.gradients(v), nullptr, {}), Status::BadArgument);
  }
};

QTEST_GUILESS_MAIN(TestEmulatedScan)
#include "tst_emulated_scan.moc"
