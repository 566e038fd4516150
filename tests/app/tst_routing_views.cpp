// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of routing against numbers computed by hand, the history's grid of steps, idleness, and what the views export.
#include <QPushButton>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "app/routing_views/balance.h"
#include "app/routing_views/load_by_step.h"
#include "app/routing_views/nmi_bars.h"
#include "app/routing_views/now.h"
#include "app/routing_views/quantities.h"
#include "app/routing_views/text_by_expert.h"
#include "app/routing_views/text_canvas.h"
#include "app/routing_views/tongue_expert.h"
#include "app/session/series_store.h"
#include "app/style/theme.h"
#include "app/widgets/heatmap_view.h"
#include "tests/app/support/made_runs.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

namespace {

struct Scene {
  SeriesStore store;
  RoutingHistory history{&store};
  Cursor cursor;
  RoutingContext context{&history, &cursor, {}};
  void add(std::vector<RoutingFrame> frames) {
    for (RoutingFrame& frame : frames) store.append(std::make_shared<const RoutingFrame>(std::move(frame)));
  }
};

RoutingFrame frameOf(std::int64_t step, int steps, std::vector<RoutingLayer> layers) {
  RoutingFrame frame;
  frame.step = step, frame.steps = steps, frame.layers = std::move(layers);
  return frame;
}

QList<QStringList> rowsOf(const QString& csv) {
  QList<QStringList> out;
  for (const QString& line : csv.split(QLatin1Char('\n'), Qt::SkipEmptyParts)) out << line.split(QLatin1Char(','));
  return out;
}

}  // namespace

