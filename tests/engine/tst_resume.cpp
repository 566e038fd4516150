// SPDX-License-Identifier: GPL-3.0-or-later
// A run that was stopped and continued is the run that was not, bit for bit; and watching a run changes nothing in it.
#include <atomic>

#include "session_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

const char* const kTrain = "steps: 120, eval_every: 40, eval_batches: 2, sample_every: 50, checkpoint_every: 0, keep_checkpoints: 5";

void compareRuns(const fs::path& a, const fs::path& b, int step) {
  for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
    const std::string bytes = readAll(checkpoint(a, step, file));
    QVERIFY2(!bytes.empty(), file);
    QVERIFY2(bytes == readAll(checkpoint(b, step, file)), file);
  }
  auto stateA = nlohmann::json::parse(readAll(checkpoint(a, step, "state.json"))), stateB = nlohmann::json::parse(readAll(checkpoint(b, step, "state.json")));
  stateA.erase("seconds"), stateB.erase("seconds");
  QCOMPARE(stateA.dump(), stateB.dump());
  for (const char* file : {"metrics.jsonl", "eval.jsonl", "samples.jsonl"}) {
    const auto left = withoutTimes(a / file), right = withoutTimes(b / file);
    QVERIFY2(!left.empty() && left == right, file);
  }
  QVERIFY2(readAll(a / "routing.bin") == readAll(b / "routing.bin"), "routing.bin");
}

}  // namespace

