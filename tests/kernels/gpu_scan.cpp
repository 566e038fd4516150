// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU's scan and convolution, forward, backward and step, against the plain loops: awkward shapes, both storages.
#include "tests/kernels/card.h"
#include "tests/kernels/conv_case.h"
#include "tests/kernels/scan_case.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

void store(scan::Case& c, DType type) {
  for (Floats* x : {&c.u, &c.delta, &c.z, &c.dy, &c.B, &c.C}) *x = stored(*x, type);
}
void store(conv::Case& c, DType type) {
  c.x = stored(c.x, type), c.dOut = stored(c.dOut, type);
}

/// The case's inputs on the card.
ScanInput onCard(const scan::Case& c, Card& card) {
  ScanInput in = c.input();
  in.u = card.act(c.u), in.delta = card.act(c.delta), in.B = card.act(c.B), in.C = card.act(c.C), in.A = card.put(c.A);
  if (in.D) in.D = card.put(c.D);
  if (in.z) in.z = card.act(c.z);
  if (in.deltaBias) in.deltaBias = card.put(c.bias);
  if (in.h0) in.h0 = card.put(c.h0);
  if (in.reset) in.reset = card.put(c.reset);
  return in;
}

/// Answers in the order of scan::kResults; empty if refused.
std::vector<Floats> runScan(const scan::Case& c, DType type) {
  Card card(type);
  scan::Results r(c);
  const ScanInput in = onCard(c, card);
  ScanOutput out = r.output(c);
  out.y = card.act(r.y), out.lastState = card.put(r.last);
  out.checkpoints = card.room<float>(gpu::scanCheckpointCount(c.s));
  if (gpu::scanForward(c.s, in, out, {}, type) != Status::Ok) return {};
  ScanGradients g = r.gradients(c);
  g.dy = card.act(c.dy), g.dLastState = card.put(c.dLast);
  g.du = card.act(r.du), g.dDelta = card.act(r.dDelta), g.dB = card.act(r.dB), g.dC = card.act(r.dC);
  g.dA = card.put(r.dA), g.dD = card.put(r.dD), g.dDeltaBias = card.put(r.dBias), g.dh0 = card.put(r.dh0);
  float* dz = card.act(r.dz);
  if (g.dz) g.dz = dz;
  float* workspace = card.room<float>(gpu::scanBackwardWorkspace(c.s));
  if (gpu::scanBackward(c.s, in, out.checkpoints, g, workspace, {}, type) != Status::Ok) return {};
  std::vector<Floats> answers;
  for (const float* p : {out.y, out.lastState, g.du, g.dDelta, g.dB, g.dC, dz, g.dA, g.dD, g.dDeltaBias, g.dh0})
    answers.push_back(card.get(p));
  return answers;
}

std::vector<Floats> runConv(const conv::Case& c, DType type) {
  Card card(type);
  conv::Results r(c);
  ConvInput in = c.input();
  in.x = card.act(c.x), in.weight = card.put(c.weight);
  if (in.bias) in.bias = card.put(c.bias);
  if (in.previous) in.previous = card.put(c.previous);
  if (in.reset) in.reset = card.put(c.reset);
  float* out = card.act(r.out);
  ConvGradients g = r.gradients(c);
  g.dOut = card.act(c.dOut), g.dx = card.act(r.dx), g.dWeight = card.put(r.dWeight), g.dBias = card.put(r.dBias),
  g.dPrevious = card.put(r.dPrevious);
  float* workspace = card.room<float>(gpu::convBackwardWorkspace(c.s));
  if (gpu::convForward(c.s, in, out, c.stride, {}, type) != Status::Ok) return {};
  if (gpu::convBackward(c.s, in, g, workspace, {}, type) != Status::Ok) return {};
  std::vector<Floats> answers;
  for (const float* p : {out, g.dx, g.dWeight, g.dBias, g.dPrevious}) answers.push_back(card.get(p));
  return answers;
}

}  // namespace

