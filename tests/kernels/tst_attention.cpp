// SPDX-License-Identifier: GPL-3.0-or-later
// Causal attention: every instruction set against the plain loops, forward and all gradients, over lengths around the blocks, odd widths,
// grouped keys, windows and rotations; the plain loops against finite differences and a sum written out by hand.
#include <cmath>

#include "kernels/attention.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

/// Everything a case needs, in the layout of a fused projection: each head's q, k, v beside each other, with a gap at the end of a row.
struct Case {
  AttentionShape s;
  std::int64_t row, outRow;
  std::vector<float> qkv, cosine, sine, dy;
  std::vector<float> y, logSum, dqkv;

  explicit Case(const AttentionShape& shape) : s(shape) {
    row = (s.heads + 2 * s.keyHeads) * s.width + 3;
    outRow = s.heads * s.width + 5;
    const std::int64_t tokens = s.batch * s.length;
    qkv = numbers(tokens * row, 1);
    dy = numbers(tokens * outRow, 2);
    for (std::int64_t t = 0; t < s.length; ++t)
      for (std::int64_t i = 0; i < s.half; ++i) {
        const double angle = static_cast<double>(t) * std::pow(100.0, -static_cast<double>(i) / static_cast<double>(s.half));
        cosine.push_back(static_cast<float>(std::cos(angle)));
        sine.push_back(static_cast<float>(std::sin(angle)));
      }
    y.assign(size(tokens * outRow), 1e30f);
    logSum.assign(size(tokens * s.heads), 0);
    dqkv.assign(size(tokens * row), 1e30f);
  }

  AttentionInput input() const {
    const std::int64_t keys = s.heads * s.width, values = keys + s.keyHeads * s.width;
    return {{qkv.data(), row, s.width}, {qkv.data() + keys, row, s.width}, {qkv.data() + values, row, s.width}, cosine.data(), sine.data()};
  }
  AttentionOutput output() { return {{y.data(), outRow, s.width}, logSum.data()}; }
  AttentionGradients gradients() {
    const std::int64_t keys = s.heads * s.width, values = keys + s.keyHeads * s.width;
    return {{y.data(), outRow, s.width}, {dy.data(), outRow, s.width}, logSum.data(),
            {dqkv.data(), row, s.width}, {dqkv.data() + keys, row, s.width}, {dqkv.data() + values, row, s.width}};
  }
  void plain() {
    QCOMPARE(reference::attentionForward(s, input(), output()), Status::Ok);
    QCOMPARE(reference::attentionBackward(s, input(), gradients()), Status::Ok);
  }
  void fast(const ParallelFor& p) {
    std::vector<float> forward(size(attentionForwardWorkspace(s, p.threads)), NAN), backward(size(attentionBackwardWorkspace(s, p.threads)), NAN);
    QCOMPARE(attentionForward(s, input(), output(), forward.data(), p), Status::Ok);
    QCOMPARE(attentionBackward(s, input(), gradients(), backward.data(), p), Status::Ok);
  }
  /// sum(y dy), in doubles: what the gradients differentiate.
  double loss() {
    std::vector<float> kept = y;
    reference::attentionForward(s, input(), output());
    double sum = 0;
    for (std::int64_t t = 0; t < s.batch * s.length; ++t)
      for (std::int64_t i = 0; i < s.heads * s.width; ++i) sum += static_cast<double>(y[size(t * outRow + i)]) * dy[size(t * outRow + i)];
    y = kept;
    return sum;
  }
};

AttentionShape shape(std::int64_t batch, std::int64_t length, std::int64_t heads, std::int64_t keyHeads, std::int64_t width,
                     std::int64_t half, std::int64_t window) {
  AttentionShape s;
  s.batch = batch;
  s.length = length;
  s.heads = heads;
  s.keyHeads = keyHeads;
  s.width = width;
  s.half = half;
  s.window = window;
  return s;
}

const AttentionShape kShapes[] = {shape(1, 1, 1, 1, 1, 0, 0),    shape(2, 1, 1, 1, 8, 4, 0),     shape(1, 13, 1, 1, 5, 2, 0),
                                  shape(2, 33, 2, 2, 17, 8, 0),  shape(1, 97, 2, 1, 16, 8, 0),   shape(1, 200, 1, 1, 64, 32, 0),
                                  shape(2, 70, 4, 2, 33, 3, 20), shape(1, 130, 2, 1, 40, 20, 1), shape(1, 301, 1, 1, 24, 0, 100),
                                  shape(1, 40, 1, 1, 256, 128, 0)};

QString name(const AttentionShape& s) {
  return QString("B%1 T%2 H%3/%4 w%5 half%6 window%7").arg(s.batch).arg(s.length).arg(s.heads).arg(s.keyHeads).arg(s.width).arg(s.half).arg(s.window);
}

}  // namespace

