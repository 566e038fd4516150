// SPDX-License-Identifier: GPL-3.0-or-later
// The whole window over the real engine: two hundred clicks on Pause at full speed, every page driven while it trains, nothing blocks,
// closing saves. Times are printed, never asserted: they belong to the machine.
#include <QDoubleSpinBox>
#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "app/main_window.h"
#include "app/pages/page.h"
#include "app/pages/train/curves_panel.h"
#include "app/pages/train/live_knobs.h"
#include "app/pages/train_page.h"
#include "app/session/action_registry.h"
#include "app/session/preferences.h"
#include "app/session/run_commands.h"
#include "app/session/session_controller.h"
#include "app/shell/window_cost.h"
#include "app/style/theme.h"
#include "app/widgets/knob.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/transport_bar.h"
#include "engine/api/runs.h"

using namespace serp;
using namespace serp::app;

namespace {

constexpr const char* kDesign =
    "name: small\nmodel:\n  d_model: 64\n  blocks:\n    - repeat: 2\n      blocks:\n        - {kind: mamba}\n"
    "        - {kind: switch_moe, experts: 4}\ntrain: {steps: 1000000, batch: 4, eval_every: 0, sample_every: 0, checkpoint_every: 0}\n"
    "data: {source: babel, context: 128}\n";

struct Window {
  Window() : preferences(folder.filePath("preferences.ini")) {
    preferences.overrideRunsFolder(folder.filePath("runs"));
    window = std::make_unique<MainWindow>([](const auto&... args) { return openSession(args...); }, preferences);
    window->resize(1280, 800);
    window->show();
  }
  SessionController& session() { return *window->workspace().session; }
  std::filesystem::path run() { return session().runFolder(); }
  QTemporaryDir folder;
  Preferences preferences;
  std::unique_ptr<MainWindow> window;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

int checkpoints(const std::filesystem::path& run) {
  int count = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", none)) count += std::filesystem::exists(entry.path() / "manifest.json");
  return count;
}

}  // namespace

class TestWindowTraining : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    Theme::instance().apply(*qApp);
    auto spec = parseRunSpec(kDesign);
    QVERIFY2(spec, spec ? "" : spec.faults().text().c_str());
    spec_ = *spec;
  }

  void twoHundredPauses() {
    Window w;
    QVERIFY(w.window->commands().train(spec_));
    w.window->trainPage()->showInstruments();
    QTRY_VERIFY_WITH_TIMEOUT(w.session().series().steps().size() > 10, 30000);
    auto* button = w.window->findChild<TransportBar*>()->toggleButton();
    QVERIFY(button->isVisible());
    // A heartbeat of the event loop: a slot that blocks shows as a gap.
    std::vector<double> gaps;
    QElapsedTimer beat;
    QTimer heart;
    beat.start();
    connect(&heart, &QTimer::timeout, this, [&] {
      gaps.push_back(static_cast<double>(beat.nsecsElapsed()) * 1e-6);
      beat.restart();
    });
    heart.start(5);
    std::vector<double> shown, answered;
    for (int i = 0; i < 200; ++i) {
      const auto before = w.session().series().steps().size();
      QElapsedTimer clock;
      clock.start();
      button->click();
      shown.push_back(static_cast<double>(clock.nsecsElapsed()) * 1e-6);
      QVERIFY(w.session().pending() || w.session().state() == RunState::Paused);
      QVERIFY2(button->text() == QStringLiteral("Pausing…") || button->text() == QStringLiteral("Resume"), qPrintable(button->text()));
      QTRY_COMPARE_WITH_TIMEOUT(w.session().state(), RunState::Paused, 20000);
      answered.push_back(w.session().lastAckMs());
      QCOMPARE(button->text(), QStringLiteral("Resume"));
      button->click();
      QTRY_COMPARE_WITH_TIMEOUT(w.session().state(), RunState::Running, 20000);
      QTRY_VERIFY_WITH_TIMEOUT(w.session().series().steps().size() > before, 20000);
    }
    qInfo("200 pauses at full speed, ms from the click:  shown on the button  median %.2f  worst %.2f", percentile(shown, 0.5), percentile(shown, 1));
    qInfo("                                              runner paused        median %.2f  worst %.2f", percentile(answered, 0.5), percentile(answered, 1));
    qInfo("event loop, ms between beats of a 5 ms timer:  median %.1f  99 %% %.1f  worst %.1f", percentile(gaps, 0.5), percentile(gaps, 0.99), percentile(gaps, 1));
    button->click();
    QTRY_COMPARE_WITH_TIMEOUT(w.session().state(), RunState::Paused, 20000);
    QTest::qWait(100);
    const auto held = w.session().series().steps().size();
    QTest::qWait(200);
    QCOMPARE(w.session().series().steps().size(), held);  // paused is paused
    const auto& steps = w.session().series().steps();
    for (std::size_t i = 1; i < steps.size(); ++i) QCOMPARE(steps[i].step, steps[i - 1].step + 1);  // and no step was lost
    w.session().post(Stop{false});
    QTRY_VERIFY_WITH_TIMEOUT(!w.session().isActive(), 20000);
  }

  void continuedRunTakesEditsBack() {
    Window w;
    QVERIFY(w.window->commands().train(spec_));
    w.window->trainPage()->showInstruments();
    const auto& steps = w.session().series().steps();
    const auto saved = [&] {
      for (const RunEvent& event : w.session().series().events())
        if (event.kind == EventKind::Saved) return event.step;
      return std::int64_t{0};
    };
    QTRY_VERIFY_WITH_TIMEOUT(steps.size() > 5, 30000);
    w.session().post(Save{});
    QTRY_VERIFY_WITH_TIMEOUT(saved() > 0 && steps.back().step > saved() + 2, 30000);
    w.window->commands().setLive("**.balance", 0.5);
    QTRY_COMPARE_WITH_TIMEOUT(w.window->commands().liveValues().size(), 1u, 20000);
    const auto& knobs = w.window->trainPage()->knobs()->knobs();
    const auto balance = std::find_if(knobs.begin(), knobs.end(), [](const Knob* k) { return k->spec().path == QStringLiteral("**.balance"); });
    QVERIFY(balance != knobs.end());
    QCOMPARE((*balance)->value(), 0.5);
    w.session().post(Stop{false});
    QTRY_VERIFY_WITH_TIMEOUT(!w.session().isActive(), 20000);
    const auto from = saved();
    w.window->commands().toggle();                         // "Continue"
    QVERIFY(w.session().isActive());
    QTRY_VERIFY_WITH_TIMEOUT(w.session().state() == RunState::Running && w.window->commands().liveValues().empty() && steps.back().step > from, 30000);
    for (std::size_t i = 1; i < steps.size(); ++i) QCOMPARE(steps[i].step, steps[i - 1].step + 1);
    const auto& now = w.window->trainPage()->knobs()->knobs();
    const auto again = std::find_if(now.begin(), now.end(), [](const Knob* k) { return k->spec().path == QStringLiteral("**.balance"); });
    QVERIFY(again != now.end());
    QTRY_COMPARE((*again)->value(), (*again)->spec().preset);
    w.session().post(Stop{false});
    QTRY_VERIFY_WITH_TIMEOUT(!w.session().isActive(), 20000);
  }

  void pagesAreDrivenAndHiddenOnesRest() {
    Window w;
    QVERIFY(w.window->commands().train(spec_));
    QTRY_VERIFY_WITH_TIMEOUT(w.session().series().steps().size() > 10, 30000);
    for (const char* page : {"design", "train", "routing", "compare", "learn", "settings", "train"}) {
      QVERIFY(w.window->showPage(QString::fromLatin1(page)));
      const auto before = w.session().series().steps().size();
      QTRY_VERIFY_WITH_TIMEOUT(w.session().series().steps().size() > before + 3, 20000);
      QVERIFY(!w.window->grab().isNull());
    }
    w.window->trainPage()->showInstruments();
    CurvesPanel* curves = w.window->trainPage()->curves();
    QTRY_VERIFY(curves->loss()->data(0).size() > 10);
    w.window->showPage(QStringLiteral("learn"));
    const auto drawn = curves->loss()->data(0).size();
    QTRY_VERIFY_WITH_TIMEOUT(w.session().series().steps().size() > drawn + 10, 20000);
    QCOMPARE(curves->loss()->data(0).size(), drawn);      // a hidden page takes no points
    w.window->showPage(QStringLiteral("train"));
    QTRY_VERIFY(curves->loss()->data(0).size() > drawn + 10);

    // A live knob acts on the running model and comes back as an event.
    for (Knob* knob : w.window->trainPage()->knobs()->knobs())
      if (knob->spec().path == QStringLiteral("**.balance")) {
        knob->field()->setValue(0.05);
        Q_EMIT knob->field()->editingFinished();
      }
    QTRY_COMPARE_WITH_TIMEOUT(w.window->commands().liveValues().size(), 1u, 20000);

    // Closing stops, saves, then closes.
    const auto run = w.run();
    w.window->close();
    QTRY_VERIFY_WITH_TIMEOUT(!w.window->isVisible(), 30000);
    QVERIFY(!w.session().isActive());
    QVERIFY(checkpoints(run) >= 1);
    auto summary = readSummary(run);
    QVERIFY(summary);
    QCOMPARE(summary->status, std::string("stopped"));
    QVERIFY(summary->steps > 10);
    w.window.reset();

    // And what was saved goes on from there.
    Window again;
    QVERIFY(again.session().resume(run));
    QTRY_VERIFY_WITH_TIMEOUT(again.session().isActive() && again.session().series().steps().size() > static_cast<std::size_t>(summary->steps) + 3, 30000);
    again.session().post(Stop{false});
    QTRY_VERIFY_WITH_TIMEOUT(!again.session().isActive(), 20000);
  }

  /// Training speed with the window and without, in turns so that a noisy machine is fair to both.
  void costOfTheWindow() {
    const int seconds = qEnvironmentVariableIntValue("SERP_COST_SECONDS") > 0 ? qEnvironmentVariableIntValue("SERP_COST_SECONDS") : 2;
    std::vector<double> with, without, shares;
    for (int turn = 0; turn < 3; ++turn) {
      {
        QTemporaryDir folder;
        OpenOptions options;
        options.spareCores = 1;
        auto session = openSession(spec_, std::filesystem::path(folder.path().toStdString()) / "run", options);
        QVERIFY(session);
        std::vector<StepRecord> buffer(4096);
        while ((*session)->drain(buffer) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        (*session)->drain(buffer);
        std::size_t n = 0;
        QElapsedTimer clock;
        clock.start();
        while (clock.elapsed() < seconds * 1000) {
          std::this_thread::sleep_for(std::chrono::milliseconds(100));
          n += (*session)->drain(buffer);
        }
        without.push_back(static_cast<double>(n) * 4 * 128 / (static_cast<double>(clock.elapsed()) * 1e-3));
        (*session)->post(Stop{false});
        session->reset();
      }
      Window w;
      QVERIFY(w.window->commands().train(spec_));
      w.window->trainPage()->showInstruments();
      QTRY_VERIFY_WITH_TIMEOUT(!w.session().series().steps().empty(), 30000);
      QTest::qWait(300);
      const auto before = w.session().series().steps().size();
      WindowCost cost;
      QElapsedTimer clock;
      clock.start();
      QTest::qWait(seconds * 1000);
      with.push_back(static_cast<double>(w.session().series().steps().size() - before) * 4 * 128 / (static_cast<double>(clock.elapsed()) * 1e-3));
      shares.push_back(100 * cost.sample());
      w.session().post(Stop{false});
      QTRY_VERIFY_WITH_TIMEOUT(!w.session().isActive(), 20000);
    }
    const double a = percentile(without, 0.5), b = percentile(with, 0.5);
    qInfo("tokens/s, median of 3 turns of %d s:  without the window %.0f  with it %.0f  (%.1f %% less)", seconds, a, b, 100 * (1 - b / a));
    qInfo("the window's own thread: %.1f %% of one core", percentile(shares, 0.5));
    QVERIFY(a > 0 && b > 0);
  }

 private:
  RunSpec spec_;
};

QTEST_MAIN(TestWindowTraining)
#include "tst_window_training.moc"
