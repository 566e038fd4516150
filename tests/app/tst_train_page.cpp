// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page on a pretended run: empty state, Space, curves, knobs as one edit per gesture, events, hidden pages at rest.
#include <QDoubleSpinBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QtTest>

#include "app/pages/train/curves_panel.h"
#include "app/pages/train/events_list.h"
#include "app/pages/train/live_knobs.h"
#include "app/pages/train_page.h"
#include "app/widgets/knob.h"
#include "app/widgets/plot_view.h"
#include "tests/app/support/test_workspace.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

class TestTrainPage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }
  void emptyStateThenSpace() {
    TestWorkspace w;
    TrainPage page(w.workspace, *w.commands);
    page.addAction(w.actions.find("train.toggle"));
    page.resize(1216, 728);
    page.show();
    QVERIFY(QTest::qWaitForWindowActive(&page));
    QVERIFY(page.showsEmptyState());
    QVERIFY(page.bigButton()->isEnabled());
    page.setFocusPolicy(Qt::StrongFocus);
    page.setFocus();
    QTest::keyClick(&page, Qt::Key_Space);
    QTRY_VERIFY(!page.showsEmptyState());
    QVERIFY(page.showsFirstMinute());
    page.showInstruments();
    QTRY_VERIFY(page.curves()->loss()->data(0).size() > 20);
    QCOMPARE(page.curves()->loss()->data(0).y()[4], w.session.series().steps()[4].loss);
    w.session.post(Stop{true});
    QTRY_VERIFY(!w.session.isActive());
  }
  void knobsComeFromTheCatalogue() {
    TestWorkspace w;
    TrainPage page(w.workspace, *w.commands);
    page.show();
    QVERIFY(w.commands->train(smallSpec()));
    page.showInstruments();
    QTRY_VERIFY(!w.session.series().steps().empty());
    QStringList paths;
    for (const Knob* knob : page.knobs()->knobs()) paths << knob->spec().path;
    QCOMPARE(paths.front(), QStringLiteral("train.learning_rate_scale"));
    for (const char* path : {"**.balance", "**.capacity_factor", "**.jitter", "**.experts"}) QVERIFY2(paths.contains(path), path);
    Knob* balance = page.knobs()->knobs()[static_cast<std::size_t>(paths.indexOf("**.balance"))];
    QVERIFY(balance->isEnabled());
    QSignalSpy committed(balance, &Knob::committed);
    // A drag over many positions is one edit, one event, one marker.
    KnobSlider* slider = balance->slider();
    QTest::mousePress(slider, Qt::LeftButton, {}, {20, 10});
    for (int x = 25; x < 80; x += 5) QTest::mouseMove(slider, {x, 10});
    slider->setValue(700);
    QCOMPARE(committed.count(), 0);
    QTest::mouseRelease(slider, Qt::LeftButton, {}, {80, 10});
    QCOMPARE(committed.count(), 1);
    QTRY_COMPARE(w.commands->liveValues().size(), 1u);
    QTRY_VERIFY(page.events()->model()->rowCount() >= 2);
    balance->resetToPreset();
    QCOMPARE(balance->value(), 0.01);
    QCOMPARE(committed.count(), 2);
  }
  void knobSendsOnlyWhatWasEdited() {
    KnobSpec spec;
    spec.preset = 0.0123456;                               // finer than the field shows
    Knob knob(spec);
    QSignalSpy committed(&knob, &Knob::committed);
    Q_EMIT knob.field()->editingFinished();                // the focus went elsewhere
    QCOMPARE(committed.count(), 0);
    QCOMPARE(knob.value(), 0.0123456);
    knob.field()->setValue(0.05);
    Q_EMIT knob.field()->editingFinished();
    QCOMPARE(committed.count(), 1);
    knob.resetToPreset();
    QCOMPARE(committed.count(), 2);
    QCOMPARE(committed.back().front().toDouble(), 0.0123456);
    knob.resetToPreset();
    QCOMPARE(committed.count(), 2);
  }
  void knobsFollowStepsTakenBack() {
    TestWorkspace w;
    TrainPage page(w.workspace, *w.commands);
    page.show();
    QVERIFY(w.commands->train(smallSpec()));
    page.showInstruments();
    QTRY_VERIFY(w.session.series().steps().size() > 5);
    w.session.post(Pause{});
    QTRY_COMPARE(w.session.state(), RunState::Paused);
    w.commands->setLive("**.balance", 0.5);
    const auto& knobs = page.knobs()->knobs();
    const auto balance = std::find_if(knobs.begin(), knobs.end(), [](const Knob* k) { return k->spec().path == QStringLiteral("**.balance"); });
    QVERIFY(balance != knobs.end());
    QTRY_COMPARE((*balance)->value(), 0.5);
    StepRecord again;
    again.step = 1;
    w.session.series().append(std::vector<StepRecord>{again});   // a checkpoint from before the edit
    w.session.series().flush();
    QCOMPARE((*balance)->value(), 0.01);
  }
  void hiddenPageDoesNotDraw() {
    TestWorkspace w;
    TrainPage page(w.workspace, *w.commands);
    QVERIFY(w.commands->train(smallSpec()));
    QTRY_VERIFY(w.session.series().steps().size() > 30);
    QCOMPARE(page.curves()->loss()->data(0).size(), 0u);
    page.show();
    QTRY_VERIFY(page.curves()->loss()->data(0).size() > 30);
  }
  void axesShareTheirPoints() {
    TestWorkspace w;
    TrainPage page(w.workspace, *w.commands);
    page.resize(1216, 728);
    page.show();
    QVERIFY(w.commands->train(smallSpec()));
    page.showInstruments();
    QTRY_VERIFY(w.session.series().steps().size() > 60);
    page.curves()->setAxis(RunAxis::Tokens);
    QCOMPARE(page.curves()->loss()->data(0).x()[9], 10.0 * 4096);
    Q_EMIT page.curves()->loss()->cursorMoved(20480);
    QCOMPARE(page.curves()->gradNorm()->cursor(), 20480.0);
    w.actions.trigger("train.toggle");
    QTRY_COMPARE(w.session.state(), RunState::Paused);
    if (const QByteArray file = qgetenv("SERP_TEST_PICTURE"); !file.isEmpty()) page.grab().save(QString::fromLocal8Bit(file));
  }
};

QTEST_MAIN(TestTrainPage)
#include "tst_train_page.moc"
