// SPDX-License-Identifier: GPL-3.0-or-later
// A run's folder and logs: one writer, torn and damaged lines, full disks, resuming.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>

#include "engine/api/runs.h"
#include "engine/base/atomic_file.h"
#include "engine/run/recorder.h"
#include "engine/run/records.h"
#include "engine/run/run_folder.h"
#include "failing_calls.h"

using namespace serp;
namespace fs = std::filesystem;

namespace {

StepRecord stepRecord(std::int64_t step) {
  StepRecord r;
  r.step = step;
  r.tokens = step * 4096;
  r.seconds = 0.25 * static_cast<double>(step);
  r.flops = 1.5e9 * static_cast<double>(step);
  r.loss = 5.0 / static_cast<double>(step);
  r.auxLoss = 1.01;
  r.zLoss = NAN;
  r.accuracy = 0.1;
  r.learningRate = 1e-3;
  r.gradNorm = 2.0 / 3.0;
  r.tokensPerSecond = 12345.678;
  r.stepMs = 80;
  return r;
}

RoutingFrame routingFrame(std::int64_t step) {
  RoutingFrame frame;
  frame.step = step;
  frame.steps = 10;
  for (int layer = 0; layer < 2; ++layer) {
    RoutingLayer l;
    l.path = "blocks." + std::to_string(2 * layer + 1) + ".mixer";
    l.label = "moe " + std::to_string(layer + 1);
    l.experts = 3 + layer;
    l.topK = 1;
    l.capacityFactor = 1.25;
    for (int e = 0; e < l.experts; ++e) {
      l.assigned.push_back(static_cast<double>(100 * step + e));
      l.kept.push_back(static_cast<double>(90 * step + e));
      l.meanGate.push_back(0.25f * static_cast<float>(e));
    }
    l.entropy = 0.5;
    l.balanceLoss = 1.5;
    l.zLoss = 0.25;
    frame.layers.push_back(l);
  }
  return frame;
}

void put(const fs::path& path, const std::string& bytes) {
  if (!writeFileAtomically(path, bytes)) qFatal("cannot write %s", path.c_str());
}

std::string contents(const fs::path& path) {
  auto text = readFileCapped(path, 1 << 26, ExitCode::BadData);
  return text ? *text : std::string();
}

}  // namespace

class TestRunFolder : public QObject {
  Q_OBJECT

  static fs::path under(const QTemporaryDir& dir, const char* name) { return dir.filePath(QString::fromLatin1(name)).toStdString(); }

  static Result<RunFolder> make(const fs::path& path) {
    RunMeta meta;
    meta.name = "moe_mamba";
    meta.seed = 18446744073709551615ull;
    meta.budgetSteps = 500;
    meta.device = "cpu";
    meta.versions["serpentarium"] = "0.1.0";
    meta.labelNames = {"prose", "arithmetic"};
    return RunFolder::create(path, meta, "name: x # bytes as they are\r\n", "name: x\n");
  }

