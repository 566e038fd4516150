// SPDX-License-Identifier: GPL-3.0-or-later
// The probe tasks: solvable from what came before, seeded, only answers counted.
#include <QTest>
#include <cmath>
#include <map>
#include <set>

#include "data_files.h"
#include "engine/base/error.h"
#include "engine/data/corpus.h"

using namespace serp;
using namespace serp::test;

class TestTasks : public QObject {
  Q_OBJECT

  static DataSettings settings(const std::string& task, std::int64_t context = 64, std::int64_t symbols = 16) {
    DataSettings s;
    s.source = {task};
    s.context = context;
    s.taskSymbols = symbols;
    s.batch = 8;
    return s;
  }
  /// Answers found by rule alone, from the inputs up to each question; -1 where nothing is asked.
  static std::vector<std::int64_t> solve(const std::string& task, std::int64_t symbols, const std::vector<std::int64_t>& in) {
    const std::int64_t filler = symbols, answerMark = symbols + 1, trigger = symbols + 2;
    std::vector<std::int64_t> out(in.size(), -1), data;
    std::map<std::int64_t, std::int64_t> seen;
    bool answering = false;
    std::size_t next = 0, firstPairs = 0;
    while (task == "associative_recall" && firstPairs + 1 < in.size() && in[firstPairs] != filler && !seen.contains(in[firstPairs])) {
      seen[in[firstPairs]] = in[firstPairs + 1];
      firstPairs += 2;
    }
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (task == "selective_copy") {
        if (in[i] == answerMark) answering = true;
        else if (!answering && in[i] != filler) data.push_back(in[i]);
        if (answering && next < data.size()) out[i] = data[next++];
      } else if (task == "induction") {
        if (in[i] == trigger && seen.contains(trigger)) out[i] = seen[trigger];
        if (i > 0 && in[i - 1] == trigger) seen[trigger] = in[i];
      } else if (i >= firstPairs && in[i] < symbols / 2) {
        out[i] = seen[in[i]];
      }
    }
    return out;
  }

 private Q_SLOTS:
  void everyAnswerFollowsFromTheWindow_data() {
    QTest::addColumn<QString>("task");
    QTest::addColumn<int>("context");
    QTest::addColumn<int>("symbols");
    for (const char* task : {"selective_copy", "induction", "associative_recall"})
      for (const int context : {8, 9, 64, 255})
        for (const int symbols : {2, 3, 16, 100}) QTest::newRow(qPrintable(QString("%1 %2 %3").arg(task).arg(context).arg(symbols))) << QString(task) << context << symbols;
  }
  void everyAnswerFollowsFromTheWindow() {
    QFETCH(QString, task);
    QFETCH(int, context);
    QFETCH(int, symbols);
    const auto corpus = openCorpus(settings(task.toStdString(), context, symbols));
    QVERIFY2(bool(corpus), said(corpus).c_str());
    Batch batch;
    for (std::uint64_t index = 0; index < 10; ++index) {
      (*corpus)->train(index, batch);
      for (std::int64_t row = 0; row < batch.rows; ++row) {
        const auto begin = row * context;
        const std::vector<std::int64_t> in(batch.inputs.begin() + begin, batch.inputs.begin() + begin + context);
        const std::vector<std::int64_t> wanted(batch.targets.begin() + begin, batch.targets.begin() + begin + context);
        QCOMPARE(solve(task.toStdString(), symbols, in), wanted);
        QVERIFY(std::count_if(wanted.begin(), wanted.end(), [](std::int64_t t) { return t >= 0; }) > 0);
        for (const std::int64_t id : in) QVERIFY(id >= 0 && id < (*corpus)->tokenizer().vocabSize());
      }
    }
  }

  void windowsDependOnSeedAndNumberOnly() {
    const auto a = openedCorpus(settings("induction")), b = openedCorpus(settings("induction"));
    DataSettings other = settings("induction");
    other.seed = 2;
    const auto c = openedCorpus(other);
    Batch x, y, z, v;
    a->train(5, y);
    a->train(3, x);
    b->train(3, y);
    c->train(3, z);
    a->validation(3, v);
    QCOMPARE(x.inputs, y.inputs);
    QCOMPARE(x.targets, y.targets);
    QVERIFY(x.inputs != z.inputs);
    QVERIFY(x.inputs != v.inputs);
  }

  void factsAndText() {
    const auto corpus = openedCorpus(settings("associative_recall"));
    QCOMPARE(corpus->tokenizer().kind(), std::string("symbols"));
    QCOMPARE(corpus->facts().uniformLoss, std::log(8.0));
    QCOMPARE(corpus->facts().entropyRate.value(), 0.0);
    const ProbeText probe = corpus->probe(100);
    QVERIFY(probe.tokens.size() >= 100 && probe.labels.size() == probe.tokens.size());
    const std::string text = corpus->tokenizer().decode(probe.tokens);
    QCOMPARE(corpus->tokenizer().encode(text), probe.tokens);
    for (const char ch : text) QVERIFY(ch > ' ' && ch <= '~');
  }

  void badSizesAreRefused() {
    VERIFY_SAYS(said(openCorpus(settings("induction", 4))), "needs at least 8");
    VERIFY_SAYS(said(openCorpus(settings("induction", 64, 1))), "2..4096");
    DataSettings mixed = settings("induction");
    mixed.source.push_back("babel");
    VERIFY_SAYS(said(openCorpus(mixed)), "cannot be mixed");
  }
};

QTEST_GUILESS_MAIN(TestTasks)
#include "tst_tasks.moc"
