// SPDX-License-Identifier: GPL-3.0-or-later
// serp train from outside: what it prints, what it leaves behind, and how it takes Ctrl-C, kill -9 and a closed pipe.
#include <signal.h>

#include <random>

#include "cli_testing.h"

using namespace serp::test;

namespace {

QString q(const std::string& text) { return QString::fromStdString(text); }

const char* const kLong = "steps: 100000, eval_every: 0, sample_every: 0, checkpoint_every: 20, keep_checkpoints: 3";

/// Waits until the run's log has so many lines.
bool grows(const fs::path& run, int lines) {
  return QTest::qWaitFor([&] {
    const std::string text = readAll(run / "metrics.jsonl");
    return std::count(text.begin(), text.end(), '\n') >= lines;
  }, 30000);
}

std::vector<Json> withoutTimes(const fs::path& path) {
  std::vector<Json> out;
  std::istringstream in(readAll(path));
  for (std::string line; std::getline(in, line);) {
    Json j = Json::parse(line, nullptr, false);
    if (j.is_discarded()) continue;
    for (const char* key : {"seconds", "tokens_per_s", "step_ms"}) j.erase(key);
    out.push_back(std::move(j));
  }
  return out;
}

}  // namespace

class TstCliTrain : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void startPreset() {
    const Room room;
    const Ran r = room.run({"train", "start/moe_mamba", "--steps", "3", "--out", q(room.path("run").string()), "--json", "--seed", "5", "--threads", "1",
                            "--set", "data.babel_bytes=300000", "--set", "train.eval_batches=1"});
    QVERIFY2(r.code == 0, r.err.c_str());
    const auto lines = r.lines();
    QCOMPARE(lines.size(), std::size_t{4});
    for (int i = 0; i < 3; ++i) {
      for (const char* key : {"step", "tokens", "seconds", "flops", "loss", "aux_loss", "z_loss", "accuracy", "learning_rate", "grad_norm", "tokens_per_s"})
        QVERIFY2(lines[i].contains(key) && lines[i][key].is_number(), key);
      QCOMPARE(lines[i]["step"].get<int>(), i + 1);
      QVERIFY(lines[i]["aux_loss"].get<double>() > 0);
    }
    QCOMPARE(lines[3].at("event").get<std::string>(), std::string("finished"));
    QCOMPARE(lines[3].at("step").get<int>(), 3);
    QCOMPARE(lines[3].at("exit_code").get<int>(), 0);
    // The folder is the one of the contract, and the log is what was printed.
    const fs::path run = room.path("run");
    QCOMPARE(readAll(run / "config.yaml"), readAll(fs::path(SERP_SOURCE_DIR) / "presets/start/moe_mamba.yaml"));
    for (const char* file : {"resolved.yaml", "meta.json", "metrics.jsonl", "eval.jsonl", "events.jsonl", "routing.bin", "routing.json"})
      QVERIFY2(fs::file_size(run / file) > 0, file);
    for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"})
      QVERIFY2(fs::exists(run / "checkpoints/step-00000003" / file), file);
    QCOMPARE(readAll(run / "metrics.jsonl"), r.out.substr(0, r.out.rfind('\n', r.out.size() - 2) + 1));
    const Json meta = Json::parse(readAll(run / "meta.json"));
    QCOMPARE(meta.at("status").get<std::string>(), std::string("finished"));
    QCOMPARE(meta.at("seed").get<int>(), 5);
    QCOMPARE(meta.at("threads").get<int>(), 1);
    const std::string model = readAll(run / "checkpoints/step-00000003/model.safetensors");
    QVERIFY(model.find("\"blocks.0.mixer.in_proj.weight\"") != std::string::npos);
  }

  void whatAPersonSees() {
    const Room room;
    const std::string design = room.write("tiny.yaml", tinyDesign());
    const Ran loud = room.run({"train", q(design)});
    QCOMPARE(loud.code, 0);
    for (const char* part : {"started, seed 1", "loss ", "tokens/s", " left", "held-out loss", "sample: ", "checkpoint saved", "finished its 30 steps"})
      QVERIFY2(loud.err.find(part) != std::string::npos, (part + ("\n" + loud.err)).c_str());
    const fs::path run = firstLine(loud.out);  // the folder is the result
    QVERIFY(fs::exists(run / "meta.json") && q(run.string()).startsWith(q(room.path("data").string())));
    const Ran quiet = room.run({"train", q(design), "--quiet"});
    QCOMPARE(quiet.code, 0);
    QCOMPARE(quiet.err, std::string());
    const Ran runs = room.run({"runs", "--json"});
    QCOMPARE(runs.json().size(), std::size_t{2});
    QCOMPARE(room.run({"train", q(room.path("data").string()), "--quiet"}).code, 2);
  }

  void resolvedTrainsTheSameRun() {
    const Room room;
    const std::string design = room.write("tiny.yaml", tinyDesign());
    QCOMPARE(room.run({"train", q(design), "--seed", "3", "--set", "**.experts=3", "--out", "a"}).code, 0);
    QCOMPARE(room.run({"train", "a/resolved.yaml", "--out", "b"}).code, 0);
    QVERIFY(withoutTimes(room.path("a/metrics.jsonl")) == withoutTimes(room.path("b/metrics.jsonl")));
    QCOMPARE(readAll(room.path("a/resolved.yaml")), readAll(room.path("b/resolved.yaml")));
  }

  void stopAndResume() {
    const Room room;
    const std::string design = room.write("tiny.yaml", tinyDesign());
    QCOMPARE(room.run({"train", q(design), "--out", "straight"}).code, 0);
    const Ran part = room.run({"train", q(design), "--out", "pieces", "--stop-after", "17", "--json"});
    QCOMPARE(part.code, 0);
    QCOMPARE(part.lines().back().at("status").get<std::string>(), std::string("stopped"));
    QCOMPARE(Json::parse(readAll(room.path("pieces/meta.json"))).at("status").get<std::string>(), std::string("stopped"));
    const Ran rest = room.run({"train", "--resume", "pieces", "--json"});
    QCOMPARE(rest.code, 0);
    QCOMPARE(rest.lines().front().at("step").get<int>(), 18);
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      QVERIFY(readAll(room.path("straight/checkpoints/step-00000030") / file) == readAll(room.path("pieces/checkpoints/step-00000030") / file));
    for (const char* file : {"metrics.jsonl", "eval.jsonl"}) QVERIFY2(withoutTimes(room.path("straight") / file) == withoutTimes(room.path("pieces") / file), file);
    QCOMPARE(room.run({"train", "--resume", "pieces", "--seed", "9"}).code, 2);
    QCOMPARE(room.run({"train", "--resume", "pieces", "--out", "elsewhere"}).code, 2);
  }

  void interrupted() {
    const Room room;
    QProcess process;
    room.prepare(process, {"train", q(room.write("tiny.yaml", tinyDesign(kLong))), "--out", "run"});
    process.start();
    QVERIFY(grows(room.path("run"), 5));
    ::kill(static_cast<pid_t>(process.processId()), SIGINT);
    const Ran r = Room::finish(process);
    QCOMPARE(r.code, 130);
    QVERIFY2(r.err.find("saving a checkpoint first") != std::string::npos, r.err.c_str());
    const Json meta = Json::parse(readAll(room.path("run/meta.json")));
    QCOMPARE(meta.at("status").get<std::string>(), std::string("interrupted"));
    char name[80];
    std::snprintf(name, sizeof name, "run/checkpoints/step-%08d/manifest.json", meta.at("steps").get<int>());
    QVERIFY(fs::exists(room.path(name)));
    const auto lines = withoutTimes(room.path("run/metrics.jsonl"));
    QCOMPARE(lines.back().at("step").get<int>(), meta.at("steps").get<int>());
  }

  void interruptedTwice() {
    const Room room;
    QProcess process;
    room.prepare(process, {"train", q(room.write("tiny.yaml", tinyDesign(kLong))), "--out", "run"});
    process.start();
    QVERIFY(grows(room.path("run"), 25));
    const auto pid = static_cast<pid_t>(process.processId());
    ::kill(pid, SIGSTOP);  // both arrive before it can do anything
    ::kill(pid, SIGINT);
    ::kill(pid, SIGTERM);
    ::kill(pid, SIGCONT);
    QCOMPARE(Room::finish(process).code, 130);
    QCOMPARE(room.run({"train", "--resume", "run", "--steps", "60"}).code, 0);
  }

  /// Killed at random moments, also inside a save: the folder is readable each time, and the end is that of an undisturbed run.
  void killed() {
    const Room room;
    const std::string design = room.write("tiny.yaml", tinyDesign("steps: 400, eval_every: 0, sample_every: 0, checkpoint_every: 10, keep_checkpoints: 2"));
    std::mt19937 random(20);
    int kills = 0;
    for (; kills < 12; ++kills) {
      QProcess process;
      const bool fresh = !fs::exists(room.path("run/meta.json"));  // killed before there was a run
      if (fresh) fs::remove_all(room.path("run"));
      room.prepare(process, fresh ? QStringList{"train", q(design), "--out", "run"} : QStringList{"train", "--resume", "run"});
      process.start();
      const int had = static_cast<int>(withoutTimes(room.path("run/metrics.jsonl")).size());
      if (!QTest::qWaitFor([&] { return process.state() == QProcess::NotRunning || static_cast<int>(withoutTimes(room.path("run/metrics.jsonl")).size()) > had; }, 20000)) break;
      QTest::qSleep(static_cast<int>(random() % 120));
      process.kill();
      process.waitForFinished();
      const Ran runs = room.run({"runs", "run", "--json"});
      QCOMPARE(runs.code, 0);
      QVERIFY2(runs.json().size() == 1 && runs.json()[0].at("status") != "running", runs.out.c_str());
      if (withoutTimes(room.path("run/metrics.jsonl")).size() >= 400) break;
    }
    QVERIFY(kills > 0);
    const Ran rest = room.run({"train", "--resume", "run"});
    QVERIFY2(rest.code == 0, rest.err.c_str());
    QCOMPARE(room.run({"train", q(design), "--out", "straight"}).code, 0);
    const fs::path end = room.path("run");
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      QVERIFY(readAll(room.path("straight/checkpoints/step-00000400") / file) == readAll(end / "checkpoints/step-00000400" / file));
    QVERIFY(withoutTimes(room.path("straight/metrics.jsonl")) == withoutTimes(end / "metrics.jsonl"));
    for (const auto& entry : fs::directory_iterator(end / "checkpoints"))
      QVERIFY2(entry.path().extension() != ".tmp", entry.path().c_str());
    qInfo("%d kills, steps repeated: %zu", kills, withoutTimes(end / "superseded/metrics.jsonl").size());
  }

  void closedPipe() {
    const Room room;
    QProcess process;
    room.prepare(process, {"-c", q("\"$0\" train tiny.yaml --out run --json | head -n 3; exit ${PIPESTATUS[0]}"), serpProgram()});
    process.setProgram("/bin/bash");
    room.write("tiny.yaml", tinyDesign(kLong));
    process.start();
    const Ran r = Room::finish(process);
    QCOMPARE(r.code, 6);
    QCOMPARE(std::count(r.out.begin(), r.out.end(), '\n'), std::ptrdiff_t{3});
    QCOMPARE(Json::parse(readAll(room.path("run/meta.json"))).at("status").get<std::string>(), std::string("stopped"));
    QVERIFY(!fs::is_empty(room.path("run/checkpoints")));
  }

  void twoWriters() {
    const Room room;
    QProcess process;
    room.prepare(process, {"train", q(room.write("tiny.yaml", tinyDesign(kLong))), "--out", "run"});
    process.start();
    QVERIFY(grows(room.path("run"), 25));
    const Ran second = room.run({"train", "--resume", "run"});
    QCOMPARE(second.code, 6);
    QVERIFY2(second.err.find("is being written by process") != std::string::npos, second.err.c_str());
    QCOMPARE(room.run({"runs", "run", "--json"}).json()[0].at("status").get<std::string>(), std::string("running"));  // reading is free
    ::kill(static_cast<pid_t>(process.processId()), SIGTERM);
    QCOMPARE(Room::finish(process).code, 130);
  }
};

QTEST_GUILESS_MAIN(TstCliTrain)
#include "tst_cli_train.moc"
