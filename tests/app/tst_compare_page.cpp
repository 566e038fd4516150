// SPDX-License-Identifier: GPL-3.0-or-later
// The Compare page: arithmetic of comparing by hand, seeds as one with a band, filter, eyes, exports, and a thousand runs at hand.
#include <QElapsedTimer>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <ctime>
#include <fstream>

#include "app/pages/compare/compare_curves.h"
#include "app/pages/compare/differences_panel.h"
#include "app/pages/compare/direct_labels.h"
#include "app/pages/compare/loss_panel.h"
#include "app/pages/compare/run_table.h"
#include "app/pages/compare/share_panel.h"
#include "app/pages/compare_page.h"
#include "app/widgets/plot_view.h"
#include "tests/app/support/made_runs.h"
#include "tests/app/support/test_workspace.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;
namespace fs = std::filesystem;

namespace {

/// A page on a folder of runs of its own.
struct Bench {
  Bench() : base(folder.path().toStdString()) {
    w.runs.setFolder(base);
    page = std::make_unique<ComparePage>(w.workspace);
    page->resize(1216, 728);
  }
  bool make(const std::string& name, const MadeRun& run) { return makeRun(base / name, run); }
  bool loaded(std::size_t runs) {
    page->show();
    return QTest::qWaitFor([&] {
      std::size_t read = 0;
      for (const RunSummary& run : w.runs.runs()) read += page->curves().find(RunsModel::idOf(run)) != nullptr;
      return read >= runs && page->curves().reading() == 0;
    }) && QTest::qWaitFor([&] { return page->loss()->plot()->curveCount() > 0; });
  }
  QString idOf(const std::string& folderName) const {
    for (const RunSummary& run : w.runs.runs())
      if (run.folder.filename() == folderName) return RunsModel::idOf(run);
    return {};
  }
  QTemporaryDir folder;
  fs::path base;
  TestWorkspace w;
  std::unique_ptr<ComparePage> page;
};

RunCurves curvesOf(std::vector<double> losses, int every = 1) {
  RunCurves out;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    EvalRecord e;
    e.step = static_cast<std::int64_t>(i + 1) * every, e.tokens = e.step * 10, e.loss = losses[i];
    out.evals.push_back(e);
  }
  return out;
}

}  // namespace

