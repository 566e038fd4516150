// SPDX-License-Identifier: GPL-3.0-or-later
// The list of runs, finding, trashing, and following a folder that someone else writes.
#include <QElapsedTimer>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <atomic>
#include <cmath>
#include <fstream>
#include <set>
#include <thread>

#include "engine/api/runs.h"
#include "engine/base/atomic_file.h"
#include "engine/run/recorder.h"
#include "engine/run/records.h"
#include "engine/run/routed_text.h"
#include "engine/run/run_folder.h"

using namespace serp;
namespace fs = std::filesystem;

class TestRuns : public QObject {
  Q_OBJECT

  static void makeRun(const fs::path& path, const std::string& name, const std::string& started, const std::string& status) {
    fs::create_directories(path);
    RunMeta meta;
    meta.id = name + started;
    meta.name = name;
    meta.started = started;
    meta.status = status;
    if (status != "running") {
      meta.ended = started;
      meta.lastLoss = 1.5;
      meta.bestLoss = 1.25;
    }
    std::ofstream(path / "meta.json") << metaText(meta);
  }

  static std::string faultOf(const Result<fs::path>& result) { return result ? std::string() : result.faults().text(); }

 private Q_SLOTS:
  void names() {
    QTemporaryDir dir;
    const fs::path parent = dir.path().toStdString();
    const fs::path one = newRunFolder(parent, "moe_mamba", 1);
    QVERIFY(QString::fromStdString(one.filename().string()).contains(QRegularExpression(QStringLiteral("^moe_mamba-\\d{8}-\\d{6}-s1$"))));
    QVERIFY(!fs::exists(one));
    std::set<fs::path> taken;
    for (int i = 0; i < 5; ++i) {
      const fs::path next = newRunFolder(parent, "same", 1);
      QVERIFY(taken.insert(next).second);
      fs::create_directory(next);
    }
    for (const std::string& strange : {std::string("🐍 snake\nline"), std::string(255, 'x'), std::string("../../etc"), std::string(),
                                       std::string(".hidden"), std::string("a/b")}) {
      const fs::path path = newRunFolder(parent, strange, 7);
      QCOMPARE(path.parent_path(), parent);
      QVERIFY(fs::create_directory(path));
      QVERIFY(path.filename().string().front() != '.');
    }
  }

  void theDefaultFolderFollowsTheEnvironment() {
    qputenv("XDG_DATA_HOME", "/tmp/data");
    QCOMPARE(defaultRunsFolder(), fs::path("/tmp/data/serpentarium/runs"));
    qputenv("XDG_DATA_HOME", "relative");  // to be ignored, says the specification
    qputenv("HOME", "/home/someone");
    QCOMPARE(defaultRunsFolder(), fs::path("/home/someone/.local/share/serpentarium/runs"));
    qunsetenv("XDG_DATA_HOME");
    qunsetenv("HOME");
    QVERIFY(defaultRunsFolder().is_absolute());
  }

  void listing() {
    QTemporaryDir dir;
    const fs::path parent = dir.path().toStdString();
    makeRun(parent / "b", "second", "2026-11-24T10:00:02Z", "finished");
    makeRun(parent / "a", "first", "2026-11-24T10:00:01Z", "stopped");
    makeRun(parent / "c", "killed", "2026-11-24T10:00:03Z", "running");
    {
      Recorder recorder(parent / "c", {});
      for (int step = 1; step <= 200; ++step) {
        StepRecord r;
        r.step = step;
        r.tokens = 10 * step;
        r.loss = step == 200 ? 3.0 : 4.0;
        r.tokensPerSecond = 77;
        recorder.metrics(r);
      }
    }
    fs::create_directory(parent / "broken");
    std::ofstream(parent / "broken/meta.json") << "{ not json";
    fs::create_directory(parent / "unrelated");
    std::ofstream(parent / "file") << "x";
    fs::create_directory(parent / ".trash");

    const auto runs = listRuns(parent);
    QCOMPARE(runs.size(), std::size_t{4});
    QCOMPARE(runs[0].name, std::string("killed"));
    QCOMPARE(runs[0].status, std::string("interrupted"));
    QCOMPARE(runs[0].steps, std::int64_t{200});
    QCOMPARE(runs[0].lastLoss, 3.0);
    QCOMPARE(runs[0].trainLoss, (49 * 4.0 + 3.0) / 50);
    QCOMPARE(runs[0].tokensPerSecond, 77.0);
    QCOMPARE(runs[1].name, std::string("second"));
    QCOMPARE(runs[1].bestLoss, 1.25);
    QCOMPARE(runs[3].status, std::string("unreadable"));
    QVERIFY(!runs[3].reason.empty());
    QCOMPARE(listRuns(parent / "a").size(), std::size_t{1});
    QVERIFY(listRuns("/nonexistent").empty());
    QVERIFY(!readSummary(parent / "broken"));
  }

