// SPDX-License-Identifier: GPL-3.0-or-later
// The runs table: figures, colours that stay, eyes, renaming, trash with undo, unreadable folders, a thousand runs.
#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <fstream>

#include "app/models/runs_model.h"
#include "app/style/theme.h"
#include "tests/app/support/made_runs.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;
namespace fs = std::filesystem;

class TestRunsModel : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void figuresOfARun() {
    QTemporaryDir folder;
    MadeRun made;
    made.name = "alpha", made.seed = 7, made.steps = 100, made.evalEvery = 50, made.loss = [](int step) { return 3.0 - 0.01 * step; };
    QVERIFY(makeRun(fs::path(folder.path().toStdString()) / "alpha-s7", made));
    RunsModel model(folder.path().toStdString());
    QSignalSpy loaded(&model, &RunsModel::loaded);
    model.refresh();
    QVERIFY(loaded.wait());
    QCOMPARE(model.rowCount(), 1);
    const auto text = [&](int column) { return model.index(0, column).data().toString(); };
    QCOMPARE(text(RunsModel::Name), QStringLiteral("alpha, seed 7"));
    QCOMPARE(text(RunsModel::Pattern), QStringLiteral("(ME)2"));
    QCOMPARE(text(RunsModel::Status), QStringLiteral("finished"));
    QCOMPARE(text(RunsModel::Steps), QStringLiteral("100"));
    QCOMPARE(model.index(0, RunsModel::Tokens).data(RunsModel::SortRole).toLongLong(), 100000);
    QCOMPARE(text(RunsModel::Last), QStringLiteral("2.250"));   // held out at step 100: 3 - 1 + 0.25
    QCOMPARE(text(RunsModel::Best), QStringLiteral("2.250"));
    QCOMPARE(text(RunsModel::Equal), QStringLiteral("–"));
    const QString id = model.index(0, 0).data(RunsModel::IdRole).toString();
    model.setEqualTokens(50000, {{id, 2.75}});
    QCOMPARE(text(RunsModel::Equal), QStringLiteral("2.750"));
    model.setBaseline(id);
    QCOMPARE(text(RunsModel::Against), QStringLiteral("baseline"));
  }

  void coloursStayWhenRunsCome() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    MadeRun made;
    made.name = "first";
    QVERIFY(makeRun(base / "first", made));
    RunsModel model(base);
    QSignalSpy loaded(&model, &RunsModel::loaded);
    model.refresh();
    QVERIFY(loaded.wait());
    const QString first = model.index(0, 0).data(RunsModel::IdRole).toString();
    const QColor colour = model.colour(first);
    made.name = "second";
    QVERIFY(makeRun(base / "second", made));
    model.refresh();
    QTRY_COMPARE(model.rowCount(), 2);
    QCOMPARE(model.colour(first), colour);
    const QString other = model.index(1 - model.rowOf(first), 0).data(RunsModel::IdRole).toString();
    QVERIFY(model.colour(other) != colour);
  }

  void seedsShareAColourRepeatsDoNot() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    for (const int seed : {1, 2, 3}) {
      MadeRun made;
      made.name = "seeds", made.seed = static_cast<std::uint64_t>(seed);
      QVERIFY(makeRun(base / ("s" + std::to_string(seed)), made));
    }
    MadeRun again;
    again.name = "seeds", again.seed = 1;          // the same seed once more: something else was changed
    QVERIFY(makeRun(base / "again", again));
    RunsModel model(base);
    QSignalSpy loaded(&model, &RunsModel::loaded);
    model.refresh();
    QVERIFY(loaded.wait());
    QHash<int, int> uses;
    for (int row = 0; row < 4; ++row) ++uses[model.colourIndex(model.index(row, 0).data(RunsModel::IdRole).toString())];
    QCOMPARE(uses.value(0), 3);
    QCOMPARE(uses.value(1), 1);
  }

  void renameIsWrittenAndSurvives() {
    QTemporaryDir folder;
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    QVERIFY(makeRun(run, {}));
    RunsModel model(folder.path().toStdString());
    QSignalSpy loaded(&model, &RunsModel::loaded), problem(&model, &RunsModel::problem);
    model.refresh();
    QVERIFY(loaded.wait());
    const QModelIndex name = model.index(0, RunsModel::Name);
    QVERIFY(name.flags() & Qt::ItemIsEditable);
    QCOMPARE(name.data(Qt::EditRole).toString(), QStringLiteral("made"));
    QVERIFY(model.setData(name, QStringLiteral("  wider mixture "), Qt::EditRole));
    QCOMPARE(model.index(0, RunsModel::Name).data(Qt::EditRole).toString(), QStringLiteral("wider mixture"));
    QTRY_COMPARE(QString::fromStdString(readSummary(run)->name), QStringLiteral("wider mixture"));
    QCOMPARE(readSummary(run)->steps, 100);
    QCOMPARE(problem.count(), 0);
    model.setData(model.index(0, RunsModel::Name), QStringLiteral("   "), Qt::EditRole);
    QCOMPARE(problem.count(), 1);
    QCOMPARE(QString::fromStdString(readSummary(run)->name), QStringLiteral("wider mixture"));
  }

  void renameOfAWrittenRunIsRefused() {
    QTemporaryDir folder;
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    auto spec = parseRunSpec(madeDesign("busy", 1));
    QVERIFY(spec);
    RunMeta meta;
    meta.name = "busy";
    auto held = RunFolder::create(run, meta, madeDesign("busy", 1), resolvedText(*spec));  // keeps the lock
    QVERIFY(held);
    RunsModel model(folder.path().toStdString());
    QSignalSpy loaded(&model, &RunsModel::loaded), problem(&model, &RunsModel::problem);
    model.refresh();
    QVERIFY(loaded.wait());
    model.setData(model.index(0, RunsModel::Name), QStringLiteral("other"), Qt::EditRole);
    QVERIFY(problem.wait());
    QVERIFY(problem.front().front().toString().contains(QStringLiteral("still being written")));
    QTRY_COMPARE(model.index(0, RunsModel::Name).data(Qt::EditRole).toString(), QStringLiteral("busy"));  // what the file says
  }

  void trashAndUndo() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    QVERIFY(makeRun(base / "a", {}));
    QVERIFY(makeRun(base / "b", {}));
    RunsModel model(base);
    QSignalSpy loaded(&model, &RunsModel::loaded), trashed(&model, &RunsModel::trashed);
    model.refresh();
    QVERIFY(loaded.wait());
    QCOMPARE(model.rowCount(), 2);
    model.trash({model.index(0, 0).data(RunsModel::IdRole).toString(), model.index(1, 0).data(RunsModel::IdRole).toString()});
    QCOMPARE(model.rowCount(), 0);                 // at once
    QVERIFY(trashed.wait());
    QCOMPARE(trashed.front().front().toInt(), 2);
    QVERIFY(fs::exists(base / ".trash" / "a" / "metrics.jsonl") && fs::exists(base / ".trash" / "b" / "metrics.jsonl"));
    QVERIFY(!fs::exists(base / "a"));
    QTRY_COMPARE(model.rowCount(), 0);
    model.restore(2);
    QTRY_COMPARE(model.rowCount(), 2);
    QVERIFY(fs::exists(base / "a" / "metrics.jsonl") && fs::exists(base / "b" / "metrics.jsonl"));
  }

  void brokenFoldersAreListedAsSuch() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    QVERIFY(makeRun(base / "good", {}));
    fs::create_directories(base / "bad");
    std::ofstream(base / "bad" / "meta.json") << "{ not json";
    std::ofstream(base / "bad" / "metrics.jsonl") << "";
    fs::create_directories(base / "no_run");
    RunsModel model(base);
    QSignalSpy loaded(&model, &RunsModel::loaded);
    model.refresh();
    QVERIFY(loaded.wait());
    QCOMPARE(model.rowCount(), 2);
    int unreadable = 0;
    for (int row = 0; row < 2; ++row) {
      const QModelIndex status = model.index(row, RunsModel::Status);
      if (status.data().toString() != QStringLiteral("unreadable")) continue;
      ++unreadable;
      QVERIFY(!status.data(Qt::ToolTipRole).toString().isEmpty());
      QCOMPARE(status.data(Qt::ForegroundRole).value<QColor>(), Theme::instance().color(Tone::Danger));
    }
    QCOMPARE(unreadable, 1);
  }

  void showOnlyIsOneSignal() {
    QTemporaryDir folder;
    const fs::path base(folder.path().toStdString());
    for (int i = 0; i < 5; ++i) QVERIFY(makeRun(base / ("run" + std::to_string(i)), {}));
    RunsModel model(base);
    QSignalSpy loaded(&model, &RunsModel::loaded), shown(&model, &RunsModel::shownChanged);
    model.refresh();
    QVERIFY(loaded.wait());
    const QString keep = model.index(2, 0).data(RunsModel::IdRole).toString();
    model.showOnly({keep});
    QCOMPARE(shown.count(), 1);
    int count = 0;
    for (int row = 0; row < 5; ++row) count += model.index(row, RunsModel::Eye).data(Qt::CheckStateRole).toInt() == Qt::Checked;
    QCOMPARE(count, 1);
    QVERIFY(model.isShown(keep));
  }
};

QTEST_MAIN(TestRunsModel)
#include "tst_runs_model.moc"
