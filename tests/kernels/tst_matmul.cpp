// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix product: every instruction set against the plain loops, over sizes around its blocks, all transposes and
// odd strides.
#include <cmath>
#include <limits>

#include "kernels/matmul.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

enum Layout { kRowMajor, kColumnMajor, kNeither };

/// A rows x columns matrix in the given layout, with gaps that would be noticed.
struct Stored {
  std::vector<float> values;
  MatrixView view;

  Stored(std::int64_t rows, std::int64_t columns, Layout layout, std::uint64_t seed) {
    const auto plain = numbers(rows * columns, seed);
    const std::int64_t row = layout == kRowMajor      ? columns + 3
                             : layout == kColumnMajor ? 1
                                                      : 2 * columns + 1,
                       column = layout == kRowMajor      ? 1
                                : layout == kColumnMajor ? rows + 5
                                                         : 2;
    values.assign(size((rows - 1) * row + (columns - 1) * column + 1), 1e30f);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) values[size(r * row + c * column)] = plain[size(r * columns + c)];
    view = {values.data(), row, column};
  }
};

std::vector<float> product(const MatmulShape& s, const MatrixView& a, const MatrixView& b, const MatmulOptions& options,
                           const ParallelFor& p) {
  std::vector<float> c(size(s.M * (s.N + 3)), 0.25f), workspace(size(matmulWorkspace(s, p.threads)), NAN);
  if (matmul(s, a, b, c.data(), s.N + 3, options, workspace.data(), p) != Status::Ok) c.clear();
  return c;
}

}  // namespace

class TestMatmul : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void matchesTheReference_data() { addIsaRows(); }
  void matchesTheReference() {
    SERP_USE_ISA();
    const MatmulShape shapes[] = {{1, 1, 1},     {1, 5, 9},      {1, 600, 130},  {3, 64, 48},      {12, 32, 16},   {13, 33, 17},
                                  {6, 16, 256},  {25, 70, 257},  {40, 341, 8},   {37, 513, 40},
                                  {50, 8, 300},  {7, 530, 270},  {13, 30, 1030}};
    for (const MatmulShape& s : shapes)
      for (const Layout la : {kRowMajor, kColumnMajor, kNeither})
        for (const Layout lb : {kRowMajor, kColumnMajor, kNeither})
          for (const int mode : {0, 2, 5, 7}) {
            MatmulOptions options;
            options.accumulate = mode & 1;
            options.narrow = mode & 2;
            options.relu = mode & 4;
            const auto bias = numbers(s.N, 3);
            if (mode & 4) options.bias = bias.data();
            const Stored a(s.M, s.K, la, 1), b(s.K, s.N, lb, 2);
            const auto got = product(s, a.view, b.view, options, serial());
            std::vector<float> want(size(s.M * (s.N + 3)), 0.25f);
            reference::matmul(s, a.view, b.view, want.data(), s.N + 3, options);
            SERP_AGREES(got, want, 3e-6, QString("%1x%2x%3 layouts %4 %5 mode %6").arg(s.M).arg(s.N).arg(s.K).arg(la).arg(lb).arg(mode));
            QVERIFY(got == product(s, a.view, b.view, options, threads(3)));  // the same bits, gaps included
          }
  }

  void badNumbersStayInTheirRowAndColumn_data() { addIsaRows(); }
  void badNumbersStayInTheirRowAndColumn() {
    SERP_USE_ISA();
    const MatmulShape s{14, 35, 20};
    Stored a(s.M, s.K, kRowMajor, 1), b(s.K, s.N, kColumnMajor, 2);
    a.values[size(13 * a.view.rowStride + 19)] = std::numeric_limits<float>::infinity();
    b.values[size(34 * b.view.columnStride)] = std::numeric_limits<float>::quiet_NaN();
    const auto c = product(s, a.view, b.view, {}, serial());
    for (std::int64_t m = 0; m < s.M; ++m)
      for (std::int64_t n = 0; n < s.N; ++n) QCOMPARE(std::isfinite(c[size(m * (s.N + 3) + n)]), m != 13 && n != 34);
  }

  void refusesWhatItCannotDo() {
    float x[4] = {1, 2, 3, 4}, c[4] = {7, 7, 7, 7};
    const MatrixView v{x, 2, 1};
    MatmulOptions adding;
    adding.accumulate = true;
    QCOMPARE(matmul({-1, 2, 2}, v, v, c, 2, {}, x, serial()), Status::BadShape);
    QCOMPARE(matmul({2, 2, 2}, {}, v, c, 2, {}, x, serial()), Status::BadArgument);
    QCOMPARE(matmul({2, 2, 2}, v, v, c, 1, {}, x, serial()), Status::BadArgument);
    QCOMPARE(matmul({2, 2, 2}, v, v, c, 2, {}, nullptr, serial()), Status::BadArgument);
    QCOMPARE(matmul({0, 2, 2}, {}, {}, nullptr, 2, {}, nullptr, serial()), Status::Ok);
    QCOMPARE(matmul({2, 2, 0}, {}, {}, c, 2, adding, nullptr, serial()), Status::Ok);
    QCOMPARE(c[3], 7.0f);
    QCOMPARE(matmul({2, 2, 0}, {}, {}, c, 2, {}, nullptr, serial()), Status::Ok);
    QCOMPARE(c[3], 0.0f);
  }
};

QTEST_GUILESS_MAIN(TestMatmul)
#include "tst_matmul.moc"