  void tenThousandRuns() {
    QTemporaryDir dir;
    const fs::path parent = dir.path().toStdString();
    for (int i = 0; i < 10000; ++i) {
      char stamp[32];
      std::snprintf(stamp, sizeof stamp, "2026-11-24T%02d:%02d:%02dZ", i / 3600, i / 60 % 60, i % 60);
      makeRun(parent / ("run-" + std::to_string(i)), "run", stamp, "finished");
    }
    QElapsedTimer timer;
    timer.start();
    const auto runs = listRuns(parent);
    const qint64 ms = timer.elapsed();
    qInfo("10,000 runs listed in %lld ms", static_cast<long long>(ms));
    QCOMPARE(runs.size(), std::size_t{10000});
    QCOMPARE(runs.front().folder.filename().string(), std::string("run-9999"));
    QVERIFY2(ms < 3000, "far above a second: something reads too much");  // the goal is 1 s; slack for a loaded test machine
  }

  void finding() {
    QTemporaryDir dir;
    const fs::path parent = dir.path().toStdString();
    makeRun(parent / "mamba-1", "mamba", "2026-11-24T10:00:01Z", "finished");
    makeRun(parent / "mamba-2", "mamba", "2026-11-24T10:00:02Z", "finished");
    makeRun(parent / "other", "other", "2026-11-24T10:00:00Z", "finished");
    QCOMPARE(*findRun("last", parent), parent / "mamba-2");
    QCOMPARE(*findRun("oth", parent), parent / "other");
    QCOMPARE(*findRun("mamba-1", parent), parent / "mamba-1");
    QCOMPARE(*findRun((parent / "other").string(), "/nonexistent"), parent / "other");
    QVERIFY(faultOf(findRun("mamba", parent)).find("2 runs: mamba-1, mamba-2") != std::string::npos);
    QVERIFY(faultOf(findRun("mmaba-1", parent)).find("did you mean \"mamba-1\"?") != std::string::npos);
    QVERIFY(faultOf(findRun("last", "/nonexistent")).find("no run yet") != std::string::npos);
    QVERIFY(faultOf(findRun(parent.string(), "/nonexistent")).find("without a run") != std::string::npos);
    QVERIFY(!findRun("", parent));
  }

  void trashAndBack() {
    QTemporaryDir dir;
    const fs::path parent = dir.path().toStdString();
    makeRun(parent / "run", "run", "2026-11-24T10:00:01Z", "finished");
    const auto trashed = trashRun((parent / "run").string() + "/");
    QVERIFY2(trashed, faultOf(trashed).c_str());
    QCOMPARE(*trashed, parent / ".trash/run");
    QVERIFY(listRuns(parent).empty());
    makeRun(parent / "run", "run", "2026-11-24T10:00:02Z", "finished");
    const auto restored = restoreRun(*trashed);
    QVERIFY(restored);
    QCOMPARE(*restored, parent / "run-2");
    QCOMPARE(listRuns(parent).size(), std::size_t{2});
    QVERIFY(!restoreRun(parent / "run"));
    QVERIFY(!trashRun(parent));

    const auto live = RunFolder::create(parent / "live", RunMeta{}, "", "");
    QVERIFY(live);
    QVERIFY(faultOf(trashRun(parent / "live")).find("still being written") != std::string::npos);
  }

