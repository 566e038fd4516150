// SPDX-License-Identifier: GPL-3.0-or-later
// The Routing page: empty states that say why, one cursor for all views, keys, recorded runs whose routing file is cut anywhere.
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <ctime>
#include <fstream>

#include "app/pages/routing_page.h"
#include "app/routing_views/balance.h"
#include "app/routing_views/load_by_step.h"
#include "app/routing_views/text_by_expert.h"
#include "app/routing_views/text_canvas.h"
#include "app/widgets/heatmap_view.h"
#include "tests/app/support/made_runs.h"
#include "tests/app/support/test_workspace.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;
namespace fs = std::filesystem;

namespace {

QString allText(const QWidget& page) {
  QString out;
  for (const QLabel* label : page.findChildren<QLabel*>())
    if (label->isVisibleTo(&page)) out += label->text() + QLatin1Char('\n');
  return out;
}

void route(TestWorkspace& w, int layers, int experts, int steps, int every, int tokens = 0) {
  for (RoutingFrame& frame : madeRouting(layers, experts, steps, every)) w.session.series().append(std::make_shared<const RoutingFrame>(std::move(frame)));
  if (tokens > 0) {
    auto routed = std::make_shared<RoutingFrame>(*w.session.series().routing().back());
    routed->text = madeText(layers, experts, tokens);
    routed->textStep = routed->step;
    w.session.series().append(routed);
  }
  w.session.series().flush();
}

}  // namespace

