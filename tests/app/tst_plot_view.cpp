// SPDX-License-Identifier: GPL-3.0-or-later
// Thinning keeps every extreme, the average matches its closed form, pictures and numbers come out whole.
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <random>

#include "app/style/theme.h"
#include "app/widgets/plot_ticker.h"
#include "app/widgets/plot_view.h"

using namespace serp::app;

class TestPlotView : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void thinningKeepsExtremes() {
    std::mt19937 random(1);
    std::normal_distribution<double> noise;
    CurveData data;
    std::vector<double> y;
    for (int i = 0; i < 100003; ++i) {
      y.push_back(noise(random));
      if (i == 77777) y.back() = 40;
      if (i == 12345) y.back() = -30;
      if (i % 997 == 0) y.back() = std::nan("");
      data.append(i, y.back(), i);
    }
    for (const auto& [from, to] : {std::pair<double, double>{0, 100002}, {500.5, 90000.25}, {77000, 78000}}) {
      constexpr int kColumns = 640;
      const auto points = data.thinned(false, from, to, kColumns, false);
      QVERIFY(points.x.size() <= 2u * kColumns + 2);
      QVERIFY(std::is_sorted(points.x.begin(), points.x.end()));
      // Against brute force, column by column.
      for (int c = 0; c < kColumns; ++c) {
        const double left = from + (to - from) * c / kColumns, right = from + (to - from) * (c + 1) / kColumns;
        double low = 1e300, high = -1e300, lowSeen = 1e300, highSeen = -1e300;
        for (auto i = static_cast<std::size_t>(std::ceil(left)); i < y.size() && static_cast<double>(i) < right; ++i)
          if (std::isfinite(y[i])) low = std::min(low, y[i]), high = std::max(high, y[i]);
        for (std::size_t i = 0; i < points.x.size(); ++i)
          if (points.x[i] >= left && points.x[i] < right) lowSeen = std::min(lowSeen, points.y[i]), highSeen = std::max(highSeen, points.y[i]);
        if (low > high) continue;
        QCOMPARE(lowSeen, low);
        QCOMPARE(highSeen, high);
      }
    }
    QCOMPARE(data.nonFinite().size(), 101u);
  }
  void averageMatchesClosedForm() {
    const double w = 0.9;
    MovingAverage average(w);
    const std::vector<double> t = {0, 1, 2, 5, 5.5, 20}, y = {3, 1, 4, 1, 5, 9};
    for (std::size_t i = 0; i < t.size(); ++i) {
      double sum = 0, mass = 0;
      for (std::size_t j = 0; j <= i; ++j) {
        sum += std::pow(w, t[i] - t[j]) * y[j];
        mass += std::pow(w, t[i] - t[j]);
      }
      QVERIFY(std::abs(average.next(t[i], y[i]) - sum / mass) < 1e-12);
    }
    MovingAverage constant(0.999);
    for (int i = 0; i < 5; ++i) QCOMPARE(constant.next(i, 2.0), 2.0);  // no bias towards zero at the start
    MovingAverage off(0);
    QCOMPARE(off.next(0, 3.0), 3.0);
    QCOMPARE(off.next(1, 5.0), 5.0);
    QCOMPARE(off.next(2, std::nan("")), 5.0);
  }
  void lateAndUnorderedPointsAreSortedIn() {
    CurveData data;
    for (const double x : {1.0, 2.0, 5.0, 3.0, 4.0}) data.append(x, x * 10, x);
    QCOMPARE(data.x(), (std::vector<double>{1, 2, 3, 4, 5}));
    QCOMPARE(data.y()[2], 30.0);
    QCOMPARE(data.nearest(3.4), std::ptrdiff_t(2));
  }
  void ticksReadWell() {
    QCOMPARE(PlotTicker::label(1250, 250), QStringLiteral("1,250"));
    QCOMPARE(PlotTicker::label(2.5e6, 5e5), QStringLiteral("2.5 M"));
    QCOMPARE(PlotTicker::label(1.5, 0), QStringLiteral("1.5"));
    QCOMPARE(PlotTicker::label(0.5, 0.5), QStringLiteral("0.5"));
    QCOMPARE(PlotTicker::label(5e-4, 5e-4), QStringLiteral("5e-4"));
  }
  void hiddenPlotDoesNotDrawAndVisibleOneDoes() {
    PlotView plot("loss");
    const int id = plot.addCurve({"a", [] { return Theme::instance().curve(0); }, CurveStyle::Kind::Line, true});
    for (int i = 0; i < 1000; ++i) plot.append(id, i, 5 - i * 0.004, i);
    plot.refresh();
    plot.setReferenceLines({{3, "letters 3.00"}});
    plot.setFlags({{400, 1, "balance 0.01 → 0.02"}});
    plot.resize(800, 400);
    plot.show();
    QVERIFY(QTest::qWaitForWindowExposed(&plot));
    const QColor hue = Theme::instance().curve(0);
    const auto coloured = [&] {
      const QImage image = plot.grab().toImage();
      int count = 0;
      for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x) {
          const QColor c(image.pixel(x, y));
          count += c.blue() - c.red() > 50 ? 1 : 0;  // antialiased: near the hue, seldom at it
        }
      return count;
    };
    if (const QByteArray file = qgetenv("SERP_TEST_PICTURE"); !file.isEmpty()) plot.grab().save(QString::fromLocal8Bit(file));
    QTRY_VERIFY2(coloured() > 100, "the curve is not on the picture");
    QSignalSpy moved(&plot, &PlotView::cursorMoved);
    plot.setFocus();
    QTest::keyClick(&plot, Qt::Key_Right);
    QCOMPARE(moved.count(), 1);
  }
  void exportsPicturesAndEveryPoint() {
    QTemporaryDir folder;
    PlotView plot("loss");
    plot.setAxisLabels("step", "loss");
    const int id = plot.addCurve({"run, one", [] { return Theme::instance().curve(0); }, CurveStyle::Kind::Line, true});
    for (int i = 1; i <= 20000; ++i) plot.append(id, i, 1.0 / i, i);
    plot.setLogY(true);
    plot.setLogX(true);
    QString why;
    for (const char* ending : {"png", "svg", "pdf", "csv"})
      QVERIFY2(plot.exportTo(folder.filePath(QStringLiteral("a.") + ending), {600, 400}, &why), qPrintable(why));
    QCOMPARE(QImage(folder.filePath("a.png")).size(), QSize(600, 400));
    QFile csv(folder.filePath("a.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    const auto lines = csv.readAll().split('\n');
    QCOMPARE(lines.size(), 20002);
    QVERIFY(lines[1].startsWith("\"run, one\",1,1,"));
    QVERIFY(!plot.exportTo(folder.filePath("a.doc"), {600, 400}, &why));
    QVERIFY(why.contains(".csv"));
    QVERIFY(!plot.exportTo("/nonexistent/a.csv", {600, 400}, &why));
  }
  void costOfAFrame() {
    PlotView plot("loss");
    const int id = plot.addCurve({"a", [] { return Theme::instance().curve(0); }, CurveStyle::Kind::Line, true});
    plot.setSmoothing(0.97);
    std::mt19937 random(1);
    std::normal_distribution<double> noise(2, 0.2);
    for (int i = 0; i < 100000; ++i) plot.append(id, i, noise(random), i);
    plot.resize(1000, 340);
    plot.show();
    QVERIFY(QTest::qWaitForWindowExposed(&plot));
    QTest::qWait(100);
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < 20; ++i) {
      plot.append(id, 100000 + i, noise(random), 100000 + i);
      plot.refresh();
      QCoreApplication::processEvents();
    }
    qInfo() << "one frame of 100,000 points:" << static_cast<double>(timer.nsecsElapsed()) / 20e6 << "ms";
  }
};

QTEST_MAIN(TestPlotView)
#include "tst_plot_view.moc"