  void followingAWriter() {
    QTemporaryDir dir;
    const fs::path run = dir.path().toStdString();
    constexpr int kRecords = 20000;
    std::atomic<bool> done{false};
    std::jthread writer([&] {
      Recorder recorder(run, {});
      for (int step = 1; step <= kRecords; ++step) {
        StepRecord r;
        r.step = step;
        r.loss = 1.0 / step;
        recorder.metrics(r);
        if (step % 1000 == 0) recorder.eval({step, step, 1, 1, 1, 1});
        RunEvent e;
        e.kind = EventKind::Saved;
        e.step = step;
        if (step % 100 == 0) recorder.event(e);
      }
      done = true;
    });
    RunFollower follower(run);
    std::size_t metrics = 0, evals = 0, events = 0;
    bool last = false;
    for (;;) {
      last = done;
      for (const StepRecord& r : follower.metrics()) QCOMPARE(r.step, static_cast<std::int64_t>(++metrics));
      evals += follower.evals().size();
      events += follower.events().size();
      if (last) break;
      QThread::usleep(500);
    }
    writer.join();
    QCOMPARE(metrics, std::size_t{kRecords});
    QCOMPARE(evals, std::size_t{20});
    QCOMPARE(events, std::size_t{200});
    QCOMPARE(follower.damaged(), 0);
  }

  void aRoutedTextIsReadAsWritten() {
    RoutedText text;
    text.pieces = {"a", "\xC3", "\xA9", "\n"};  // bytes, not all of them whole characters
    text.labels = {0, 1, 1, 0};
    text.labelNames = {"prose", "sums"};
    text.expert = {{0, 3, 3, 1}, {2, 2, 2, 2}};
    text.weight = {{0.5f, 0.25f, 1.0f, 0.125f}, {1, 1, 1, 1}};
    text.entropy = {{0.5f, 0, 0, 1.25f}, {0, 0, 0, 0}};
    const QTemporaryDir place;
    const fs::path run = place.path().toStdString();
    const std::string json = routedTextJson(text, 40);
    QVERIFY(writeFileAtomically(run / kRoutedTextFile, json));
    const StoredText read = readRoutedText(run);
    QVERIFY(read.text != nullptr);
    QCOMPARE(read.step, 40);
    QCOMPARE(read.text->pieces, text.pieces);
    QCOMPARE(read.text->labels, text.labels);
    QCOMPARE(read.text->labelNames, text.labelNames);
    QCOMPARE(read.text->expert, text.expert);
    QCOMPARE(read.text->weight, text.weight);
    QCOMPARE(read.text->entropy, text.entropy);
    for (std::size_t cut = 0; cut < json.size(); ++cut) QVERIFY(!parseRoutedText(json.substr(0, cut)).text);
    for (const char* bad : {R"({"pieces":["a"],"labels":[],"label_names":[],"expert":[[0,1]],"weight":[[1]],"entropy":[[0]]})",
                            R"({"pieces":["a"],"labels":[7],"label_names":["x"],"expert":[[0]],"weight":[[1]],"entropy":[[0]]})",
                            R"({"pieces":["a"],"labels":[],"label_names":[],"expert":[[1e99]],"weight":[[1]],"entropy":[[0]]})",
                            R"({"pieces":[5],"labels":[],"label_names":[],"expert":[[0]],"weight":[[1]],"entropy":[[0]]})"})
      QVERIFY2(!parseRoutedText(bad).text, bad);
    QVERIFY(!readRoutedText(run / "nothing").text);
  }

  void noiseIsCountedAndSkipped() {
    QTemporaryDir dir;
    const fs::path run = dir.path().toStdString();
    std::string noise;
    for (int i = 0; i < 5000; ++i) noise += static_cast<char>((i * 7919) >> 3);
    std::ofstream(run / "metrics.jsonl") << "{\"step\":1}\n" << noise << "\n" << std::string(200000, '[') << "\n{\"step\":2,\"loss\":3}\n";
    std::ofstream(run / "routing.json") << "{\"version\":1,\"layers\":5}";
    std::ofstream(run / "routing.bin") << noise;
    RunFollower follower(run);
    const auto records = follower.metrics();
    QVERIFY(records.size() >= 2);
    QCOMPARE(records.front().step, std::int64_t{1});
    QVERIFY(std::isnan(records.front().loss));
    QCOMPARE(records.back().loss, 3.0);
    QVERIFY(follower.damaged() > 0);
    QVERIFY(follower.routing().empty());
    RunFollower nowhere("/nonexistent");
    QVERIFY(nowhere.metrics().empty() && nowhere.routing().empty());
  }
};

QTEST_GUILESS_MAIN(TestRuns)
#include "tst_runs.moc"