class TestRoutingViews : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void loadRatiosByHand() {
    // 4 experts, 100 tokens: fair share 25.
    const auto u = loadRatios(madeLayer("moe 1", {50, 25, 25, 0}));
    QCOMPARE(u, (std::vector<double>{2, 1, 1, 0}));
    double sum = 0;
    for (const double v : u) sum += v;
    QCOMPARE(sum, 4.0);                            // conservation: the ratios of E experts sum to E
    for (const double v : loadRatios(madeLayer("moe 1", {0, 0, 0}))) QVERIFY(std::isnan(v));
    QCOMPARE(loadRatios(madeLayer("moe 1", {7})), std::vector<double>{1});
  }

  void balanceByHand() {
    // mean 25; squares 625 + 0 + 0 + 625 → variance 312.5; CV = sqrt(312.5)/25 = 0.70711; MaxVio = 50/25 − 1 = 1; dead 1 of 4;
    // kept 90 of 100 → drop 0.1; capacity 1.25 → 125 slots, fill 90/125 = 0.72.
    const Balance b = balanceOf(madeLayer("moe 1", {50, 25, 25, 0}, {40, 25, 25, 0}, 1.25));
    QCOMPARE(b.variation, std::sqrt(312.5) / 25);
    QCOMPARE(b.maxViolation, 1.0);
    QCOMPARE(b.dead, 0.25);
    QCOMPARE(b.drop, 0.1);
    QCOMPARE(b.fill, 0.72);
    QCOMPARE(b.entropy, 0.9 * std::log(4.0));
    QVERIFY(std::isnan(balanceOf(madeLayer("moe 1", {1, 1})).fill));   // without a capacity there are no slots to fill
    QVERIFY(std::isnan(balanceOf(madeLayer("moe 1", {0, 0})).drop));
  }

  void mutualInformationByHand() {
    QCOMPARE(mutualInformation({0, 0, 1, 1}, {5, 5, 7, 7}), 1.0);
    QVERIFY(std::abs(mutualInformation({0, 0, 1, 1}, {0, 1, 0, 1})) < 1e-12);
    QCOMPARE(mutualInformation({0, 0, 0}, {0, 1, 2}), 0.0);
    // H(a) = ln 2, H(b) = ln 4, I = ln 2 → ln 2 / sqrt(ln 2 · ln 4) = 1/sqrt 2.
    QVERIFY(std::abs(mutualInformation({0, 0, 1, 1}, {0, 1, 2, 3}) - 1 / std::sqrt(2.0)) < 1e-12);
  }

  void labelRatiosByHand() {
    RoutedText text;
    text.pieces = {"a", "b", "c", "1", "2", "x"};
    text.labels = {0, 0, 0, 1, 1, 0};
    text.labelNames = {"prose", "sums", "verse"};
    text.expert = {{0, 0, 1, 1, 1, 1}};
    const auto u = labelRatios(text, 0, 2);
    QCOMPARE(u[0], (std::vector<double>{1, 1}));   // 2 of 4 each, times 2 experts
    QCOMPARE(u[1], (std::vector<double>{0, 2}));
    QVERIFY(std::isnan(u[2][0]));                  // no token of verse
  }

  void nmiRowsAndTheirNull() {
    const auto text = madeText(1, 2, 310);         // expert = parity of the place; 31 letters, so letters do not fix it
    const auto rows = mutualInformationRows(*text, 0);
    QCOMPARE(rows.size(), 4u);
    RoutedText told = *text;
    for (std::size_t i = 0; i < told.pieces.size(); ++i) told.expert[0][i] = static_cast<std::int16_t>(told.labels[i]);
    const auto known = mutualInformationRows(told, 0);
    QCOMPARE(known[2].measured, 1.0);              // the expert is the tongue
    QVERIFY(known[2].shuffled < 0.05);
    QVERIFY(mutualInformationRows(told, 3).empty());
    QCOMPARE(tokenClass(" a"), 1);
    QCOMPARE(tokenClass(" "), 0);
    QCOMPARE(tokenClass("7"), 3);
    QCOMPARE(tokenClass("+"), 4);
    QCOMPARE(tokenClass("Q"), 2);
  }

  void labelsOfManyExperts() {
    QCOMPARE(expertLabels(3, -1), (QStringList{"0", "1", "2"}));
    const QStringList many = expertLabels(512, 77);
    QCOMPARE(many.size(), 512);
    QCOMPARE(many[77], QStringLiteral("77"));
    QVERIFY(many[64].isEmpty());                   // would touch the chosen one
    QVERIFY(many.size() - many.count(QString()) <= 17);
  }

  void idlenessCountsBackToTheLastToken() {
    Scene s;
    s.add({frameOf(10, 10, {madeLayer("moe 1", {5, 5, 0})}), frameOf(20, 10, {madeLayer("moe 1", {5, 0, 0})}), frameOf(30, 10, {madeLayer("moe 1", {5, 0, 0})}),
           frameOf(40, 10, {madeLayer("moe 1", {5, 3, 0})})});
    QCOMPARE(s.history.idle(30, 0, 0), 0);
    QCOMPARE(s.history.idle(30, 0, 1), 20);
    QCOMPARE(s.history.idle(40, 0, 1), 0);
    QCOMPARE(s.history.idle(40, 0, 2), 40);        // never had a token: idle since before the first window
    QCOMPARE(s.history.idle(30, 0, 2), 30);
    for (const qint64 step : {10, 20, 30, 40})
      for (int e = 0; e < 3; ++e)
        QCOMPARE(s.history.idle(step, 0, e), idleSteps(s.history.frames(), s.history.indexAt(step), 0, static_cast<std::size_t>(e)));
    s.store.clear();
    s.add({frameOf(10, 10, {madeLayer("moe 1", {0, 1, 1})})});
    QCOMPARE(s.history.idle(10, 0, 0), 10);
    QCOMPARE(s.history.idle(10, 0, 2), 0);
  }

  void gapsInTheLogAreNotLogged() {
    Scene s;
    auto frames = madeRouting(1, 4, 100, 10);
    frames.erase(frames.begin() + 4, frames.begin() + 6);  // steps 50 and 60
    s.add(frames);
    LoadByStep view(s.context);
    view.refresh();
    QCOMPARE(view.map()->rows(), 4);
    QCOMPARE(view.map()->columns(), 10);
    for (int c = 0; c < 10; ++c) QCOMPARE(std::isnan(view.map()->value(0, c)), c == 4 || c == 5);
    // At step 10 the experts have 110, 120, 130, 100 tokens of 460.
    QCOMPARE(view.map()->value(0, 0), static_cast<float>(4 * 110 / 460.0));
    QCOMPARE(view.map()->value(3, 0), static_cast<float>(4 * 100 / 460.0));
  }

  void columnsAddUpWindows() {
    Scene s;
    s.add({frameOf(1, 1, {madeLayer("moe 1", {3, 1})}), frameOf(2, 1, {madeLayer("moe 1", {1, 3})}), frameOf(3, 1, {madeLayer("moe 1", {4, 0})})});
    const auto columns = s.history.columns(2);
    QCOMPARE(columns.ranges.size(), 2u);
    std::size_t frames = 0;
    for (const auto& [first, last] : columns.ranges) frames += last - first;
    QCOMPARE(frames, 3u);                          // every frame is in a column
  }

  void exportsHoldEveryCount() {
    Scene s;
    auto frames = madeRouting(2, 4, 30, 10);
    frames[1].layers[0].assigned[2] = 123456789;   // more digits than a float keeps
    s.add(frames);
    LoadByStep view(s.context);
    view.refresh();
    const auto rows = rowsOf(view.csv());
    QCOMPARE(rows.size(), 1 + 3 * 2 * 4);
    double all = 0, wanted = 0;
    for (int i = 1; i < rows.size(); ++i) all += rows[i][4].toDouble();
    for (const RoutingFrame& frame : frames)
      for (const RoutingLayer& layer : frame.layers)
        for (const double a : layer.assigned) wanted += a;
    QCOMPARE(all, wanted);
    QVERIFY(view.csv().contains(QStringLiteral(",123456789,")));
    BalanceView balance(s.context);
    balance.refresh();
    const auto numbers = rowsOf(balance.csv());
    QCOMPARE(numbers.size(), 1 + 3 * 2);
    QCOMPARE(numbers[1][3].toDouble(), balanceOf(frames[0].layers[0]).maxViolation);
    s.cursor.setStep(20);
    NowView now(s.context);
    now.refresh();
    QCOMPARE(rowsOf(now.csv()).size(), 1 + 2 * 4);
    QCOMPARE(rowsOf(now.csv())[1][0], QStringLiteral("20"));
  }

  void picturesOfAllKinds() {
    QTemporaryDir folder;
    Scene s;
    s.add(madeRouting(2, 4, 50, 10));
    auto routed = std::make_shared<RoutingFrame>(*s.store.routing().back());
    routed->step = 60, routed->text = madeText(2, 4, 120);
    s.store.append(routed);
    LoadByStep load(s.context);
    BalanceView balance(s.context);
    TextByExpert text(s.context);
    NowView now(s.context);
    TongueExpert tongue(s.context);
    for (RoutingView* view : std::initializer_list<RoutingView*>{&load, &balance, &text, &now, &tongue}) {
      view->resize(400, 260);
      view->refresh();
      view->showCursor();
      QVERIFY(!view->caption().isEmpty());
      for (const char* end : {"png", "svg", "pdf"}) {
        const QString file = folder.filePath(QStringLiteral("view.") + QLatin1String(end));
        QString wrong;
        QVERIFY2(view->exportPicture(file, &wrong), qPrintable(wrong));
        QVERIFY(QFileInfo(file).size() > 500);
        if (qstrcmp(end, "png") == 0) QVERIFY(QImage(file).width() >= 400);
        QVERIFY(QFile::remove(file));
      }
      QString wrong;
      QVERIFY(!view->exportPicture(folder.filePath("no/such/folder/x.png"), &wrong));
      QVERIFY(!wrong.isEmpty());
    }
    QCOMPARE(text.canvas()->tokens(), 120);
    QCOMPARE(rowsOf(text.csv()).size(), 1 + 2 * 120);
  }

  void alarmsNameIdleAndCrowdedExperts() {
    Scene s;
    std::vector<RoutingFrame> frames;
    for (int step = 50; step <= 400; step += 50)
      frames.push_back(frameOf(step, 50, {madeLayer("moe 1", {10, 10, step < 150 ? 10.0 : 0.0, 10}), madeLayer("moe 2", {100, 10, 10, 10})}));
    s.add(frames);
    BalanceView view(s.context);
    s.cursor.setStep(100);
    view.refresh();
    QCOMPARE(view.alarms().size(), 1u);            // moe 2: 4·100/130 − 1 = 2.08
    QCOMPARE(view.alarms()[0].layer, 1);
    QCOMPARE(view.alarms()[0].maxViolation, 4.0 * 100 / 130 - 1);
    s.cursor.setStep(400);
    view.showCursor();
    QCOMPARE(view.alarms().size(), 2u);
    QCOMPARE(view.alarms()[0].expert, 2);
    QCOMPARE(view.alarms()[0].idle, 300);          // last token at step 100
    view.showButton()->click();
    QCOMPARE(s.cursor.layer(), 0);
    QCOMPARE(s.cursor.expert(), 2);
    view.muteButton()->click();
    QCOMPARE(view.alarms().size(), 1u);
    QCOMPARE(view.alarms()[0].layer, 1);
  }

  void oneAndManyExperts_data() {
    QTest::addColumn<int>("experts");
    for (const int experts : {1, 16, 512}) QTest::newRow(qPrintable(QString::number(experts))) << experts;
  }
  void oneAndManyExperts() {
    QFETCH(int, experts);
    Scene s;
    s.add(madeRouting(2, experts, 200, 10));
    auto routed = std::make_shared<RoutingFrame>(*s.store.routing().back());
    routed->step = 210, routed->text = madeText(2, experts, 400);
    s.store.append(routed);
    LoadByStep load(s.context);
    BalanceView balance(s.context);
    TextByExpert text(s.context);
    NowView now(s.context);
    TongueExpert tongue(s.context);
    s.cursor.setLayer(1);
    s.cursor.setExpert(experts - 1);
    for (RoutingView* view : std::initializer_list<RoutingView*>{&load, &balance, &text, &now, &tongue}) {
      view->resize(420, 300);
      view->refresh();
      view->showCursor();
      QVERIFY(!view->grab().isNull());
    }
    QCOMPARE(load.map()->rows(), experts > 96 ? experts : 2 * experts);
    if (experts > 96) {                            // only the cursor's layer fits
      s.cursor.setLayer(0);
      load.showCursor();
      QCOMPARE(load.map()->value(0, 0), static_cast<float>(loadRatios(s.store.routing()[0]->layers[0])[0]));
    }
    const double total = [&] {
      double sum = 0;
      for (int r = 0; r < load.map()->rows(); ++r) sum += static_cast<double>(load.map()->value(r, 0));
      return sum;
    }();
    QVERIFY(std::abs(total - load.map()->rows()) < 1e-3 * load.map()->rows());
  }
};

QTEST_MAIN(TestRoutingViews)
#include "tst_routing_views.moc"
