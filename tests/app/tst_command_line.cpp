// SPDX-License-Identifier: GPL-3.0-or-later
// Arguments: what is accepted, and one clear sentence for what is not.
#include <QtTest>

#include "app/shell/command_line.h"

using namespace serp::app;

class TestCommandLine : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void accepted() {
    const CommandLine a = parseCommandLine({"--start", "start/moe_mamba", "--set", "train.steps=50", "--set=**.experts=4", "--out", "/tmp/x"});
    QVERIFY2(a.error.isEmpty(), qPrintable(a.error));
    QCOMPARE(a.overrides.size(), 2u);
    QCOMPARE(QString::fromStdString(a.overrides[1].first), QStringLiteral("**.experts"));
    const CommandLine b = parseCommandLine({"--screenshot", "a.png", "--page", "train", "--after-steps", "20", "--size", "1920x1080", "--theme=light"});
    QVERIFY2(b.error.isEmpty(), qPrintable(b.error));
    QCOMPARE(b.size, QSize(1920, 1080));
    QCOMPARE(b.afterSteps, 20);
    const CommandLine c = parseCommandLine({"--plot", "last", "run2", "--x", "tokens", "--y", "loss", "--log-x", "--log-y", "--out", "a.svg"});
    QVERIFY2(c.error.isEmpty(), qPrintable(c.error));
    QCOMPARE(c.paths, (QStringList{"last", "run2"}));
    QVERIFY(parseCommandLine({"design.yaml"}).error.isEmpty());
  }
  void refused_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("word");
    QTest::newRow("unknown") << QStringList{"--bogus"} << "--bogus";
    QTest::newRow("page") << QStringList{"--page", "nope"} << "nope";
    QTest::newRow("size") << QStringList{"--screenshot", "a.png", "--size", "12"} << "--size";
    QTest::newRow("value") << QStringList{"--start"} << "needs a value";
    QTest::newRow("set") << QStringList{"--start", "a", "--set", "experts"} << "KEY=VALUE";
    QTest::newRow("set alone") << QStringList{"--set", "a=1"} << "--start";
    QTest::newRow("steps") << QStringList{"--screenshot", "a.png", "--after-steps", "many"} << "number";
    QTest::newRow("plot out") << QStringList{"--plot", "last"} << "--out";
    QTest::newRow("plot runs") << QStringList{"--plot", "--out", "a.svg"} << "run";
    QTest::newRow("plot ending") << QStringList{"--plot", "last", "--out", "a.doc"} << "ending";
    QTest::newRow("plot y") << QStringList{"--plot", "last", "--out", "a.svg", "--y", "los"} << "loss";
    QTest::newRow("plot x") << QStringList{"--plot", "last", "--out", "a.svg", "--x", "epoch"} << "tokens";
    QTest::newRow("x alone") << QStringList{"--x", "step"} << "--plot";
    QTest::newRow("theme") << QStringList{"--theme", "pink"} << "dark or light";
  }
  void refused() {
    QFETCH(QStringList, arguments);
    QFETCH(QString, word);
    const CommandLine line = parseCommandLine(arguments);
    QVERIFY(!line.error.isEmpty());
    QVERIFY2(line.error.contains(word), qPrintable(line.error));
  }
};

QTEST_GUILESS_MAIN(TestCommandLine)
#include "tst_command_line.moc"