 private Q_SLOTS:
  void createAndEnd() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "a/b/run");
    auto folder = make(path);
    QVERIFY2(folder, folder ? "" : folder.faults().text().c_str());
    QCOMPARE(folder->config(), std::string("name: x # bytes as they are\r\n"));
    QCOMPARE(folder->resolved(), std::string("name: x\n"));
    auto meta = readMeta(path);
    QVERIFY(meta);
    QCOMPARE(meta->status, std::string("running"));
    QCOMPARE(meta->id.size(), std::size_t{32});
    QCOMPARE(meta->pid, std::int64_t{::getpid()});
    QCOMPARE(meta->seed, std::uint64_t{18446744073709551615ull});
    QCOMPARE(meta->labelNames.size(), std::size_t{2});
    QVERIFY(meta->started.size() == 20 && meta->ended.empty() && std::isnan(meta->lastLoss));
    {
      Recorder recorder(path, {});
      for (int step = 1; step <= 100; ++step) recorder.metrics(stepRecord(step));
      recorder.eval({100, 409600, 0.07, 0.1, 0.9, 1});
      QVERIFY(recorder.flush());
    }
    QVERIFY(folder->end("finished", "the budget of 500 steps is used up"));
    meta = readMeta(path);
    QCOMPARE(meta->status, std::string("finished"));
    QVERIFY(!meta->ended.empty());
    QCOMPARE(meta->steps, std::int64_t{100});
    QCOMPARE(meta->lastLoss, 0.07);
    QVERIFY(meta->trainLoss > 0.05 && meta->trainLoss < 0.1);
    QVERIFY(folder->check());
  }

  void fullFoldersAreRefused() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "run");
    fs::create_directory(path);
    put(path / "thesis.txt", "years of work");
    auto folder = make(path);
    QVERIFY(!folder && folder.faults().exit == ExitCode::BadConfiguration);
    QVERIFY(folder.faults().text().find("not empty") != std::string::npos);
    QCOMPARE(contents(path / "thesis.txt"), std::string("years of work"));
    QVERIFY(!fs::exists(path / "meta.json"));
    put(under(dir, "file"), "");
    fs::create_directory(under(dir, "empty"));
    QVERIFY(!make(under(dir, "file")) && make(under(dir, "empty")));
  }

  void unwritablePlacesAreNamed() {
    const auto folder = make("/proc/serpentarium/run");
    QVERIFY(!folder && folder.faults().exit == ExitCode::CannotWrite);
    QVERIFY(folder.faults().text().find("/proc/serpentarium/run") != std::string::npos);
  }

  void aFullDiskAtTheStart() {
    QTemporaryDir dir;
    for (int nth = 1; nth < 60; ++nth) {
      const fs::path path = under(dir, QByteArray::number(nth).constData());
      test::failCall(nth, ENOSPC, true);
      const auto folder = make(path);
      if (test::stopFailing() < nth) return;
      if (!folder) QVERIFY(folder.faults().exit == ExitCode::CannotWrite);
    }
    QFAIL("creating a folder makes more than 60 calls");
  }

  void theSecondWriterIsRefused() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "run");
    {
      auto first = make(path);
      QVERIFY(first);
      QVERIFY(RunLock::isHeld(path));
      const auto second = RunFolder::reopen(path);
      QVERIFY(!second && second.faults().exit == ExitCode::CannotWrite);
      QVERIFY(second.faults().text().find("process " + std::to_string(::getpid())) != std::string::npos);
      QVERIFY(readMeta(path));  // reading goes on
    }
    QVERIFY(!RunLock::isHeld(path));
    QVERIFY(RunFolder::reopen(path));
  }

  void aKilledWriterIsTakenOver() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "run");
    const std::string self = QCoreApplication::applicationFilePath().toStdString();
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl(self.c_str(), self.c_str(), "--hold-run", path.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    QTRY_VERIFY_WITH_TIMEOUT(fs::exists(path / "meta.json"), 10000);
    QVERIFY(RunLock::isHeld(path));
    QVERIFY(!RunFolder::reopen(path));
    QCOMPARE(readSummary(path)->status, std::string("running"));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    QVERIFY(!RunLock::isHeld(path));
    const auto summary = readSummary(path);
    QVERIFY(summary);
    QCOMPARE(summary->status, std::string("interrupted"));
    fs::create_directories(path / "checkpoints/step-00000007.tmp");
    auto again = RunFolder::reopen(path);
    QVERIFY(!fs::exists(path / "checkpoints/step-00000007.tmp"));
    QVERIFY2(again, again ? "" : again.faults().text().c_str());
    QCOMPARE(again->meta().pid, std::int64_t{::getpid()});
  }

  void aMovedFolderIsNoticed() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "run");
    auto folder = make(path);
    QVERIFY(folder && folder->check());
    fs::rename(path, under(dir, "elsewhere"));
    QVERIFY(!folder->check());
    QVERIFY(!folder->update(folder->meta()));
    fs::create_directory(path);
    QVERIFY(!folder->check());
    fs::remove(path);
    fs::rename(under(dir, "elsewhere"), path);
    QVERIFY(folder->check());
    QVERIFY(folder->update(folder->meta()));
  }

  void damagedMetaIsRefused() {
    QTemporaryDir dir;
    const fs::path path = under(dir, "run");
    QVERIFY(make(path));
    const std::string good = contents(path / "meta.json");
    for (std::size_t n = 0; n + 2 < good.size(); n += 7) QVERIFY(!parseMeta(good.substr(0, n), "meta.json"));
    std::string newer = good;
    newer.replace(newer.find("\"version\": 1"), 12, "\"version\": 9");
    const auto refused = parseMeta(newer, "meta.json");
    QVERIFY(!refused && refused.faults().text().find("version 9, this program reads up to version 1") != std::string::npos);
    for (const std::string& text : {std::string("{}"), std::string("[]"), std::string(100000, '[')}) QVERIFY(!parseMeta(text, "x"));
  }

  void linesHaveTheContractsKeys() {
    QCOMPARE(metricsLine(stepRecord(2)),
             std::string(R"({"step":2,"tokens":8192,"seconds":0.5,"flops":3e+09,"loss":2.5,"aux_loss":1.01,"z_loss":null,)"
                         R"("accuracy":0.1,"learning_rate":0.001,"grad_norm":0.6666666666666666,"tokens_per_s":12345.678,)"
                         R"("step_ms":80,"skipped":0})"));
    const auto back = parseMetricsLine(metricsLine(stepRecord(2)));
    QVERIFY(back && back->loss == 2.5 && std::isnan(back->zLoss) && back->gradNorm == 2.0 / 3.0);
    QCOMPARE(evalLine({7, 70, 1.5, 2.25, 0.5, 3}),
             std::string(R"({"step":7,"tokens":70,"loss":1.5,"bits_per_byte":2.25,"accuracy":0.5,"seconds":3})"));
    RunEvent e;
    e.kind = EventKind::LiveEdit;
    e.step = 9;
    e.path = "**.balance";
    e.before = 0.01;
    e.after = 0.1;
    e.text = "quote \" newline \n bad \xff end";
    const auto event = parseEventLine(eventLine(e));
    QVERIFY(event && event->kind == EventKind::LiveEdit && event->after == 0.1 && event->path == "**.balance");
    QVERIFY(eventLine(e).find('\n') == std::string::npos);
    for (int k = 0; k <= static_cast<int>(EventKind::Failed); ++k) {
      e.kind = static_cast<EventKind>(k);
      QVERIFY(parseEventLine(eventLine(e))->kind == e.kind);
    }
    for (const char* bad : {"", "{}", "[]", "5", "{\"step\":\"1\"}", "{\"step\":1", "{\"step\":1.5}", "null"})
      QVERIFY2(!parseMetricsLine(bad), bad);
    QVERIFY(!parseEventLine(R"({"step":1,"event":"unheard_of"})"));
  }

  void aLogCutAtEveryByte() {
    QTemporaryDir dir;
    const fs::path run = under(dir, "run");
    fs::create_directory(run);
    const std::string one = metricsLine(stepRecord(1)) + "\n", two = metricsLine(stepRecord(2)) + "\n", three = metricsLine(stepRecord(3)) + "\n";
    for (std::size_t keep = 0; keep <= three.size(); ++keep) {
      put(run / "metrics.jsonl", one + two + three.substr(0, keep));
      RunFollower follower(run);
      const std::size_t whole = follower.metrics().size();
      QCOMPARE(whole, std::size_t{keep == three.size() ? 3u : 2u});
      QCOMPARE(follower.damaged(), 0);  // not yet written, not damaged

      Recorder(run, {}).metrics(stepRecord(4));
      const auto more = follower.metrics();
      const bool complete = keep + 1 >= three.size();  // everything but its line end counts
      QCOMPARE(whole + more.size(), std::size_t{complete ? 4u : 3u});
      QCOMPARE(more.back().step, std::int64_t{4});
      QCOMPARE(follower.damaged(), complete || keep == 0 ? 0 : 1);
    }
  }

  void flipsInTheMiddleCostOneLine() {
    QTemporaryDir dir;
    const fs::path run = under(dir, "run");
    fs::create_directory(run);
    std::string log;
    for (int i = 1; i <= 3; ++i) log += metricsLine(stepRecord(i)) + "\n";
    const std::size_t middle = log.find('\n') + 1, end = log.find('\n', middle) + 1;
    for (std::size_t at = middle; at < end; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = log;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        put(run / "metrics.jsonl", bad);
        RunFollower follower(run);
        const auto records = follower.metrics();
        // The flipped line itself may be lost, split in two or, where its end went, take its neighbour with it; no other.
        QVERIFY(!records.empty() && records.size() <= 3 && records.front().step == 1);
        if (at + 1 < end) QCOMPARE(records.back().step, std::int64_t{3});
        QVERIFY(records.size() == 3 || follower.damaged() >= 1);
      }
    }
  }

  void aFailingDiskIsToldOnceAndCaughtUp() {
    QTemporaryDir dir;
    const fs::path run = under(dir, "run");
    fs::create_directory(run);
    QStringList notices;
    Recorder recorder(run, [&](const std::string& text) { notices << QString::fromStdString(text); }, std::chrono::milliseconds(0));
    recorder.metrics(stepRecord(1));
    test::failCall(1, ENOSPC, true);
    for (int step = 2; step <= 50; ++step) recorder.metrics(stepRecord(step));
    test::stopFailing();
    QCOMPARE(notices.size(), 1);
    QVERIFY2(notices.front().contains(QStringLiteral("metrics.jsonl")) && notices.front().contains(QStringLiteral("No space left")),
             qPrintable(notices.front()));
    recorder.metrics(stepRecord(51));
    QCOMPARE(notices.size(), 2);
    QVERIFY(notices.back().contains(QStringLiteral("works again")));
    RunFollower follower(run);
    QCOMPARE(follower.metrics().size(), std::size_t{51});
    QCOMPARE(follower.damaged(), 0);
  }

  void routingRoundTrip() {
    QTemporaryDir dir;
    const fs::path run = under(dir, "run");
    fs::create_directory(run);
    Recorder recorder(run, {});
    RunFollower follower(run);
    QVERIFY(follower.routing().empty());
    for (int step = 10; step <= 50; step += 10) recorder.routing(routingFrame(step));
    const auto frames = follower.routing();
    QCOMPARE(frames.size(), std::size_t{5});
    QCOMPARE(frames[2].step, std::int64_t{30});
    QCOMPARE(frames[2].steps, 10);
    QCOMPARE(frames[2].layers[1].label, std::string("moe 2"));
    QCOMPARE(frames[2].layers[1].assigned[3], 3003.0);
    QCOMPARE(frames[2].layers[0].meanGate[2], 0.5f);
    QCOMPARE(frames[2].layers[1].balanceLoss, 1.5);
    QVERIFY(follower.routing().empty());
    // Sizes as the header file says: 16 + 12 per expert + 12, three and four experts.
    QCOMPARE(fs::file_size(run / "routing.bin"), std::uintmax_t{5 * (16 + 36 + 12 + 16 + 48 + 12)});

    fs::resize_file(run / "routing.bin", fs::file_size(run / "routing.bin") - 5);  // torn
    Recorder next(run, {});
    next.routing(routingFrame(60));
    RunFollower again(run);
    const auto after = again.routing();
    QCOMPARE(after.size(), std::size_t{5});
    QCOMPARE(after.back().step, std::int64_t{60});

    QStringList notices;
    Recorder other(run, [&](const std::string& text) { notices << QString::fromStdString(text); });
    RoutingFrame different = routingFrame(70);
    different.layers.pop_back();
    other.routing(different);
    other.routing(different);
    QCOMPARE(notices.size(), 1);
  }

  void resumingRewindsAndLosesNothing() {
    QTemporaryDir dir;
    const fs::path run = under(dir, "run");
    fs::create_directory(run);
    {
      Recorder recorder(run, {});
      for (int step = 1; step <= 30; ++step) recorder.metrics(stepRecord(step));
      for (int step = 10; step <= 30; step += 10) recorder.routing(routingFrame(step));
      recorder.sample(25, 1, "once", "upon");
    }
    RunFollower follower(run);
    QCOMPARE(follower.metrics().size(), std::size_t{30});
    {
      Recorder recorder(run, {});
      QVERIFY(recorder.rewind(20));
      QCOMPARE(follower.metrics().size(), std::size_t{20});  // shorter than before: read again from the start
      for (int step = 21; step <= 40; ++step) recorder.metrics(stepRecord(step));
      recorder.routing(routingFrame(40));
    }
    const auto more = follower.metrics();
    QCOMPARE(more.size(), std::size_t{20});
    QCOMPARE(more.front().step, std::int64_t{21});
    const auto frames = follower.routing();
    QCOMPARE(frames.size(), std::size_t{3});
    QCOMPARE(frames.back().step, std::int64_t{40});
    RunFollower old(run / "superseded");
    const auto gone = old.metrics();
    QVERIFY(gone.size() == 10 && gone.front().step == 21);
    QVERIFY(contents(run / "samples.jsonl").empty());
    QVERIFY(contents(run / "superseded/samples.jsonl").find("upon") != std::string::npos);
    QVERIFY(fs::file_size(run / "superseded/routing.bin") > 0);
  }
};

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--hold-run") == 0) {
    const auto folder = RunFolder::create(argv[2], RunMeta{}, "", "");
    return folder ? ::pause() : 1;
  }
  QCoreApplication app(argc, argv);
  TestRunFolder tests;
  return QTest::qExec(&tests, argc, argv);
}
#include "tst_run_folder.moc"
