// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm: plain loops against the oracles, every instruction set against both.
#include "kernels/norm.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

struct Results {
  std::vector<float> y, stats, dx, dWeight, dBias;
};

/// Forward and backward with strides of width + 3; null weight and bias if `bare`.
struct Case {
  NormShape s;
  std::vector<float> x, dy, weight, bias, dxAdd;
  std::int64_t stride = 0;
  bool bare = false;

  Results run(const ParallelFor& p, bool plain) const {
    Results r;
    r.y.assign(x.size(), 7), r.dx = r.y, r.stats.assign(size(2 * s.rows), 7), r.dWeight.assign(size(s.width), 7),
                             r.dBias = r.dWeight;
    const float *w = bare ? nullptr : weight.data(), *b = bare ? nullptr : bias.data();
    float *dw = bare ? nullptr : r.dWeight.data(), *db = bare ? nullptr : r.dBias.data();
    std::vector<float> workspace(size(normBackwardWorkspace(s, p.threads)), 1e30f);
    if (plain) {
      reference::normForward(s, x.data(), stride, w, b, r.y.data(), stride, r.stats.data());
      reference::normBackward(s, x.data(), stride, w, r.stats.data(), dy.data(), stride, r.dx.data(), stride, dw, db);
      if (!dxAdd.empty())
        for (std::int64_t i = 0; i < s.rows * stride; ++i)
          if (i % stride < s.width) r.dx[size(i)] += dxAdd[size(i)];
    } else {
      if (normForward(s, x.data(), stride, w, b, r.y.data(), stride, r.stats.data(), p) != Status::Ok) return {};
      if (normBackward(s, x.data(), stride, w, r.stats.data(), dy.data(), stride,
                       dxAdd.empty() ? nullptr : dxAdd.data(), r.dx.data(), stride, dw, db, workspace.data(),
                       p) != Status::Ok)
        return {};
    }
    return r;
  }
};

Case make(NormKind kind, std::int64_t rows, std::int64_t width, bool bare) {
  Case c;
  c.s = {kind, rows, width, 1e-5f}, c.stride = width + 3, c.bare = bare;
  c.x = spread(numbers(rows * width, 1, -1, 3), width, c.stride),
  c.dy = spread(numbers(rows * width, 2), width, c.stride);
  c.weight = numbers(width, 3), c.bias = numbers(width, 4);
  if (!bare) c.dxAdd = spread(numbers(rows * width, 5), width, c.stride);
  return c;
}

}  // namespace

class TestNorm : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    for (const NormKind kind : {NormKind::Layer, NormKind::Rms})
      for (const std::int64_t width : {1, 3, 16, 33, 341, 1024})
        for (const bool bare : {false, true}) {
          const Case c = make(kind, 7, width, bare);
          const Results got = c.run(serial(), false), want = c.run(serial(), true), two = c.run(threads(2), false),
                        again = c.run(threads(2), false);
          const QString name = QString("kind %1 width %2 bare %3").arg(static_cast<int>(kind)).arg(width).arg(bare);
          SERP_AGREES(got.y, want.y, 2e-6, name);
          SERP_AGREES(got.dx, want.dx, 5e-6, name);
          SERP_AGREES(got.stats, want.stats, 1e-6, name);
          SERP_AGREES(got.dWeight, want.dWeight, 2e-6, name);
          SERP_AGREES(got.dBias, want.dBias, 2e-6, name);
          QVERIFY(two.y == got.y && two.dx == got.dx && two.dWeight == again.dWeight && two.dBias == again.dBias);
          SERP_AGREES(two.dWeight, got.dWeight, 1e-6, name);
        }
  }

  void matchesTheOracle_data() { addIsaRows(); }
  void matchesTheOracle() {
    SERP_USE_ISA();
    for (const NormKind kind : {NormKind::Layer, NormKind::Rms}) {
      const auto oracle = Oracle::open(kind == NormKind::Layer ? "layer_norm" : "rms_norm");
      if (!oracle) QSKIP(oraclesMissing());
      const double tol = kind == NormKind::Layer ? 2e-5 : 5e-6;
      for (const auto& [label, config] : oracle->config()["cases"].items()) {
        Case c;
        c.s = {kind, config["rows"], config["width"], config["eps"]}, c.stride = c.s.width;
        c.x = oracle->at(label + ".x").floats(), c.dy = oracle->at(label + ".upstream.y").floats();
        c.weight = oracle->at(label + ".weight").floats(), c.bias.assign(c.weight.size(), 0.0f);
        if (kind == NormKind::Layer) c.bias = oracle->at(label + ".bias").floats();
        for (const bool plain : {false, true}) {
          const Results r = c.run(serial(), plain);
          SERP_AGREES(r.y, oracle->at(label + ".y"), tol, label.c_str());
          SERP_AGREES(r.dx, oracle->at(label + ".grad.x"), tol, label.c_str());
          SERP_AGREES(r.dWeight, oracle->at(label + ".grad.weight"), tol, label.c_str());
          if (kind == NormKind::Layer) SERP_AGREES(r.dBias, oracle->at(label + ".grad.bias"), tol, label.c_str());
        }
      }
    }
  }

  void residualMayBeUpdatedInPlace_data() { addIsaRows(); }
  void residualMayBeUpdatedInPlace() {
    SERP_USE_ISA();
    const Case c = make(NormKind::Rms, 5, 37, false);
    const Results want = c.run(serial(), false);
    std::vector<float> dx = c.dxAdd, workspace(size(normBackwardWorkspace(c.s, 1)));
    QCOMPARE(normBackward(c.s, c.x.data(), c.stride, c.weight.data(), want.stats.data(), c.dy.data(), c.stride,
                          dx.data(), dx.data(), c.stride, nullptr, nullptr, workspace.data(), serial()),
             Status::Ok);
    QVERIFY(packed(dx, 37, c.stride) == packed(want.dx, 37, c.stride));
  }

  void refusesWhatItCannotDo() {
    std::vector<float> x(12), y(12), stats(6);
    QCOMPARE(
        normForward({NormKind::Rms, -1, 4, 1e-5f}, x.data(), 4, nullptr, nullptr, y.data(), 4, stats.data(), serial()),
        Status::BadShape);
    QCOMPARE(
        normForward({NormKind::Rms, 3, 4, 1e-5f}, nullptr, 4, nullptr, nullptr, y.data(), 4, stats.data(), serial()),
        Status::BadArgument);
    QCOMPARE(
        normForward({NormKind::Rms, 3, 4, 1e-5f}, x.data(), 3, nullptr, nullptr, y.data(), 4, stats.data(), serial()),
        Status::BadArgument);
    QCOMPARE(normForward({NormKind::Rms, 0, 4, 1e-5f}, nullptr, 0, nullptr, nullptr, nullptr, 0, nullptr, serial()),
             Status::Ok);
  }
};

QTEST_GUILESS_MAIN(TestNorm)
#include "tst_norm.moc"
