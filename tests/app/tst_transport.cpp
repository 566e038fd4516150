// SPDX-License-Identifier: GPL-3.0-or-later
// Buttons show what was acknowledged, never what was pressed; a hundred pauses and resumes end in the right state.
#include <QLabel>
#include <QSignalSpy>
#include <QtTest>

#include "app/widgets/transport_bar.h"
#include "tests/app/support/made_runs.h"
#include "tests/app/support/test_workspace.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

class TestTransport : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void startsTheOpenDesign() {
    TestWorkspace w;
    TransportBar bar(w.session, w.actions);
    bar.show();
    QCOMPARE(bar.toggleButton()->text(), QStringLiteral("Train it here"));
    QVERIFY(bar.toggleButton()->isEnabled());
    QVERIFY(!bar.stepButton()->isEnabled());
    QVERIFY(!bar.stopButton()->isEnabled());
    bar.toggleButton()->click();
    QTRY_COMPARE(bar.toggleButton()->text(), QStringLiteral("Pause"));
    QTRY_COMPARE(bar.stateLabel()->text(), QStringLiteral("Running"));
    QTRY_VERIFY(w.session.series().steps().size() > 5);
    QVERIFY(bar.stopButton()->isEnabled());
  }
  void pendingUntilAnswered() {
    FakeSession* fake = nullptr;
    FakeSession::Options options;
    options.holdAnswers = true;
    TestWorkspace w(fakeOpener(options, &fake));
    TransportBar bar(w.session, w.actions);
    bar.show();
    bar.toggleButton()->click();
    QTRY_COMPARE(bar.stateLabel()->text(), QStringLiteral("Running"));
    bar.toggleButton()->click();
    QCOMPARE(bar.toggleButton()->text(), QStringLiteral("Pausing…"));
    QVERIFY(!bar.toggleButton()->isEnabled());
    QVERIFY(!bar.stepButton()->isEnabled());
    QVERIFY(bar.stopButton()->isEnabled());              // "just stop" works at any time
    QTest::qWait(150);
    QCOMPARE(bar.stateLabel()->text(), QStringLiteral("Running"));  // still what the runner says
    QCOMPARE(bar.toggleButton()->text(), QStringLiteral("Pausing…"));
    fake->release();
    QTRY_COMPARE(bar.stateLabel()->text(), QStringLiteral("Paused"));
    QTRY_COMPARE(bar.toggleButton()->text(), QStringLiteral("Resume"));
    const auto before = w.session.series().steps().size();
    bar.stepButton()->click();
    QTRY_COMPARE(w.session.series().steps().size(), before + 1);
    QTRY_VERIFY(bar.stepButton()->isEnabled());
    bar.stopButton()->click();
    QTRY_COMPARE(bar.stateLabel()->text(), QStringLiteral("Stopped"));
    QVERIFY(!bar.stopButton()->isEnabled());
    QVERIFY(!w.session.isActive());
  }
  void doubleClickDoesNotRace() {
    TestWorkspace w;
    TransportBar bar(w.session, w.actions);
    bar.show();
    bar.toggleButton()->click();
    QTRY_COMPARE(w.session.state(), RunState::Running);
    bar.toggleButton()->click();
    bar.toggleButton()->click();                         // pending: nothing more is sent
    QTRY_COMPARE(w.session.state(), RunState::Paused);
    QTest::qWait(80);
    QCOMPARE(w.session.state(), RunState::Paused);
  }
  void twoHundredPauses() {
    TestWorkspace w;
    QVERIFY(w.commands->train(smallSpec()));
    QTRY_COMPARE(w.session.state(), RunState::Running);
    std::vector<double> ms;
    for (int i = 0; i < 200; ++i) {
      w.actions.trigger("train.toggle");
      QTRY_VERIFY(!w.session.pending());
      ms.push_back(w.session.lastAckMs());
    }
    QCOMPARE(w.session.state(), RunState::Running);
    std::sort(ms.begin(), ms.end());
    qInfo() << "click to acknowledgement, ms: median" << ms[100] << "worst" << ms.back();
  }
  void continuingIsForgottenWithItsRun() {
    TestWorkspace w;
    const std::filesystem::path base(w.folder.path().toStdString());
    MadeRun made;
    made.steps = 50;
    QVERIFY(makeRun(base / "a", made));
    made.steps = 30;
    QVERIFY(makeRun(base / "b", made));
    QVERIFY(w.session.resume(base / "a"));
    QVERIFY(w.session.isActive());                       // though there is no session before the past is read
    QVERIFY(!w.session.hasSession());
    QVERIFY(w.session.show(base / "b"));
    QVERIFY(!w.session.isActive());
    QTRY_COMPARE(w.session.series().steps().size(), 30u);
    QTest::qWait(50);
    QVERIFY(!w.session.hasSession());                    // showing a run does not train it
    QVERIFY(w.session.resume(base / "a"));
    w.session.post(Stop{true});
    QVERIFY(!w.session.isActive());
    QTRY_COMPARE(w.session.series().steps().size(), 50u);
    QVERIFY(!w.session.hasSession());
    QVERIFY(w.session.resume(base / "a"));
    QTRY_VERIFY(w.session.hasSession());
    QTRY_COMPARE(w.session.state(), RunState::Running);
  }
  void stoppingOneRunByStartingAnother() {
    TestWorkspace w;
    QSignalSpy changed(&w.session, &SessionController::runChanged);
    QVERIFY(w.commands->train(smallSpec()));
    QTRY_VERIFY(!w.session.series().steps().empty());
    QElapsedTimer timer;
    timer.start();
    QVERIFY(w.commands->branch({{"**.experts", "4"}}));
    QVERIFY(timer.elapsed() < 100);
    QCOMPARE(changed.count(), 2);
    QTRY_COMPARE(w.session.state(), RunState::Running);
    QVERIFY(!w.commands->branch({{"**.expert", "4"}}));   // unknown key: the old run goes on
    QCOMPARE(w.session.state(), RunState::Running);
  }
};

QTEST_MAIN(TestTransport)
#include "tst_transport.moc"