class TestGpuScan : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { SERP_NEEDS_CARD(); }

  void scanMatchesTheReference_data() {
    QTest::addColumn<QVector<qint64>>("shape");
    QTest::addColumn<int>("options");
    QTest::addColumn<int>("type");
    const QVector<QVector<qint64>> shapes = {{1, 1, 1, 1},      {2, 5, 7, 4},    {1, 33, 17, 5},  {3, 16, 16, 16},
                                             {2, 35, 33, 16},   {1, 17, 130, 2}, {1, 20, 19, 32}, {1, 37, 6, 64},
                                             {1, 18, 3, 100},   {1, 9, 5, 256},  {1, 19, 9, 8},   {1, 33, 5, 128},
                                             {1, 10, 24576, 16}};
    for (const auto& s : shapes)
      for (const int options : {int{scan::kAll}, int{scan::kSoftplus}, scan::kSkip | scan::kGate | scan::kStrided})
        for (const DType type : kTypes) {
          // Many channels, which have a plan of their own, once.
          if (s[2] > 9999 && (options != scan::kAll || type == DType::Float32)) continue;
          QTest::addRow("B%lld L%lld D%lld N%lld options %d %s", s[0], s[1], s[2], s[3], options, typeName(type))
              << s << options << static_cast<int>(type);
        }
  }
  void scanMatchesTheReference() {
    QFETCH(QVector<qint64>, shape);
    QFETCH(int, options);
    QFETCH(int, type);
    const auto as = static_cast<DType>(type);
    scan::Case c({shape[0], shape[1], shape[2], shape[3]}, options);
    store(c, as);
    scan::Results want(c);
    reference::scanForward(c.s, c.input(), {want.y.data(), c.wide, want.last.data(), nullptr});
    reference::scanBackward(c.s, c.input(), want.gradients(c));
    SERP_IN_EVERY_ORDER(got, [&] { return runScan(c, as); });
    for (std::size_t i = 0; i < got.size(); ++i) {
      const auto& [name, member] = scan::kResults[i];
      SERP_AGREES(got[i], stored(want.*member, as), tolerance(as, 1e-5), name);  // gaps of strided rows included
    }
  }

  void scanStepsEqualTheSequence() {
    for (const std::int64_t states : {5, 16, 200}) {
      const scan::Case c({1, 9, 37, states}, scan::kAll);
      const auto whole = runScan(c, DType::Float32);
      QVERIFY2(whole.size() == 11, qPrintable(complaints()));
      Card card;
      const ScanInput all = onCard(c, card);
      float *state = card.put(c.h0), *y = card.put(Floats(c.u.size(), 7));
      for (std::int64_t t = 0; t < c.s.length; ++t) {
        ScanInput in = all;
        in.h0 = nullptr;
        in.u += t * c.wide, in.delta += t * c.wide, in.z += t * c.wide, in.B += t * c.narrow, in.C += t * c.narrow,
            in.reset += t;
        QCOMPARE(gpu::scanStep({1, 1, 37, states}, in, state, y + t * c.wide, c.wide, {}), Status::Ok);
      }
      QVERIFY(card.get(y) == whole[0] && card.get(state) == whole[1]);
    }
    QVERIFY2(complaints().isEmpty(), "of a step");
  }

  void badNumbersStayInTheirChannel() {
    for (const float bad : {kNaN, std::numeric_limits<float>::infinity()}) {
      scan::Case c({1, 20, 19, 13}, scan::kSoftplus | scan::kGate | scan::kResets);
      c.reset.assign(c.reset.size(), 0);
      c.reset[12] = 1;
      c.u[5 * 19 + 3] = bad;
      const auto r = runScan(c, DType::Float32);
      QVERIFY2(r.size() == 11, qPrintable(complaints()));
      scan::Results want(c);
      reference::scanForward(c.s, c.input(), {want.y.data(), c.wide, want.last.data(), nullptr});
      for (std::int64_t t = 0; t < 20; ++t)
        for (std::int64_t i = 0; i < 19; ++i) {  // a reset lets nothing through
          const float got = r[0][size(t * 19 + i)];
          QCOMPARE(std::isfinite(got), i != 3 || t < 5 || t >= 12);
          QCOMPARE(std::isnan(got), std::isnan(want.y[size(t * 19 + i)]));
        }
    }
  }

  void convMatchesTheReference_data() {
    QTest::addColumn<QVector<qint64>>("shape");
    for (const auto& s : QVector<QVector<qint64>>{{1, 1, 1, 4},
                                                  {2, 1, 5, 1},
                                                  {1, 3, 64, 4},
                                                  {3, 45, 9, 4},
                                                  {2, 6, 33, 16},
                                                  {1, 140, 12, 2},
                                                  {1, 70, 8, 3},
                                                  {1, 66, 2, 7}})
      QTest::addRow("B%lld L%lld D%lld W%lld", s[0], s[1], s[2], s[3]) << s;
  }
  void convMatchesTheReference() {
    QFETCH(QVector<qint64>, shape);
    for (int options = 0; options <= conv::kAll; ++options)
      for (const DType type : kTypes) {
        if (type == DType::BFloat16 && options % 3 != 0) continue;
        conv::Case c({shape[0], shape[1], shape[2], shape[3]}, options);
        store(c, type);
        conv::Results want(c);
        want.plain(c);
        SERP_IN_EVERY_ORDER(got, [&] { return runConv(c, type); });
        for (std::size_t i = 0; i < got.size(); ++i) {
          const auto& [name, member] = conv::kResults[i];
          SERP_AGREES(got[i], stored(want.*member, type), tolerance(type, 3e-6),
                      QString("%1 of options %2").arg(name).arg(options));
        }
      }
  }

  void convStepsEqualTheSequence() {
    for (const std::int64_t width : {1, 2, 4, 9})
      for (const DType type : kTypes) {
        conv::Case c({1, 13, 37, width}, conv::kAll);
        store(c, type);
        const auto whole = runConv(c, type);
        QVERIFY2(whole.size() == 5, qPrintable(complaints()));
        Card card(type);
        float* window = card.put(c.previous);
        const float *weight = card.put(c.weight), *bias = card.put(c.bias);
        Floats out(c.x.size(), 7);
        for (std::int64_t t = 0; t < c.s.length; ++t) {
          ConvInput in = c.input();
          const auto row = [&](const Floats& x) {
            return Floats(x.begin() + t * c.stride, x.begin() + (t + 1) * c.stride);
          };
          in.x = card.act(row(c.x)), in.weight = weight, in.bias = bias, in.previous = nullptr;
          in.reset = card.put(std::vector<std::uint8_t>{c.reset[size(t)]});
          float* y = card.act(row(out));
          QCOMPARE(gpu::convStep({1, 1, 37, width}, in, window, y, c.stride, {}, type), Status::Ok);
          const Floats got = card.get(y);
          std::copy(got.begin(), got.end(), out.begin() + t * c.stride);
        }
        SERP_AGREES(out, whole[0], tolerance(type, 1e-6), "out");
        QVERIFY2(complaints().isEmpty(), "of a step");
      }
  }

  void refusesWhatItCannotDo() {
    const scan::Case c({1, 2, 3, 4}, scan::kAll);
    scan::Results r(c);
    QCOMPARE(gpu::scanForward({1, 2, 3, 257}, c.input(), r.output(c), {}), Status::BadShape);
    QCOMPARE(gpu::scanForward(c.s, {}, r.output(c), {}), Status::BadArgument);
    QCOMPARE(gpu::scanBackward(c.s, c.input(), nullptr, r.gradients(c), nullptr, {}), Status::BadArgument);
    QCOMPARE(gpu::scanForward({0, 2, 3, 4}, {}, {}, {}), Status::Ok);
    QCOMPARE(gpu::scanForward({1, 0, 3, 4}, {}, {}, {}), Status::Ok);
    const conv::Case v({1, 2, 3, 4}, conv::kAll);
    conv::Results q(v);
    QCOMPARE(gpu::convForward({1, 2, 3, 17}, v.input(), q.out.data(), v.stride, {}), Status::BadShape);
    QCOMPARE(gpu::convBackward(v.s, v.input(), q.gradients(v), nullptr, {}), Status::BadArgument);
    QCOMPARE(gpu::convForward({1, 0, 3, 4}, {}, nullptr, 0, {}), Status::Ok);
  }
};

QTEST_GUILESS_MAIN(TestGpuScan)
#include "gpu_scan.moc"
