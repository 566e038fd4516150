// SPDX-License-Identifier: GPL-3.0-or-later
// The store keeps every point, takes a continued run's steps in place of the old ones, and tells about changes once.
#include <QSignalSpy>
#include <QtTest>

#include "app/session/series_store.h"

using namespace serp;
using namespace serp::app;

class TestSeriesStore : public QObject {
  Q_OBJECT
  static std::vector<StepRecord> steps(std::int64_t from, std::int64_t to, double loss) {
    std::vector<StepRecord> out;
    for (auto s = from; s <= to; ++s) {
      StepRecord r;
      r.step = s;
      r.loss = loss;
      out.push_back(r);
    }
    return out;
  }
  static RunEvent happened(EventKind kind, std::int64_t step) {
    RunEvent out;
    out.kind = kind;
    out.step = step;
    return out;
  }
  static std::shared_ptr<const RoutingFrame> window(std::int64_t step) {
    auto out = std::make_shared<RoutingFrame>();
    out->step = step;
    out->layers.resize(1);
    return out;
  }

 private Q_SLOTS:
  void changesOncePerFlush() {
    SeriesStore store;
    QSignalSpy changed(&store, &SeriesStore::changed);
    store.flush();
    QCOMPARE(changed.count(), 0);
    store.append(steps(1, 10, 3));
    store.append(steps(11, 20, 3));
    store.flush();
    store.flush();
    QCOMPARE(changed.count(), 1);
    QCOMPARE(store.steps().size(), 20u);
  }
  void continuedRunReplacesItsTail() {
    SeriesStore store;
    store.append(steps(1, 100, 3));
    const int before = store.generation();
    store.append(steps(61, 80, 2));
    QCOMPARE(store.steps().size(), 80u);
    QCOMPARE(store.steps()[59].loss, 3.0);
    QCOMPARE(store.steps()[60].loss, 2.0);
    QVERIFY(store.generation() != before);
  }
  void continuedRunTakesLaterRecordsBack() {
    SeriesStore store;
    store.append(steps(1, 100, 3));
    store.append(happened(EventKind::Started, 0));
    for (const int step : {40, 80}) store.append(happened(EventKind::LiveEdit, step));
    store.append(happened(EventKind::Stopped, 100));
    for (const int step : {50, 100}) {
      EvalRecord eval;
      eval.step = step;
      store.append(eval);
      store.append(window(step));
    }
    store.append(happened(EventKind::Started, 60));           // "continued", before its first step as it may arrive
    store.append(steps(61, 70, 2));
    store.append(happened(EventKind::LiveEdit, 65));
    store.append(steps(71, 80, 2));
    std::vector<int> at;
    for (const RunEvent& e : store.events()) at.push_back(static_cast<int>(e.step));
    QCOMPARE(at, (std::vector<int>{0, 40, 60, 65}));
    QCOMPARE(store.steps().size(), 80u);
    QCOMPARE(store.evals().size(), 1u);
    QCOMPARE(store.routing().size(), 1u);
    QCOMPARE(store.routing().back()->step, std::int64_t(50));
  }
  void shorterLogReadAgainKeepsWhatIsTheSame() {
    SeriesStore store;
    store.append(steps(1, 100, 3));
    for (const int step : {0, 60, 80}) store.append(happened(step == 0 ? EventKind::Started : EventKind::Saved, step));
    store.append(steps(1, 60, 3));                         // cut to 60 and read from its start; the log of events was not
    QCOMPARE(store.steps().size(), 60u);
    QCOMPARE(store.events().size(), 2u);
    store.append(happened(EventKind::Started, 0));            // now that one as well
    store.append(happened(EventKind::Saved, 60));
    QCOMPARE(store.events().size(), 2u);
  }
  void textBeforeTheFirstWindow() {
    SeriesStore store;
    auto early = std::make_shared<RoutingFrame>();
    early->text = std::make_shared<RoutedText>();
    store.append(std::shared_ptr<const RoutingFrame>(early));
    QVERIFY(store.routing().empty());                      // no layers, so no window
    QCOMPARE(store.text(), early->text);
    store.append(window(10));
    QCOMPARE(store.routing().size(), 1u);
  }
  void evaluationArrivesTwiceCountsOnce() {
    SeriesStore store;
    EvalRecord eval;
    eval.step = 50;
    eval.loss = 2.5;
    RunEvent event;
    event.kind = EventKind::Evaluated;
    event.eval = eval;
    store.append(event);
    store.append(eval);
    eval.step = 25;
    store.append(eval);
    QCOMPARE(store.evals().size(), 2u);
    QCOMPARE(store.evals().front().step, std::int64_t(25));
  }
  void routingHistoryKeepsCountsAndTheNewestText() {
    SeriesStore store;
    auto text = std::make_shared<RoutedText>();
    for (int i = 1; i <= 3; ++i) {
      auto frame = std::make_shared<RoutingFrame>();
      frame->step = i * 10;
      frame->layers.resize(1);
      frame->text = i == 3 ? text : nullptr;
      store.append(std::shared_ptr<const RoutingFrame>(frame));
    }
    QCOMPARE(store.routing().size(), 3u);
    QCOMPARE(store.text().get(), static_cast<const RoutedText*>(text.get()));
    QVERIFY(!store.routing().back()->text);
  }
};

QTEST_GUILESS_MAIN(TestSeriesStore)
#include "tst_series_store.moc"