class TestComparePage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void comparingByHand() {
    const RunCurves base = curvesOf({5, 4, 3, 2}), fast = curvesOf({4, 2, 1, 0.5}), slow = curvesOf({6, 5, 4, 3});
    // fast falls from 4 to 2 between steps 1 and 2 and reaches 2 at step 2: 2 of 4 steps.
    QCOMPARE(*shareOfSteps(fast, base), 0.5);
    QCOMPARE(*shareOfSteps(base, base), 1.0);
    QVERIFY(!shareOfSteps(slow, base));
    QCOMPARE(lossAtTokens(lossPoints(base, {true, 0}), 25), 3.5);
    QVERIFY(std::isnan(lossAtTokens(lossPoints(base, {true, 0}), 41)));
    QVERIFY(std::isnan(lossAtTokens(lossPoints(base, {true, 0}), 5)));
    QCOMPARE(reaching(lossPoints(base, {true, 0}), 2.5)->tokens, 35.0);
    QVERIFY(commonMeasure({&base, &fast}).heldOut);
    const RunCurves none, late = curvesOf({1, 1}, 100);
    QVERIFY(commonMeasure({&base, &none}).heldOut);    // nothing recorded: does not count
    RunCurves trained;
    for (int i = 1; i <= 12; ++i) {
      StepRecord r;
      r.step = i, r.tokens = i * 10, r.loss = i;
      trained.steps.push_back(r);
    }
    const Measure by = commonMeasure({&base, &trained});   // one has no held-out losses: training, a quarter of twelve
    QVERIFY(!by.heldOut);
    QCOMPARE(by.window, 3u);
    QCOMPARE(lossPoints(trained, by).size(), 4u);
    QCOMPARE(lossPoints(trained, by)[1].loss, 5.0);        // of steps 4, 5, 6
    QCOMPARE(lossPoints(trained, by)[1].tokens, 60.0);
    QCOMPARE(lossPoints(trained, {false, 5}).size(), 3u);
    QCOMPARE(lossPoints(trained, {false, 5})[2].loss, 10.0);   // the last one is over a whole window as well: 8 to 12
    QVERIFY(!commonMeasure({&base, &late}).heldOut);       // its first one comes after the other's last
  }

  void continuedRunIsReadAgain() {
    QTemporaryDir folder;
    const fs::path run = fs::path(folder.path().toStdString()) / "run";
    CompareCurves curves;
    const auto stepsRead = [&](int steps, bool anew) {
      MadeRun made;
      made.steps = steps, made.evalEvery = 10;
      if (anew) fs::remove_all(run);
      if (anew && !makeRun(run, made)) return std::size_t{0};
      curves.want(QStringLiteral("run"), run, true, steps);
      if (!QTest::qWaitFor([&] { return curves.reading() == 0; })) return std::size_t{0};
      const auto found = curves.find(QStringLiteral("run"));
      return found->evals.size() == found->steps.size() / 10 ? found->steps.size() : std::size_t{0};
    };
    QCOMPARE(stepsRead(100, true), 100u);
    const auto first = curves.find(QStringLiteral("run"));
    QCOMPARE(stepsRead(100, false), 100u);
    QCOMPARE(curves.find(QStringLiteral("run")), first);   // nothing new: not read again
    QCOMPARE(stepsRead(150, true), 150u);
    QCOMPARE(stepsRead(60, true), 60u);
  }

  void settingsByHand() {
    const auto a = flattenYaml(QStringLiteral("name: a\nmodel:\n  d_model: 32\n  blocks:\n    - repeat: 2\n      blocks:\n        - {kind: mamba, out_proj: {kind: linear}}\n    - {kind: attention}\ntrain: {seed: 1, steps: 5}\n"));
    QHash<QString, QString> map;
    for (const auto& [key, value] : a) map[key] = value;
    QCOMPARE(map[QStringLiteral("model.blocks[0].repeat")], QStringLiteral("2"));
    QCOMPARE(map[QStringLiteral("model.blocks[0].blocks[0].out_proj.kind")], QStringLiteral("linear"));
    QCOMPARE(map[QStringLiteral("model.blocks[1].kind")], QStringLiteral("attention"));
    QCOMPARE(map[QStringLiteral("train.seed")], QStringLiteral("1"));
    int alike = 0;
    const auto diff = differences({{"a", "1"}, {"b", "2"}, {"d", "9"}}, {{"a", "1"}, {"b", "3"}, {"c", "4"}}, &alike);
    QCOMPARE(alike, 1);
    QCOMPARE(diff.size(), 3u);
    QVERIFY(diff[0].kind == Difference::Kind::Changed && diff[0].before == QStringLiteral("2") && diff[0].after == QStringLiteral("3"));
    QVERIFY(diff[1].kind == Difference::Kind::Added && diff[2].kind == Difference::Kind::Removed);
  }

  void meanAndBandOverSeeds() {
    const auto run = [](std::vector<std::pair<int, double>> points) {
      auto out = std::make_shared<RunCurves>();
      for (const auto& [step, loss] : points) {
        StepRecord r;
        r.step = step, r.tokens = step * 10, r.loss = loss, r.seconds = step;
        out->steps.push_back(r);
      }
      return std::shared_ptr<const RunCurves>(out);
    };
    const std::vector<std::shared_ptr<const RunCurves>> runs{run({{1, 4}, {2, 3}, {3, 2}}), run({{1, 6}, {2, 3.5}, {3, 1}, {4, 1}}), run({{1, 5}, {3, 3}})};
    const auto mean = meanOf(runs);
    QCOMPARE(mean->steps.size(), 2u);              // steps 1 and 3: what all have
    QCOMPARE(mean->steps[0].loss, 5.0);
    QCOMPARE(mean->steps[1].loss, 2.0);
    const SeedBand band = seedBand(runs, 0, 100);
    QCOMPARE(band.low, (std::vector<double>{4, 1}));
    QCOMPARE(band.high, (std::vector<double>{6, 3}));
  }

  void seedsThatStoppedEarlyStayApart() {
    const auto run = [](const char* name, int steps, const char* seed) {
      auto curves = std::make_shared<RunCurves>();
      curves->settings = {{QStringLiteral("model.d_model"), QStringLiteral("32")}, {QStringLiteral("train.seed"), QLatin1String(seed)}};
      for (int i = 1; i <= steps; ++i) {
        StepRecord r;
        r.step = i, r.tokens = i, r.loss = 1;
        curves->steps.push_back(r);
      }
      ShownRun out;
      out.id = out.name = QLatin1String(name) + QLatin1String(seed), out.design = QLatin1String(name), out.curves = curves;
      return out;
    };
    const auto joined = seedsTogether({run("a", 100, "1"), run("a", 49, "2"), run("a", 50, "3"), run("b", 10, "1")});
    QCOMPARE(joined.size(), 3u);
    QCOMPARE(joined[0].name, QStringLiteral("a ×2"));
    QCOMPARE(joined[0].curves->steps.size(), 50u);
    QCOMPARE(joined[1].name, QStringLiteral("a2"));
    QCOMPARE(joined[2].name, QStringLiteral("b"));     // nothing else has that name: the seed says nothing
  }

  void emptyFolderSaysSo() {
    Bench b;
    b.page->show();
    QTRY_VERIFY(b.page->showsEmptyState());
  }

  void tableColumnsAgainstTheBaseline() {
    Bench b;
    MadeRun base, mixture;
    base.name = "plain", base.design = madeDesign("plain", 1, false), base.evalEvery = 10, base.loss = [](int s) { return 4 - 0.02 * s; };
    mixture.name = "mixture", mixture.evalEvery = 10, mixture.steps = 80, mixture.loss = [](int s) { return 4 - 0.03 * s; };
    QVERIFY(b.make("plain", base) && b.make("mixture", mixture));
    QVERIFY(b.loaded(2));
    QCOMPARE(b.w.runs.baseline(), b.idOf("plain"));          // the one without experts
    // Equal tokens: 80 k. Held out: plain 4 − 1.6 + 0.25 = 2.65, mixture 4 − 2.4 + 0.25 = 1.85.
    QTRY_COMPARE(b.w.runs.index(b.w.runs.rowOf(b.idOf("plain")), RunsModel::Equal).data().toString(), QStringLiteral("2.650"));
    const int row = b.w.runs.rowOf(b.idOf("mixture"));
    QCOMPARE(b.w.runs.index(row, RunsModel::Equal).data().toString(), QStringLiteral("1.850"));
    QCOMPARE(b.w.runs.index(row, RunsModel::Against).data().toString(), QStringLiteral("−0.800"));
    QCOMPARE(b.w.runs.headerData(RunsModel::Equal, Qt::Horizontal, Qt::DisplayRole).toString(), QStringLiteral("at 80.0 k tokens").replace(QStringLiteral("0 k"), QStringLiteral("0%1k").arg(QChar(0x00A0))));
    // Differences: the baseline against the best, without anything selected.
    QVERIFY(b.page->settings()->rows() > 0);
    QVERIFY(b.page->settings()->csv().contains(QStringLiteral("switch_moe")));
    // plain's last held-out loss 2.25 is reached by the mixture at 4 − 0.03·s + 0.25 = 2.25, s = 66.67 of 100 steps.
    const QString shares = b.page->shares()->csv();
    QVERIFY2(shares.contains(QStringLiteral("\"mixture\",0.6666")), qPrintable(shares));
    QVERIFY(b.page->loss()->caption().contains(QStringLiteral("mixture")));
    QVERIFY(b.page->loss()->caption().contains(QStringLiteral("−0.800")));
  }

  void seedsBecomeOneCurve() {
    Bench b;
    for (const int seed : {1, 2, 3}) {
      MadeRun made;
      made.name = "three", made.seed = static_cast<std::uint64_t>(seed), made.loss = [seed](int s) { return 4.0 + seed - 0.02 * s; };
      QVERIFY(b.make("s" + std::to_string(seed), made));
    }
    MadeRun other;
    other.name = "wider", other.design = madeDesign("wider", 1, true, 64);
    QVERIFY(b.make("wider", other));
    QVERIFY(b.loaded(4));
    PlotView* plot = b.page->loss()->plot();
    QTRY_COMPARE(plot->curveCount(), 2);
    bool found = false;
    for (int c = 0; c < 2; ++c) found |= std::abs(plot->data(c).y()[0] - (4.0 + 2 - 0.02)) < 1e-12;   // the mean of 1, 2, 3
    QVERIFY(found);
    QVERIFY(b.page->settings()->csv().contains(QStringLiteral("model.d_model")));   // against the other design, not another seed
    b.page->setTogether(false);
    QCOMPARE(plot->curveCount(), 4);
    // A live edit makes a run an experiment of its own.
    {
      Recorder recorder(b.base / "s2", [](const auto&...) {});
      RunEvent edit;
      edit.kind = EventKind::LiveEdit, edit.step = 50, edit.path = "train.learning_rate_scale", edit.before = 1, edit.after = 2;
      recorder.event(edit);
      QVERIFY(recorder.flush());
    }
    Bench again;
    again.w.runs.setFolder(b.base);
    QVERIFY(again.loaded(4));
    QTRY_COMPARE(again.page->loss()->plot()->curveCount(), 3);
  }

  void publishedValuesAreMarks() {
    Bench b;
    MadeRun made;
    made.name = "published", made.design = madeDesign("published", 1) + "reference: {loss: 1.5, steps: 100000, speedup: 2.0, source: \"a paper, Table 1\", baseline: plain}\n";
    MadeRun base;
    base.name = "plain", base.design = madeDesign("plain", 1, false);
    QVERIFY(b.make("published", made) && b.make("plain", base));
    QVERIFY(b.loaded(2));
    int rings = 0, names = 0;
    for (const DirectLabel& label : b.page->loss()->labels()->labels()) {
      if (!label.published) ++names;
      else if (label.y == 1.5 && label.text.contains(QStringLiteral("1.50"))) ++rings;
    }
    QCOMPARE(rings, 1);
    QCOMPARE(names, 2);
    QVERIFY(b.page->shares()->csv().contains(QStringLiteral("\"published\",")));
    QVERIFY(b.page->shares()->csv().contains(QStringLiteral(",0.5\n")));   // half the steps: a speed-up of 2
  }

  void axesAndEyes() {
    Bench b;
    QVERIFY(b.make("one", {}));
    MadeRun two;
    two.name = "two", two.design = madeDesign("two", 1, false);
    QVERIFY(b.make("two", two));
    QVERIFY(b.loaded(2));
    LossPanel* loss = b.page->loss();
    QTRY_COMPARE(loss->plot()->curveCount(), 2);
    QCOMPARE(loss->plot()->data(0).x()[9], 10000.0);         // tokens
    loss->setAxis(CurveAxis::Step);
    QCOMPARE(loss->plot()->data(0).x()[9], 10.0);
    loss->setAxis(CurveAxis::Seconds);
    QVERIFY(std::abs(loss->plot()->data(0).x()[9] - 1.0) < 1e-12);
    loss->setAxis(CurveAxis::Flops);
    QCOMPARE(loss->plot()->data(0).x()[9], 2e10);
    b.w.runs.setShown(b.idOf("one"), false);
    QTRY_COMPARE(loss->plot()->curveCount(), 1);
    b.w.runs.setShown(b.idOf("two"), false);
    QTRY_COMPARE(loss->plot()->curveCount(), 0);
    b.w.runs.setShown(b.idOf("one"), true);
    QTRY_COMPARE(loss->plot()->curveCount(), 1);
  }

  void keysOfTheTable() {
    Bench b;
    QVERIFY(b.make("one", {}));
    QVERIFY(b.loaded(1));
    QVERIFY(QTest::qWaitForWindowActive(b.page.get()));
    RunTable* table = b.page->table();
    table->setFocus();
    table->selectRow(0);
    QTest::keyClick(table, Qt::Key_Space);
    QVERIFY(!b.w.runs.isShown(b.idOf("one")));
    QTest::keyClick(table, Qt::Key_Space);
    QVERIFY(b.w.runs.isShown(b.idOf("one")));
    QTest::keyClick(table, Qt::Key_F2);
    auto* editor = table->findChild<QLineEdit*>();
    QVERIFY(editor);
    QCOMPARE(editor->text(), QStringLiteral("made"));
    editor->setText(QStringLiteral("renamed"));
    QTest::keyClick(editor, Qt::Key_Return);
    QTRY_COMPARE(QString::fromStdString(readSummary(b.base / "one")->name), QStringLiteral("renamed"));
    QSignalSpy notice(&b.w.notices, &Notices::posted);
    table->selectRow(0);
    QTest::keyClick(table, Qt::Key_Delete);
    QTRY_VERIFY(b.page->showsEmptyState());
    QTRY_COMPARE(notice.count(), 1);
    const auto undo = notice.front().front().value<Notice>();
    QCOMPARE(undo.actionText, QStringLiteral("Undo"));
    undo.action();
    QTRY_COMPARE(b.w.runs.rowCount(), 1);
    QTRY_VERIFY(!b.page->showsEmptyState());
  }

  void filterAndSort() {
    Bench b;
    for (const int steps : {50, 100, 150}) {
      MadeRun made;
      made.name = "run" + std::to_string(steps), made.steps = steps, made.design = madeDesign(made.name, 1, steps != 100);
      QVERIFY(b.make(made.name, made));
    }
    QVERIFY(b.loaded(3));
    auto* filter = b.page->topBar()->findChild<QLineEdit*>();
    auto* table = b.page->table();
    filter->setText(QStringLiteral("steps>60"));
    QCOMPARE(table->model()->rowCount(), 2);
    filter->setText(QStringLiteral("steps>60 ME"));
    QCOMPARE(table->model()->rowCount(), 1);
    QCOMPARE(table->model()->index(0, RunsModel::Name).data().toString(), QStringLiteral("run150, seed 1"));
    filter->clear();
    table->sortByColumn(RunsModel::Steps, Qt::DescendingOrder);
    QCOMPARE(table->model()->index(0, RunsModel::Steps).data().toString(), QStringLiteral("150"));
    table->setColumnWanted(RunsModel::Steps, true);
    table->setColumnWanted(RunsModel::Best, false);
    QVERIFY(!table->isColumnHidden(RunsModel::Steps) && table->isColumnHidden(RunsModel::Best));
  }

  void exportsHoldEveryLoggedPoint() {
    Bench b;
    MadeRun made;
    made.steps = 123, made.evalEvery = 40, made.loss = [](int s) { return 1.0 / 3.0 + 1.0 / s; };
    QVERIFY(b.make("a", made));
    made.seed = 2;
    QVERIFY(b.make("b", made));
    QVERIFY(b.loaded(2));
    QTemporaryDir out;
    QCOMPARE(b.page->exportAll(out.path()), QString());
    for (const char* name : {"compare_loss.png", "compare_loss.svg", "compare_loss.pdf", "compare_shares.png", "compare_shares.svg", "compare_shares.pdf", "compare_runs.csv", "compare_curves.csv", "compare_shares.csv", "compare_differences.csv"})
      QVERIFY2(QFileInfo(out.filePath(QLatin1String(name))).size() > 20, name);
    QFile file(out.filePath(QStringLiteral("compare_curves.csv")));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QList<QByteArray> lines = file.readAll().trimmed().split('\n');
    QCOMPARE(lines.size(), 1 + 2 * (123 + 3));
    int found = 0;
    for (const QByteArray& line : lines) {
      const auto cells = line.split(',');
      if (cells[2] == "train" && cells[3] == "7") found += cells[7].toDouble() == 1.0 / 3.0 + 1.0 / 7;   // every digit
      QCOMPARE(cells.size(), lines[0].split(',').size());
    }
    QCOMPARE(found, 2);
    QFile runs(out.filePath(QStringLiteral("compare_runs.csv")));
    QVERIFY(runs.open(QIODevice::ReadOnly));
    QCOMPARE(runs.readAll().trimmed().split('\n').size(), 3);
    QVERIFY(!b.page->exportAll(QStringLiteral("/proc/no/such/place")).isEmpty());
  }

  void damagedRunsDoNotStopTheOthers() {
    Bench b;
    QVERIFY(b.make("good", {}));
    QVERIFY(b.make("torn", {}));
    fs::resize_file(b.base / "torn" / "metrics.jsonl", fs::file_size(b.base / "torn" / "metrics.jsonl") / 2 + 3);
    fs::remove(b.base / "torn" / "resolved.yaml");
    fs::create_directories(b.base / "bad");
    std::ofstream(b.base / "bad" / "meta.json") << "nonsense";
    QVERIFY(b.loaded(2));
    QTRY_COMPARE(b.w.runs.rowCount(), 3);
    const auto torn = b.page->curves().find(b.idOf("torn"));
    QVERIFY(torn && torn->steps.size() > 30 && torn->steps.size() < 100);
  }

  void aThousandRunsDoNotBlock() {
    Bench b;
    MadeRun made;
    made.steps = 3;
    QVERIFY(b.make("seed", made));
    // The engine's writer syncs every file; a thousand copies need only be there.
    for (int i = 0; i < 999; ++i) {
      const fs::path run = b.base / ("copy" + std::to_string(i));
      fs::create_directory(run);
      for (const char* file : {"metrics.jsonl", "resolved.yaml", "config.yaml"})
        if (fs::exists(b.base / "seed" / file)) fs::copy_file(b.base / "seed" / file, run / file);
      std::ifstream in(b.base / "seed" / "meta.json");
      std::string meta((std::istreambuf_iterator<char>(in)), {});
      const auto at = meta.find("\"id\"");
      QVERIFY(at != std::string::npos);
      const auto open = meta.find('"', meta.find(':', at)), close = meta.find('"', open + 1);
      meta.replace(open + 1, close - open - 1, "copy-" + std::to_string(i));
      std::ofstream(run / "meta.json") << meta;
    }
    // How long the event loop was away at most, by the clock and by the work of this thread alone (the machine may be busy).
    const auto work = [] {
      timespec t{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
    };
    QElapsedTimer clock;
    qint64 last = 0, worst = 0;
    double lastWork = work(), worstWork = 0;
    QTimer beat;
    beat.setInterval(1);
    connect(&beat, &QTimer::timeout, this, [&] {
      const qint64 now = clock.elapsed();
      worst = std::max(worst, now - last);
      last = now;
      const double done = work();
      worstWork = std::max(worstWork, done - lastWork);
      lastWork = done;
    });
    b.page->show();
    QTest::qWait(50);
    clock.start();
    lastWork = work();
    beat.start();
    b.w.runs.refresh();
    QTRY_COMPARE_WITH_TIMEOUT(b.w.runs.rowCount(), 1000, 30000);
    QTRY_VERIFY(b.page->curves().reading() == 0 && b.page->loss()->plot()->curveCount() > 0);
    int shown = 0, read = 0;
    for (const RunSummary& run : b.w.runs.runs()) {
      shown += b.w.runs.isShown(RunsModel::idOf(run));
      read += b.page->curves().find(RunsModel::idOf(run)) != nullptr;
    }
    QCOMPARE(shown, 8);                            // the newest; the others are one click away
    QVERIFY(read <= 10);                           // nothing is read that nobody looks at
    b.w.runs.refresh();
    QSignalSpy loaded(&b.w.runs, &RunsModel::loaded);
    QVERIFY(loaded.wait(30000));
    qInfo("1000 runs: the window was away for at most %lld ms, of which work %.1f ms", static_cast<long long>(worst), worstWork);
  }

  void pictures() {
    const QByteArray folder = qgetenv("SERP_TEST_PICTURES");
    if (folder.isEmpty()) QSKIP("set SERP_TEST_PICTURES to a folder to see the page");
    Bench b;
    const char* names[] = {"moe_mamba", "parallel", "mamba", "mamba_mlp", "transformer_moe", "transformer"};
    for (int n = 0; n < 6; ++n)
      for (const int seed : {1, 2, 3}) {
        MadeRun made;
        made.name = names[n], made.seed = static_cast<std::uint64_t>(seed), made.steps = 600, made.evalEvery = 100, made.tokensPerStep = 4096;
        made.design = madeDesign(made.name, made.seed, n != 2 && n != 5, 32 + 8 * n);
        made.loss = [n, seed](int s) { return 1.2 + 0.08 * n + 0.01 * seed + 4.3 * std::exp(-s / (60.0 + 10 * n)) + 0.05 * std::sin(s * 1.7 + seed); };
        QVERIFY(b.make(made.name + "-s" + std::to_string(seed), made));
      }
    for (const auto kind : {ThemeKind::Dark, ThemeKind::Light}) {
      Theme::instance().setKind(kind);
      for (const QSize size : {QSize(1216, 728), QSize(1856, 1008)}) {
        b.page->resize(size);
        QVERIFY(b.loaded(8));
        QSet<QString> all;
        for (const RunSummary& run : b.w.runs.runs()) all.insert(RunsModel::idOf(run));
        b.w.runs.showOnly(all);
        QVERIFY(b.loaded(18));
        b.page->loss()->plot()->setLogY(true);
        QTest::qWait(300);
        b.page->loss()->plot()->setCursor(1.2e6);
        QTest::qWait(50);
        QVERIFY(b.page->grab().save(QStringLiteral("%1/compare_%2_%3.png").arg(QString::fromLocal8Bit(folder), kind == ThemeKind::Dark ? "dark" : "light").arg(size.width())));
      }
    }
    Theme::instance().setKind(ThemeKind::Dark);
  }
};

QTEST_MAIN(TestComparePage)
#include "tst_compare_page.moc"