class TstResume : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void straightEqualsResumed_data() {
    QTest::addColumn<QString>("blocks");
    QTest::newRow("moe_mamba") << "{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16}";
    QTest::newRow("transformer") << "{kind: attention, heads: 2}, {kind: dense_ffn}";
    QTest::newRow("parallel, top 2") << "{parallel: [{kind: mamba, d_state: 4}, {kind: topk_moe, experts: 4, top_k: 2, d_expert: 8}]}";
  }
  void straightEqualsResumed() {
    QFETCH(QString, blocks);
    const QTemporaryDir dir;
    const fs::path straight = dir.filePath("straight").toStdString(), pieces = dir.filePath("pieces").toStdString();
    const RunSpec spec = specOf(tinyDesign(kTrain, blocks.toStdString()));
    const Watched whole = finished(spec, straight);
    QVERIFY(whole.last(EventKind::Finished));
    OpenOptions options;
    options.stopAfter = 60;
    const Watched first = finished(spec, pieces, options);
    QVERIFY(first.last(EventKind::Stopped));
    QCOMPARE(first.last(EventKind::Stopped)->exitCode, 0);
    const Watched second = resumed(pieces);
    QVERIFY(second.last(EventKind::Finished));
    compareRuns(straight, pieces, 120);
    // Lines that were crossed before the stop are no news after it.
    QCOMPARE(first.count(EventKind::Milestone) + second.count(EventKind::Milestone), whole.count(EventKind::Milestone));
  }

  void liveValuesAreKept() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    const RunSpec spec = specOf(tinyDesign(kTrain));
    OpenOptions options;
    options.startPaused = true;
    Watched w = open(spec, run, options);
    QVERIFY(w.reaches(RunState::Paused));
    w.session->post(SetLive{"train.learning_rate_scale", 0.5});
    w.session->post(SetLive{"**.capacity_factor", 2.0});
    w.session->post(StepOnce{5});
    QVERIFY(w.until([&] { return w.count(EventKind::Paused) == 1; }));
    w.session.reset();
    const auto state = nlohmann::json::parse(readAll(checkpoint(run, 5, "state.json")));
    QCOMPARE(state.at("learning_rate_scale").get<std::string>(), std::string("0x1p-1"));
    const Watched on = resumed(run);
    QVERIFY(on.last(EventKind::Finished));
    const auto later = nlohmann::json::parse(readAll(checkpoint(run, 120, "state.json")));
    QVERIFY(later.at("live") == state.at("live"));
    QCOMPARE(later.at("learning_rate_scale").get<std::string>(), std::string("0x1p-1"));
  }

  /// As after a kill: the log knows an edit that was made at the step of the newest checkpoint, after it was written.
  void anEditAfterTheCheckpointIsRepeated() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString(), killed = dir.filePath("killed").toStdString();
    OpenOptions options;
    options.startPaused = true;
    Watched w = open(specOf(tinyDesign(kTrain)), run, options);
    QVERIFY(w.reaches(RunState::Paused));
    w.session->post(StepOnce{5});
    QVERIFY(w.until([&] { return w.count(EventKind::Paused) == 1; }));
    w.session->post(Save{});
    QVERIFY(w.until([&] { return w.count(EventKind::Saved) == 1; }));
    w.session->post(SetLive{"**.capacity_factor", 3.0});
    QVERIFY(w.until([&] { return w.count(EventKind::LiveEdit) == 1; }));
    fs::copy(run, killed, fs::copy_options::recursive);
    const auto before = nlohmann::json::parse(readAll(checkpoint(killed, 5, "state.json")));
    w.session->post(Stop{false});
    QVERIFY(w.ends());
    const Watched on = resumed(killed);
    QVERIFY(on.last(EventKind::Finished));
    const auto after = nlohmann::json::parse(readAll(checkpoint(killed, 120, "state.json")));
    QVERIFY(after.at("live") != before.at("live"));
    bool found = false;
    for (const auto& [path, value] : after.at("live").items())
      if (path.ends_with(".capacity_factor")) found = value == "0x1.8p+1";
    QVERIFY(found);
  }

  /// The bits of a step depend on the number of threads, so a run goes on with as many as it had.
  void threadsAreKept() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    std::string design = tinyDesign(kTrain);
    design.replace(design.find("threads: 1"), 10, "threads: 0");
    OpenOptions options;
    options.stopAfter = 3;
    Watched first = open(specOf(design, {{"threads", "0"}}), run, options);
    QVERIFY(first.ends());
    auto meta = nlohmann::json::parse(readAll(run / "meta.json"));
    const int had = first.session->info().threads, other = had + 1;
    QCOMPARE(meta.at("threads").get<int>(), had);
    meta["threads"] = other;  // as if it had been trained on another machine
    first.session.reset();
    std::ofstream(run / "meta.json") << meta.dump(1);
    QCOMPARE(resumed(run).session->info().threads, other);
    meta = nlohmann::json::parse(readAll(run / "meta.json"));
    QCOMPARE(meta.at("threads").get<int>(), other);
    const Watched told = resumed(run, {{"threads", "1"}, {"train.steps", "130"}});
    QVERIFY(told.last(EventKind::Warning) && told.last(EventKind::Warning)->text.find("continued with 1 threads") != std::string::npos);
  }

  void damagedCheckpointFallsBack() {
    const QTemporaryDir dir;
    const fs::path straight = dir.filePath("straight").toStdString(), run = dir.filePath("run").toStdString();
    const RunSpec spec = specOf(tinyDesign(kTrain));
    finished(spec, straight);
    for (const int stop : {40, 80}) {
      OpenOptions options;
      options.stopAfter = stop;
      if (stop > 40) options.resumeFrom = run;
      finished(spec, run, options);
    }
    std::string bytes = readAll(checkpoint(run, 80, "model.safetensors"));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(checkpoint(run, 80, "model.safetensors"), std::ios::binary) << bytes;
    const Watched on = resumed(run);
    QVERIFY(on.last(EventKind::Warning));
    QVERIFY2(on.last(EventKind::Warning)->text.find("step-00000080 is damaged") != std::string::npos, on.last(EventKind::Warning)->text.c_str());
    compareRuns(straight, run, 120);
    QVERIFY(!readAll(run / "superseded" / "metrics.jsonl").empty());  // steps 41..80 of the abandoned stretch
  }

  void tornEndsAreRepaired() {
    const QTemporaryDir dir;
    const fs::path straight = dir.filePath("straight").toStdString(), run = dir.filePath("run").toStdString();
    const RunSpec spec = specOf(tinyDesign(kTrain));
    finished(spec, straight);
    OpenOptions options;
    options.stopAfter = 60;
    finished(spec, run, options);
    std::ofstream(run / "metrics.jsonl", std::ios::app) << "{\"step\":61,\"tok";
    std::ofstream(run / "routing.bin", std::ios::app | std::ios::binary) << "half a frame";
    QVERIFY(resumed(run).last(EventKind::Finished));
    std::string lines = readAll(run / "metrics.jsonl");
    int torn = 0;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) torn += !nlohmann::json::accept(line);
    QVERIFY(torn <= 1);
    QVERIFY(readAll(run / "routing.bin") == readAll(straight / "routing.bin"));
    QVERIFY(readAll(checkpoint(run, 120, "model.safetensors")) == readAll(checkpoint(straight, 120, "model.safetensors")));
  }

  void largerBudget() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    const RunSpec spec = specOf(tinyDesign(kTrain));
    finished(spec, run);
    const std::string before = readAll(run / "resolved.yaml"), evals = readAll(run / "eval.jsonl");
    const Watched again = resumed(run);
    QVERIFY(again.last(EventKind::Finished));
    QVERIFY2(again.last(EventKind::Finished)->text.find("nothing left to do") != std::string::npos, again.last(EventKind::Finished)->text.c_str());
    QVERIFY(readAll(run / "eval.jsonl") == evals);
    QVERIFY(readAll(run / "resolved.yaml") == before);
    QVERIFY(resumed(run, {{"train.steps", "150"}}).last(EventKind::Finished));
    QVERIFY(fs::exists(checkpoint(run, 150, "manifest.json")));
    QVERIFY(readAll(run / "superseded" / "resolved-until-120.yaml") == before);
    const Watched end = resumed(run);  // the larger budget stands in the folder now
    QVERIFY(end.last(EventKind::Finished)->text.find("step 150 of 150") != std::string::npos);
  }

  /// A window asks for routing, activations and records all the time, pauses, probes and samples; nobody asks in the other run.
  void watchedEqualsUnwatched() {
    const QTemporaryDir dir;
    const fs::path alone = dir.filePath("alone").toStdString(), seen = dir.filePath("seen").toStdString();
    const RunSpec spec = specOf(tinyDesign("steps: 150, eval_every: 40, sample_every: 0, route_every: 5, checkpoint_every: 0"));
    finished(spec, alone);
    Watched w = open(spec, seen);
    std::atomic<bool> over{false};
    int frames = 0;
    std::thread watcher([&] {
      std::shared_ptr<const RoutingFrame> last;
      while (!over.load()) {
        const auto frame = w.session->latestRouting();
        frames += frame && frame != last;
        last = frame;
        (void)w.session->latestActivations();
        (void)w.session->info();
      }
    });
    for (int i = 0; i < 8; ++i) {
      w.session->post(Probe{"which expert takes this text?"});
      w.session->post(Sample{"the ", 8, 0.8, 7});
      w.session->post(Pause{});
      w.session->post(Resume{});
      w.collect();
    }
    QVERIFY(w.ends());
    over.store(true);
    watcher.join();
    QVERIFY(frames > 0);
    QVERIFY(w.count(EventKind::Sampled) > 0);
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      QVERIFY2(readAll(checkpoint(alone, 150, file)) == readAll(checkpoint(seen, 150, file)), file);
    QVERIFY(withoutTimes(alone / "metrics.jsonl") == withoutTimes(seen / "metrics.jsonl"));
    QVERIFY(readAll(alone / "routing.bin") == readAll(seen / "routing.bin"));
  }
};

QTEST_GUILESS_MAIN(TstResume)
#include "tst_resume.moc"