class TestAttention : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    for (const AttentionShape& s : kShapes) {
      Case want(s), got(s), threaded(s);
      want.plain();
      got.fast(serial());
      SERP_AGREES(got.y, want.y, 4e-6, name(s) + " y");
      SERP_AGREES(got.logSum, want.logSum, 4e-6, name(s) + " log sum");
      SERP_AGREES(got.dqkv, want.dqkv, 8e-6, name(s) + " gradients");
      threaded.fast(threads(3));
      QVERIFY(threaded.y == got.y && threaded.dqkv == got.dqkv && threaded.logSum == got.logSum);
    }
  }

  void bfloat16StaysWithinItsPrecision_data() { addIsaRows(); }
  void bfloat16StaysWithinItsPrecision() {
    SERP_USE_ISA();
    for (AttentionShape s : kShapes) {
      Case want(s);
      want.plain();
      s.narrow = true;
      Case got(s);
      got.fast(serial());
      SERP_AGREES(got.y, want.y, 2e-2, name(s) + " y");
      SERP_AGREES(got.dqkv, want.dqkv, 4e-2, name(s) + " gradients");
      QVERIFY(s.length == 1 || got.y != want.y);
    }
  }

  void referenceGradientsAreDifferences() {
    for (const AttentionShape& s : {shape(1, 5, 1, 1, 3, 1, 0), shape(2, 4, 2, 1, 4, 2, 2)}) {
      Case c(s);
      c.plain();
      const float step = 1e-2f;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(c.qkv.size()); ++i) {
        if (i % c.row >= c.row - 3) continue;  // the gap
        const float kept = c.qkv[size(i)];
        c.qkv[size(i)] = kept + step;
        const double up = c.loss();
        c.qkv[size(i)] = kept - step;
        const double down = c.loss();
        c.qkv[size(i)] = kept;
        const double want = (up - down) / (2.0 * step), got = c.dqkv[size(i)];
        QVERIFY2(std::fabs(want - got) < 2e-4 * (1 + std::fabs(want)), qPrintable(QString("%1: %2 is %3").arg(i).arg(got).arg(want)));
      }
    }
  }

  void twoTokensByHand() {
    Case c(shape(1, 2, 1, 1, 1, 0, 0));
    c.qkv = {0, 1, 3, 9, 9, 9, 2, 5, 7, 9, 9, 9};  // rows: q, k, v and a gap
    c.plain();
    QCOMPARE(c.y[0], 3.0f);
    const double second = 1 / (1 + std::exp(2.0 * 1 - 2.0 * 5));  // the share of its own key
    QVERIFY(std::fabs(c.y[size(c.outRow)] - (7 * second + 3 * (1 - second))) < 1e-6);
  }

  void aLaterTokenChangesNothing_data() { addIsaRows(); }
  void aLaterTokenChangesNothing() {
    SERP_USE_ISA();
    const AttentionShape s = shape(1, 60, 1, 1, 16, 8, 0);
    Case a(s), b(s);
    for (std::int64_t i = 41 * b.row; i < 60 * b.row; ++i) b.qkv[size(i)] = 50;
    a.fast(serial());
    b.fast(serial());
    for (std::int64_t i = 0; i < 41 * a.outRow; ++i) QCOMPARE(a.y[size(i)], b.y[size(i)]);
  }

  void refusesWhatItCannotDo() {
    float x[8] = {};
    const AttentionInput in{{x, 3, 1}, {x, 3, 1}, {x, 3, 1}, nullptr, nullptr};
    const AttentionOutput o{{x, 1, 1}, nullptr};
    QCOMPARE(attentionForward(shape(1, -1, 1, 1, 1, 0, 0), in, o, x, serial()), Status::BadShape);
    QCOMPARE(attentionForward(shape(1, 1, 3, 2, 1, 0, 0), in, o, x, serial()), Status::BadShape);
    QCOMPARE(attentionForward(shape(1, 1, 1, 1, 257, 0, 0), in, o, x, serial()), Status::BadShape);
    QCOMPARE(attentionForward(shape(1, 1, 1, 1, 4, 3, 0), in, o, x, serial()), Status::BadShape);
    QCOMPARE(attentionForward(shape(1, 1, 1, 1, 4, 2, 0), in, o, x, serial()), Status::BadArgument);
    QCOMPARE(attentionForward(shape(1, 1, 1, 1, 1, 0, 0), {}, o, x, serial()), Status::BadArgument);
    QCOMPARE(attentionBackward(shape(1, 1, 1, 1, 1, 0, 0), in, {}, x, serial()), Status::BadArgument);
    QCOMPARE(attentionForward(shape(0, 5, 1, 1, 1, 0, 0), {}, {}, nullptr, serial()), Status::Ok);
    QCOMPARE(attentionForward(shape(2, 0, 1, 1, 1, 0, 0), {}, {}, nullptr, serial()), Status::Ok);
  }
};

QTEST_GUILESS_MAIN(TestAttention)
#include "tst_attention.moc"
