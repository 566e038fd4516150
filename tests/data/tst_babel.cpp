// SPDX-License-Identifier: GPL-3.0-or-later
// Babel: reproducible, labelled, unambiguous, and its entropy rate is the one that sampling finds.
#include <QTest>
#include <cmath>
#include <map>
#include <set>

#include "data_files.h"
#include "engine/base/hash.h"
#include "engine/data/babel.h"
#include "engine/data/corpus.h"

using namespace serp;
using namespace serp::test;

namespace {

/// All ways a grammar can read a text: for a rule and a place, every end with its probability summed over derivations. Our
/// grammars always take a letter before they come back to a rule at the same place, so plain recursion with a memory ends.
class Reader {
 public:
  Reader(const Grammar& grammar, std::string_view text) : grammar_(grammar), text_(text) {}
  const std::map<std::size_t, double>& rule(int index, std::size_t at) {
    const auto key = std::pair(index, at);
    if (const auto known = memory_.find(key); known != memory_.end()) return known->second;
    const Grammar::Rule& r = grammar_.rules()[static_cast<std::size_t>(index)];
    std::map<std::size_t, double> ends;
    for (const auto& alternative : r.alternatives)
      parts(alternative, {at}, double(alternative.weight) / double(r.cumulative.back()), ends);
    return memory_[key] = ends;
  }

 private:
  /// `places`: where each part read so far begins, and where the next one does.
  void parts(const Grammar::Alternative& alternative, std::vector<std::size_t> places, double p, std::map<std::size_t, double>& ends) {
    const std::size_t k = places.size() - 1, at = places.back();
    if (k == alternative.parts.size()) {
      ends[at] += p;
      return;
    }
    const Grammar::Part& part = alternative.parts[k];
    const auto literally = [&](std::string_view wanted) {
      if (text_.substr(at, wanted.size()) != wanted) return;
      places.push_back(at + wanted.size());
      parts(alternative, places, p, ends);
    };
    if (part.kind == Grammar::Part::Kind::Text) {
      literally(part.text);
    } else if (part.kind == Grammar::Part::Kind::Copy) {
      const auto from = static_cast<std::size_t>(part.index);
      literally(text_.substr(places[from], places[from + 1] - places[from]));
    } else {
      const std::map<std::size_t, double> found = rule(part.index, at);
      for (const auto& [end, q] : found) {
        std::vector<std::size_t> longer = places;
        longer.push_back(end);
        parts(alternative, longer, p * q, ends);
      }
    }
  }
  const Grammar& grammar_;
  std::string_view text_;
  std::map<std::pair<int, std::size_t>, std::map<std::size_t, double>> memory_;
};

}  // namespace

