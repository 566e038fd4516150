// SPDX-License-Identifier: GPL-3.0-or-later
// A session under its user: pausing, stepping, stopping, impatient clicks, faults while building, readers that sleep.
#include <algorithm>

#include "engine/api/runs.h"
#include "session_testing.h"

using namespace serp;
using namespace serp::test;

namespace {

const char* const kEndless = "steps: 1000000, eval_every: 0, sample_every: 0, checkpoint_every: 0";

std::string statusOf(const fs::path& run) { return nlohmann::json::parse(readAll(run / "meta.json")).at("status"); }

}  // namespace

class TstSession : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void pauseStepResumeStop() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    Watched w = open(specOf(tinyDesign(kEndless)), run);
    QVERIFY(w.reaches(RunState::Running));
    QVERIFY(w.until([&] { return w.records.size() >= 3; }));
    w.session->post(Pause{});
    QVERIFY(w.reaches(RunState::Paused));
    w.collect();
    const std::int64_t held = w.records.back().step;
    QTest::qWait(30);
    w.collect();
    QCOMPARE(w.records.back().step, held);  // paused means paused
    w.session->post(StepOnce{3});
    QVERIFY(w.until([&] { return w.count(EventKind::Paused) == 2; }));
    w.collect();
    QCOMPARE(w.records.back().step, held + 3);
    w.session->post(Resume{});
    QVERIFY(w.until([&] { return w.records.back().step > held + 5; }));
    w.session->post(Stop{});
    QVERIFY(w.ends());
    QVERIFY(w.session->state() == RunState::Finished && w.last(EventKind::Stopped));
    const std::int64_t end = w.records.back().step;
    QVERIFY(fs::exists(checkpoint(run, static_cast<int>(end), "manifest.json")));
    QCOMPARE(statusOf(run), std::string("stopped"));
    const StoredText text = readRoutedText(run);  // the views of an ended run show where its text went last
    QVERIFY(text.text && text.step == end && text.text->expert.size() == 1 && !text.text->labels.empty());
    // Every step stands in the folder once, in order.
    const auto lines = jsonLines(run / "metrics.jsonl");
    QCOMPARE(static_cast<std::int64_t>(lines.size()), end);
    for (std::size_t i = 0; i < lines.size(); ++i) QCOMPARE(lines[i].at("step").get<std::size_t>(), i + 1);
  }

  void stopWithoutSaving() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    Watched w = open(specOf(tinyDesign(kEndless)), run);
    QVERIFY(w.until([&] { return w.records.size() >= 3; }));
    w.session->post(Stop{false});
    w.session->post(Stop{true});  // closing the window right after must not save after all
    QVERIFY(w.ends());
    QVERIFY(w.last(EventKind::Stopped)->text.find("without saving") != std::string::npos);
    QVERIFY(!fs::exists(run / "checkpoints") || fs::is_empty(run / "checkpoints"));
  }

  void impatientClicks() {
    const QTemporaryDir dir;
    Watched w = open(specOf(tinyDesign(kEndless)), dir.filePath("run").toStdString());
    QVERIFY(w.reaches(RunState::Running));
    for (int i = 0; i < 5; ++i) w.session->post(Pause{});
    QVERIFY(w.reaches(RunState::Paused));
    w.collect();
    QCOMPARE(w.count(EventKind::Paused), 1);
    for (int i = 0; i < 5; ++i) w.session->post(Resume{});
    w.session->post(Save{}), w.session->post(Save{});
    QVERIFY(w.until([&] { return w.count(EventKind::Saved) == 1; }));
    QCOMPARE(w.count(EventKind::Resumed), 1);
    // Contradictions in one breath end in what was said last.
    w.session->post(Pause{}), w.session->post(Resume{}), w.session->post(StepOnce{}), w.session->post(Pause{}), w.session->post(Resume{}), w.session->post(Pause{});
    QVERIFY(w.until([&] { return w.session->state() == RunState::Paused && w.count(EventKind::Paused) >= 2; }));
    QTest::qWait(20);
    QVERIFY(w.session->state() == RunState::Paused);
    for (int i = 0; i < 3; ++i) w.session->post(Stop{});
    QVERIFY(w.ends());
    QCOMPARE(w.count(EventKind::Stopped), 1);
    w.session->post(Pause{}), w.session->post(Resume{}), w.session->post(Sample{"x"});  // nobody is there any more
    QVERIFY(w.session->state() == RunState::Finished);
  }

  void commandsWhileBuilding() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    Watched w = open(specOf(tinyDesign("steps: 1000000, eval_every: 0, sample_every: 0, route_every: 1"), {{"data.babel_bytes", "2000000"}}), run);
    w.session->post(Pause{});
    w.session->post(SetLive{"**.balance", 0.25});
    w.session->post(Probe{"first things first"});
    QVERIFY(w.reaches(RunState::Paused));
    QVERIFY(w.until([&] { return w.count(EventKind::LiveEdit) == 1 && w.session->latestRouting() != nullptr; }));
    QVERIFY(w.records.empty());
    QCOMPARE(w.last(EventKind::LiveEdit)->before, 0.01);
    QCOMPARE(w.last(EventKind::LiveEdit)->step, std::int64_t{0});
    const auto frame = w.session->latestRouting();
    QVERIFY(frame->text && frame->text->pieces.size() == 18);
    w.session->post(StepOnce{});
    QVERIFY(w.until([&] { return w.records.size() == 1; }));
  }

  void stopWhileBuilding() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    {
      Watched w = open(specOf(tinyDesign(kEndless), {{"data.babel_bytes", "2000000"}}), run);
      w.session->post(Stop{true, true});
      QVERIFY(w.ends());
      QVERIFY(w.last(EventKind::Stopped));
      QCOMPARE(w.last(EventKind::Stopped)->exitCode, 130);
    }
    QVERIFY(!fs::exists(run) || fs::exists(run / "meta.json"));  // nothing, or a whole run
  }

  void closingSaves() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    Watched w = open(specOf(tinyDesign(kEndless)), run);
    QVERIFY(w.until([&] { return w.records.size() >= 3; }));
    w.session.reset();
    const auto lines = jsonLines(run / "metrics.jsonl");
    QVERIFY(fs::exists(checkpoint(run, static_cast<int>(lines.back().at("step").get<std::int64_t>()), "manifest.json")));
    QCOMPARE(statusOf(run), std::string("stopped"));
    QVERIFY(resumed(run, {{"train.steps", std::to_string(lines.size() + 2)}}).last(EventKind::Finished));
  }

  void scheduledSaves() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    const Watched w = finished(specOf(tinyDesign("steps: 45, eval_every: 0, sample_every: 0, checkpoint_every: 10, keep_checkpoints: 2")), run);
    std::vector<std::int64_t> steps;
    for (const RunEvent& e : w.events)
      if (e.kind == EventKind::Saved) steps.push_back(e.step);
    QCOMPARE(steps, (std::vector<std::int64_t>{10, 20, 30, 40, 45}));
    QVERIFY(fs::exists(checkpoint(run, 40, "manifest.json")) && fs::exists(checkpoint(run, 45, "manifest.json")));
    QCOMPARE(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), std::ptrdiff_t{2});
  }

  void liveEdits() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    OpenOptions paused;
    paused.startPaused = true;
    Watched w = open(specOf(tinyDesign("steps: 1000000, eval_every: 0, sample_every: 0, schedule: constant, warmup_fraction: 0")), run, paused);
    QVERIFY(w.reaches(RunState::Paused));
    w.session->post(StepOnce{2});
    w.session->post(SetLive{"train.learning_rate_scale", 0.25});
    w.session->post(SetLive{"blocks.1.balance", 0.5});
    w.session->post(SetLive{"train.learning_rate_scale", -3});       // outside its range
    w.session->post(SetLive{"**.capacity_factor", std::nan("")});
    w.session->post(SetLive{"**.d_state", 8});                       // not live
    w.session->post(SetLive{"blocks.77.balance", 0.5});              // not there
    QVERIFY(w.until([&] { return w.count(EventKind::Warning) == 4 && w.count(EventKind::Paused) == 1; }));
    QCOMPARE(w.count(EventKind::LiveEdit), 2);
    w.session->post(StepOnce{1});
    QVERIFY(w.until([&] { return w.records.size() == 3; }));
    QCOMPARE(w.records.back().learningRate, 0.01 * 0.25);
    w.session->post(Stop{false});
    QVERIFY(w.ends());
    int edits = 0;
    for (const auto& line : jsonLines(run / "events.jsonl"))
      if (line.at("event") == "live_edit") {
        ++edits;
        QVERIFY(line.contains("path") && line.contains("before") && line.contains("after") && line.contains("step"));
      }
    QCOMPARE(edits, 2);
  }

  /// A table of positions ends at the context; samples, probes and evaluations must not run past it.
  void learnedPositions_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("block");
    QTest::newRow("of the model") << "learned" << "none";
    QTest::newRow("of a block") << "none" << "learned";
  }
  void learnedPositions() {
    QFETCH(QString, model);
    QFETCH(QString, block);
    const QTemporaryDir dir;
    std::string design = tinyDesign("steps: 20, eval_every: 10, sample_every: 10, route_every: 5",
                                    "{kind: attention, heads: 2, positions: " + block.toStdString() + "}, {kind: switch_moe, experts: 2, d_expert: 8}");
    design.replace(design.find("d_model: 16"), 11, "d_model: 16, positions: " + model.toStdString());
    OpenOptions paused;
    paused.startPaused = true;
    Watched w = open(specOf(design), dir.filePath("run").toStdString(), paused);
    QVERIFY(w.reaches(RunState::Paused));
    const std::string longText(300, 'x');
    w.session->post(Probe{longText});
    w.session->post(Sample{longText, 500, 0.8, 1});
    QVERIFY(w.until([&] { return w.count(EventKind::Sampled) == 1 && w.session->latestRouting() != nullptr; }));
    QCOMPARE(w.session->latestRouting()->text->pieces.size(), longText.size());
    w.session->post(Resume{});
    QVERIFY(w.ends());
    QVERIFY2(w.last(EventKind::Finished), w.last(EventKind::Failed) ? w.last(EventKind::Failed)->text.c_str() : "");
    QCOMPARE(w.count(EventKind::Sampled), 3);
  }

  /// More steps than the ring holds, and nobody drains: the ring loses and counts, the folder has them all.
  void slowReader() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    const std::string design =
        "name: fast\nthreads: 1\nmodel: {d_model: 2, vocab: 0, norm: none, blocks: [{kind: linear}]}\n"
        "train: {steps: 17000, batch: 1, eval_every: 0, sample_every: 0, checkpoint_every: 0, route_every: 1000}\n"
        "data: {source: induction, task_symbols: 2, context: 16}\n";
    auto opened = openSession(specOf(design), run);
    QVERIFY(opened);
    Watched w{std::move(*opened), {}, {}};
    const auto begin = Clock::now();
    while (w.session->state() != RunState::Finished && w.session->state() != RunState::Failed && Clock::now() - begin < std::chrono::seconds(55))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    w.collect();
    QVERIFY(w.last(EventKind::Finished));
    QCOMPARE(w.records.size() + w.session->droppedRecords(), std::size_t{17000});
    QVERIFY(w.session->droppedRecords() > 0);
    const std::string text = readAll(run / "metrics.jsonl");
    QCOMPARE(std::count(text.begin(), text.end(), '\n'), std::ptrdiff_t{17000});
    RunFollower follower(run);
    const auto steps = follower.metrics();
    QCOMPARE(steps.size(), std::size_t{17000});
    for (std::size_t i = 0; i < steps.size(); ++i) QCOMPARE(steps[i].step, static_cast<std::int64_t>(i) + 1);
  }

  void nonFinite_data() {
    QTest::addColumn<QString>("policy");
    QTest::addColumn<int>("steps");
    QTest::newRow("skip") << "skip" << 8;
    QTest::newRow("stop") << "stop" << 1;
  }
  /// Activations that square themselves block after block overflow at once.
  void nonFinite() {
    QFETCH(QString, policy);
    QFETCH(int, steps);
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    const std::string design =
        "name: burst\nthreads: 1\nmodel: {d_model: 8, norm: none, embedding_scale: 10000, init: mamba, blocks: [{repeat: 12, blocks: [{kind: dense_ffn, "
        "activation: relu2}]}]}\ntrain: {steps: 50, batch: 2, eval_every: 0, sample_every: 0, on_nonfinite: " + policy.toStdString() +
        "}\ndata: {source: babel, context: 16, babel_bytes: 16384}\n";
    const Watched w = finished(specOf(design), run);
    const RunEvent* end = w.last(EventKind::Failed);
    QVERIFY(end);
    QCOMPARE(end->exitCode, 4);
    QCOMPARE(w.count(EventKind::Skipped), steps);
    QCOMPARE(static_cast<int>(w.records.size()), steps);
    for (const StepRecord& r : w.records) QCOMPARE(static_cast<int>(r.skipped), 1);
    QCOMPARE(statusOf(run), std::string("failed"));
    QVERIFY(fs::exists(checkpoint(run, steps, "manifest.json")));  // what was good is kept
  }

  void faultsWhileBuilding_data() {
    QTest::addColumn<QString>("key");
    QTest::addColumn<QString>("value");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("says");
    QTest::newRow("missing text") << "data.source" << "/nowhere/to/be/found.txt" << 3 << "no such file";
    QTest::newRow("vocabulary") << "model.vocab" << "100" << 2 << "smaller than the tokenizer's vocabulary of 256";
    QTest::newRow("memory") << "model.d_model" << "65536" << 5 << "";
    QTest::newRow("device") << "device" << "cuda" << 2 << "cuda";
  }
  void faultsWhileBuilding() {
    QFETCH(QString, key);
    QFETCH(QString, value);
    QFETCH(int, code);
    QFETCH(QString, says);
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    std::vector<std::pair<std::string, std::string>> overrides = {{key.toStdString(), value.toStdString()}};
    if (key == "model.vocab") overrides.emplace_back("data.tokenizer", "chars");  // its size is known only with the text
    const Watched w = finished(specOf(tinyDesign(kEndless, "{repeat: 30, blocks: [{kind: gated_ffn}]}"), overrides), run);
    const RunEvent* end = w.last(EventKind::Failed);
    QVERIFY(end && w.session->state() == RunState::Failed);
    QCOMPARE(end->exitCode, code);
    QVERIFY2(QString::fromStdString(end->text).contains(says), end->text.c_str());
    QVERIFY(!fs::exists(run));
  }

  void foldersThatHoldSomething() {
    const QTemporaryDir dir;
    const fs::path run = dir.filePath("run").toStdString();
    fs::create_directories(run);
    std::ofstream(run / "precious.txt") << "mine";
    auto opened = openSession(specOf(tinyDesign(kEndless)), run);
    QVERIFY(!opened);
    QVERIFY(opened.faults().exit == ExitCode::BadConfiguration);
    QCOMPARE(readAll(run / "precious.txt"), std::string("mine"));
    auto onFile = openSession(specOf(tinyDesign(kEndless)), run / "precious.txt");
    QVERIFY(!onFile && onFile.faults().exit == ExitCode::CannotWrite);
  }

  /// A report, not a promise in seconds: how long a click on Pause waits for its answer at full speed.
  void pauseLatency() {
    const QTemporaryDir dir;
    const std::string text = readAll(fs::path(SERP_SOURCE_DIR) / "presets/start/moe_mamba.yaml");
    Watched w = open(specOf(text, {{"train.steps", "1000000"}, {"data.babel_bytes", "200000"}, {"train.checkpoint_every", "0"}, {"train.eval_every", "20"},
                                   {"train.sample_every", "20"}}), dir.filePath("run").toStdString());
    QVERIFY(w.until([&] { return w.records.size() >= 2; }));
    std::vector<double> ms;
    const auto begin = Clock::now();
    while (ms.size() < 200 && Clock::now() - begin < std::chrono::seconds(30)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(13 + ms.size() % 29));  // anywhere in a step
      const int seen = w.count(EventKind::Paused);
      const auto click = Clock::now();
      w.session->post(Pause{});
      QVERIFY(w.session->state() == RunState::Pausing || w.session->state() == RunState::Paused);
      QVERIFY(w.until([&] { return w.count(EventKind::Paused) > seen; }));
      ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - click).count());
      w.session->post(Resume{});
      QVERIFY(w.reaches(RunState::Running));
    }
    std::sort(ms.begin(), ms.end());
    double step = 0;
    for (const StepRecord& r : w.records) step += r.stepMs / static_cast<double>(w.records.size());
    qInfo("pause answered in %.1f ms (median), %.1f ms (worst) of %zu clicks; a step takes %.1f ms", ms[ms.size() / 2], ms.back(), ms.size(), step);
    QVERIFY(!ms.empty());
    w.session->post(Stop{false});
    QVERIFY(w.ends());
  }
};

QTEST_GUILESS_MAIN(TstSession)
#include "tst_session.moc"
