// SPDX-License-Identifier: GPL-3.0-or-later
// The palette finds by a few letters and runs what it shows.
#include <QLineEdit>
#include <QListWidget>
#include <QtTest>

#include "app/widgets/command_palette.h"

using namespace serp::app;

class TestPalette : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void scores() {
    QCOMPARE(fuzzyScore("xyz", "Show Train"), -1);
    QVERIFY(fuzzyScore("st", "Show Train") > 0);
    QVERIFY(fuzzyScore("train", "Show Train") > fuzzyScore("train", "The rain in spain"));
    QVERIFY(fuzzyScore("moe", "start/moe_mamba") >= 0);
    QVERIFY(fuzzyScore("ST", "show train") > 0);
  }
  void entriesComeFromActionsAndProviders() {
    QWidget window;
    window.resize(800, 600);
    ActionRegistry actions;
    int trained = 0, opened = 0;
    QAction* train = actions.add("train.toggle", "Train it here", QKeySequence(Qt::Key_Space), "Train", &window, [&] { ++trained; });
    actions.add("page.compare", "Show Compare", {}, "Page", &window, [] {});
    actions.addProvider([&] { return std::vector<PaletteEntry>{{"start/moe_mamba", "Preset", "small", [&] { ++opened; }, true}}; });
    CommandPalette palette(actions, &window);
    window.show();
    palette.open();
    QCOMPARE(palette.list()->count(), 3);
    QTest::keyClicks(palette.field(), "moe");
    QCOMPARE(palette.list()->count(), 1);
    QTest::keyClick(palette.field(), Qt::Key_Return);
    QCOMPARE(opened, 1);
    QVERIFY(!palette.isVisible());
    train->setEnabled(false);
    palette.open();
    QTest::keyClicks(palette.field(), "train it");
    QTest::keyClick(palette.field(), Qt::Key_Return);
    QCOMPARE(trained, 0);                                // disabled actions cannot be run from here either
    train->setEnabled(true);
    palette.open();
    QTest::keyClicks(palette.field(), "train it");
    QTest::keyClick(palette.field(), Qt::Key_Return);
    QCOMPARE(trained, 1);
    palette.open();
    QTest::keyClick(palette.field(), Qt::Key_Escape);
    QVERIFY(!palette.isVisible());
  }
};

QTEST_MAIN(TestPalette)
#include "tst_palette.moc"