class TestBabel : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void theSameEverywhere() {
    const BabelText text = BabelWriter(1).write(100000);
    QCOMPARE(text.text, BabelWriter(1).write(100000).text);
    QVERIFY(text.text != BabelWriter(2).write(100000).text);
    // In pieces it is the same language going on.
    BabelWriter writer(1);
    const std::string first = writer.write(1000).text;
    QCOMPARE(first + writer.write(100000 - first.size()).text, text.text);
    // Pinned: if this changes, floors and curves of earlier runs no longer compare.
    QCOMPARE(sha256(text.text).substr(0, 16), std::string("e1787a36467f0b99"));
  }

  void readableAscii() {
    const BabelText text = BabelWriter(3).write(200000);
    std::set<char> letters(text.text.begin(), text.text.end());
    for (const char c : letters) QVERIFY(c == '\n' || (c >= ' ' && c <= '~'));
    QVERIFY(letters.size() <= 80);
    QVERIFY(text.text.ends_with('\n'));
    for (const TongueRun& run : text.runs) {
      if (run.begin == 0) continue;
      QCOMPARE(text.text[run.begin - 1], '\n');
      QVERIFY(!std::isspace(static_cast<unsigned char>(text.text[run.begin - 2])));
      QVERIFY(!std::isspace(static_cast<unsigned char>(text.text[run.begin])));
    }
  }

  /// The text must determine the choices: every stretch is read by its own tongue in exactly one way, with the probability that
  /// the writer booked, and by no other tongue; nor does a stretch begin another one that goes on differently.
  void unambiguous() {
    const std::vector<Tongue>& tongues = babelTongues();
    for (std::size_t t = 0; t < tongues.size(); ++t) {
      Random random(9, t);
      for (int i = 0; i < 60; ++i) {
        std::string stretch, after;
        const double nats = tongues[t].grammar.sample(random, stretch);
        tongues[(t + static_cast<std::size_t>(i)) % tongues.size()].grammar.sample(random, after);
        const std::string both = stretch + after;
        for (std::size_t u = 0; u < tongues.size(); ++u) {
          Reader reader(tongues[u].grammar, both);
          const auto ends = reader.rule(0, 0);
          QCOMPARE(ends.size(), std::size_t(u == t ? 1 : 0));
          if (u != t) continue;
          QCOMPARE(ends.begin()->first, stretch.size());
          QVERIFY2(std::abs(-std::log(ends.begin()->second) - nats) < 1e-9, stretch.c_str());
        }
      }
    }
  }

  void sampledRateIsTheComputedOne() {
    const BabelRates rates = babelRates();
    const std::vector<Tongue>& tongues = babelTongues();
    std::vector<double> sampled;
    // Ten independent texts give the error of their mean; five of its sigmas are a miss in two million tests.
    const auto check = [](const std::vector<double>& values, double wanted, const char* what) {
      double mean = 0, square = 0;
      for (const double v : values) mean += v / double(values.size());
      for (const double v : values) square += (v - mean) * (v - mean) / double(values.size() - 1);
      const double error = std::sqrt(square / double(values.size()));
      qInfo("%-8s %.4f nats per byte computed, %.4f +- %.4f sampled", what, wanted, mean, error);
      QVERIFY(std::abs(mean - wanted) < 5 * error + 1e-6);
      QVERIFY(error < 0.01 * wanted);
    };
    std::vector<std::vector<double>> each(tongues.size());
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const BabelText text = BabelWriter(seed).write(1 << 20);
      sampled.push_back(text.nats / double(text.text.size()));
      for (std::size_t t = 0; t < tongues.size(); ++t) each[t].push_back(text.tongueNats[t] / double(text.tongueBytes[t]));
    }
    check(sampled, rates.mixture, "babel");
    for (std::size_t t = 0; t < tongues.size(); ++t) check(each[t], rates.tongues[t], tongues[t].name.c_str());
    QVERIFY(rates.mixture > 0.2 && rates.mixture < 1.2);
  }

  void smallGrammarsByHand() {
    const Grammar coin("start = 3~a | b<start>\n");
    const double p = 0.25, h = -0.75 * std::log(0.75) - p * std::log(p);
    QVERIFY(std::abs(coin.expectedBytes() - 1 / 0.75) < 1e-9);
    QVERIFY(std::abs(coin.expectedNats() - h / 0.75) < 1e-9);
    const Grammar copy("start = <x>-<1>\nx = aa | b\n");
    QVERIFY(std::abs(copy.expectedBytes() - 4) < 1e-9);
    QVERIFY(std::abs(copy.expectedNats() - std::log(2.0)) < 1e-9);
  }

  void corpusHasFactsAndLabels() {
    DataSettings settings;
    settings.babelBytes = 1 << 20;
    const auto opened = openCorpus(settings);
    QVERIFY2(bool(opened), said(opened).c_str());
    const Corpus& corpus = **opened;
    const CorpusFacts& facts = corpus.facts();
    QCOMPARE(facts.labelNames.size(), babelTongues().size());
    QVERIFY(std::abs(*facts.entropyRate - babelRates().mixture) < 1e-12);
    QVERIFY(std::abs(*facts.validationEntropy - *facts.entropyRate) < 0.1 * *facts.entropyRate);
    QVERIFY(facts.unigramLoss > *facts.entropyRate && facts.unigramLoss < facts.uniformLoss);
    qInfo("%s: entropy %.4f, unigram %.4f, uniform %.4f nats per byte", facts.description.c_str(), *facts.entropyRate, facts.unigramLoss, facts.uniformLoss);
    Batch batch;
    corpus.train(0, batch);
    QCOMPARE(batch.labels.size(), batch.inputs.size());
    // '=' and '*' are the sums' own, brackets belong to code.
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::string name = facts.labelNames[batch.labels[i]];
      if (batch.inputs[i] == '=') QCOMPARE(name, std::string("sums"));
      if (batch.inputs[i] == '(') QCOMPARE(name, std::string("code"));
      if (batch.inputs[i] == '?') QCOMPARE(name, std::string("roster"));
    }
    const ProbeText probe = corpus.probe(600);
    QCOMPARE(std::set<std::uint8_t>(probe.labels.begin(), probe.labels.end()).size(), babelTongues().size());
    QCOMPARE(probe.labels.size(), probe.tokens.size());
    QVERIFY(probe.tokens.size() >= 600 && probe.tokens.size() < 1600);
  }

  void otherTokenizersKeepTheLabels() {
    const std::string sample = BabelWriter(5).write(100000).text;
    const auto bpe = *trainBpe(sample, {400, {"<|endoftext|>"}});
    // Run by run gives the ids of the whole.
    const BabelText text = BabelWriter(6).write(50000);
    std::vector<std::int32_t> ids;
    for (std::size_t r = 0; r < text.runs.size(); ++r) {
      const std::uint64_t end = r + 1 < text.runs.size() ? text.runs[r + 1].begin : text.text.size();
      bpe->encode(std::string_view(text.text).substr(text.runs[r].begin, end - text.runs[r].begin), ids);
    }
    QCOMPARE(ids, bpe->encode(text.text));
  }

  void tooSmallIsRefused() {
    DataSettings settings;
    settings.babelBytes = 4096;
    settings.context = 10000;
    VERIFY_SAYS(said(openCorpus(settings)), "at least 10001");
  }
};

QTEST_GUILESS_MAIN(TestBabel)
#include "tst_babel.moc"