class TestRoutingPage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void emptyStatesSayWhy() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1216, 728);
    page.show();
    QVERIFY(allText(page).contains(QStringLiteral("Nothing has been routed yet")));
    MadeRun plain;
    plain.name = "plain", plain.design = madeDesign("plain", 1, false);
    QVERIFY(makeRun(base / "plain", plain));
    QVERIFY(w.session.show(base / "plain"));
    QTRY_VERIFY(allText(page).contains(QStringLiteral("plain has no expert layers")));
    MadeRun early;
    early.name = "early", early.steps = 5;
    QVERIFY(makeRun(base / "early", early));
    QVERIFY(w.session.show(base / "early"));
    QTRY_VERIFY(allText(page).contains(QStringLiteral("no routing was logged")));
  }

  void keysMoveOneCursor() {
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    route(w, 3, 4, 100, 10, 60);
    page.show();
    QVERIFY(QTest::qWaitForWindowActive(&page));
    page.setFocus();
    Cursor& c = w.cursor;
    QCOMPARE(c.step(), 100);
    QVERIFY(c.followsLive());
    QTest::keyClick(&page, Qt::Key_Left);
    QCOMPARE(c.step(), 90);
    QVERIFY(!c.followsLive());
    QTest::keyClick(&page, Qt::Key_Left, Qt::ShiftModifier);
    QCOMPARE(c.step(), 10);
    QTest::keyClick(&page, Qt::Key_Left);
    QCOMPARE(c.step(), 10);
    QTest::keyClick(&page, Qt::Key_Right);
    QCOMPARE(c.step(), 20);
    QTest::keyClick(&page, Qt::Key_PageDown);
    QTest::keyClick(&page, Qt::Key_PageDown);
    QTest::keyClick(&page, Qt::Key_PageDown);
    QCOMPARE(c.layer(), 2);
    QTest::keyClick(&page, Qt::Key_PageUp);
    QCOMPARE(c.layer(), 1);
    QTest::keyClick(&page, Qt::Key_Down);
    QTest::keyClick(&page, Qt::Key_Down);
    QCOMPARE(c.expert(), 1);
    QTest::keyClick(&page, Qt::Key_Up);
    QTest::keyClick(&page, Qt::Key_Up);
    QCOMPARE(c.expert(), 0);
    for (int i = 0; i < 5; ++i) QTest::keyClick(&page, Qt::Key_Tab);
    QCOMPARE(c.token(), 4);
    QTest::keyClick(&page, Qt::Key_Backtab);
    QCOMPARE(c.token(), 3);
    // From inside a view as well.
    auto* canvas = page.findChild<TextCanvas*>();
    QVERIFY(canvas);
    QTest::keyClick(canvas, Qt::Key_Tab);
    QCOMPARE(c.token(), 4);
    QTest::keyClick(canvas, Qt::Key_Right);
    QCOMPARE(c.step(), 30);
    QTest::keyClick(&page, Qt::Key_Escape);
    QCOMPARE(c.token(), -1);
    QCOMPARE(c.expert(), -1);
    // The newest window again, and it stays the newest.
    QPushButton* follow = nullptr;
    for (QPushButton* b : page.topBar()->findChildren<QPushButton*>())
      if (b->text().startsWith(QStringLiteral("Follow live"))) follow = b;
    QVERIFY(follow);
    follow->click();
    QCOMPARE(c.step(), 100);
    route(w, 3, 4, 120, 120);
    QTRY_COMPARE(c.step(), 120);
  }

  void tabLeavesTheTextAtItsEnd() {
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    route(w, 1, 4, 20, 10, 3);
    page.show();
    QVERIFY(QTest::qWaitForWindowActive(&page));
    page.setFocus();
    for (int i = 0; i < 3; ++i) QTest::keyClick(&page, Qt::Key_Tab);
    QCOMPARE(w.cursor.token(), 2);
    QVERIFY(page.hasFocus());
    QTest::keyClick(&page, Qt::Key_Tab);
    QCOMPARE(w.cursor.token(), 2);
    QVERIFY(!page.hasFocus());
  }

  void clicksSetTheCursorOfAllViews() {
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    route(w, 2, 4, 100, 10, 40);
    page.show();
    auto* load = page.findChild<LoadByStep*>();
    Q_EMIT load->map()->clicked(5, 3);             // second layer, expert 1, fourth window
    QCOMPARE(w.cursor.layer(), 1);
    QCOMPARE(w.cursor.expert(), 1);
    QCOMPARE(w.cursor.step(), 40);
    QTRY_VERIFY(allText(*page.topBar()).contains(QStringLiteral("moe 2")));
    Q_EMIT page.findChild<TextCanvas*>()->tokenClicked(6);
    QCOMPARE(w.cursor.token(), 6);
    QCOMPARE(w.cursor.expert(), 2);                // token 6 of 4 experts in turn
  }

  void endedRunRoutesNothingNew() {
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    QVERIFY(w.commands->train(smallSpec()));
    page.show();
    QTRY_VERIFY(!page.history().empty());
    auto* own = page.findChild<TextByExpert*>()->findChild<QLineEdit*>();
    QVERIFY(own);
    own->setText(QStringLiteral("a text"));
    Q_EMIT own->returnPressed();
    QCOMPARE(own->text(), QStringLiteral("a text"));
    w.session.post(Stop{true});
    QTRY_VERIFY(!w.session.isActive());
    Q_EMIT own->returnPressed();
    QVERIFY(own->text().isEmpty());
    QVERIFY2(own->placeholderText().contains(QStringLiteral("ended")), qPrintable(own->placeholderText()));
  }

  void recordedRunShowsWhatTheFileHolds() {
    QTemporaryDir folder;
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    MadeRun made;
    made.routing = madeRouting(2, 4, 100, 10);
    QVERIFY(makeRun(run, made));
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    page.show();
    QVERIFY(w.session.show(run));
    QTRY_COMPARE(page.history().frames().size(), 10u);
    QCOMPARE(page.history().frames()[3]->layers[1].assigned, made.routing[3].layers[1].assigned);
    QTRY_COMPARE(w.cursor.step(), 100);
    QVERIFY(allText(page).contains(QStringLiteral("Load by step")));
    QTemporaryDir out;
    QCOMPARE(page.exportAll(out.path()), QString());
    QCOMPARE(QDir(out.path()).entryList({QStringLiteral("routing_*.csv")}).size(), 5);
    QCOMPARE(QDir(out.path()).entryList({QStringLiteral("routing_*.png")}).size(), 5);
    QCOMPARE(QDir(out.path()).entryList({QStringLiteral("routing_*.svg")}).size(), 5);
    QFile csv(out.filePath(QStringLiteral("routing_load_by_step.csv")));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    QCOMPARE(csv.readAll().count('\n'), 1 + 10 * 2 * 4);
  }

  void routingFileCutAtAnyByte() {
    QTemporaryDir folder;
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    MadeRun made;
    made.steps = 30;
    made.routing = madeRouting(1, 2, 30, 10);
    QVERIFY(makeRun(run, made));
    const auto whole = fs::file_size(run / "routing.bin");
    std::ifstream in(run / "routing.bin", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    QCOMPARE(bytes.size(), whole);
    QCOMPARE(whole % 3, 0u);
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1216, 728);
    page.show();
    for (std::size_t cut = 0; cut <= bytes.size(); cut += 7) {
      std::ofstream(run / "routing.bin", std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(cut));
      QVERIFY(w.session.show(run));
      QTRY_COMPARE(w.session.series().steps().size(), 30u);
      QTRY_COMPARE(page.history().frames().size(), cut / (whole / 3));
      for (const auto& frame : page.history().frames()) QCOMPARE(frame->layers[0].assigned.size(), 2u);
      if (page.history().empty()) QTRY_VERIFY(allText(page).contains(QStringLiteral("no routing was logged")));
    }
  }

  void longRunsStayAtHand_data() {
    QTest::addColumn<int>("layers");
    QTest::addColumn<int>("experts");
    QTest::newRow("8 x 16") << 8 << 16;
    QTest::newRow("4 x 512") << 4 << 512;
  }
  void longRunsStayAtHand() {
    QFETCH(int, layers);
    QFETCH(int, experts);
    const auto work = [] {
      timespec t{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
    };
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1400, 800);
    const int windows = experts > 100 ? 1000 : 3000;
    route(w, layers, experts, windows * 10, 10, 400);
    const double begin = work();
    page.show();
    QTest::qWait(300);
    const double opened = work();
    QTest::keyClick(&page, Qt::Key_Left);
    QTest::qWait(50);
    const double moved = work();
    QTest::keyClick(&page, Qt::Key_PageDown);
    QTest::qWait(50);
    const double layer = work();
    route(w, layers, experts, windows * 10 + 10, windows * 10 + 10);   // one window more
    QTRY_COMPARE(w.session.series().routing().size(), static_cast<std::size_t>(windows) + 1);
    QTest::qWait(300);
    qInfo("%d windows of %d x %d: opened in %.0f ms of work, cursor moved in %.0f, layer changed in %.0f, one window more in %.0f", windows, layers, experts,
          opened - begin, moved - opened, layer - moved, work() - layer);
    QCOMPARE(w.cursor.step(), windows * 10 - 10);
    QCOMPARE(w.cursor.layer(), 1);
  }

  void liveRunFillsThePage() {
    TestWorkspace w;
    RoutingPage page(w.workspace);
    page.resize(1216, 728);
    page.show();
    QVERIFY(w.commands->train(smallSpec()));
    QTRY_VERIFY(page.history().frames().size() > 3);
    QTRY_VERIFY(allText(page).contains(QStringLiteral("Load by step")));
    w.session.post(Stop{true});
    QTRY_VERIFY(!w.session.isActive());
  }

  void pictures() {
    const QByteArray folder = qgetenv("SERP_TEST_PICTURES");
    if (folder.isEmpty()) QSKIP("set SERP_TEST_PICTURES to a folder to see the page");
    for (const auto kind : {ThemeKind::Dark, ThemeKind::Light}) {
      Theme::instance().setKind(kind);
      for (const int experts : {4, 16, 64}) {
        for (const QSize size : {QSize(1216, 728), QSize(1856, 1008)}) {
          TestWorkspace w;
          RoutingPage page(w.workspace);
          page.resize(size);
          route(w, 4, experts, 1200, 10, 500);
          w.cursor.setLayer(2);
          w.cursor.setExpert(experts / 3);
          w.cursor.setToken(40);
          page.show();
          QTest::qWait(400);
          const QString name = QStringLiteral("%1/routing_%2_%3_%4.png").arg(QString::fromLocal8Bit(folder), kind == ThemeKind::Dark ? "dark" : "light").arg(experts).arg(size.width());
          QVERIFY(page.grab().save(name));
        }
      }
    }
    Theme::instance().setKind(ThemeKind::Dark);
  }
};

QTEST_MAIN(TestRoutingPage)
#include "tst_routing_page.moc"
