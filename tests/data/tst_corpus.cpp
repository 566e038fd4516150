// SPDX-License-Identifier: GPL-3.0-or-later
// Windows over text: the split leaks nothing, an epoch shows each window once, caches give the same tokens.
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <map>
#include <set>

#include "data_files.h"
#include "engine/base/error.h"
#include "engine/data/corpus.h"
#include "engine/data/random.h"
#include "engine/data/token_cache.h"

using namespace serp;
using namespace serp::test;
namespace fs = std::filesystem;

class TestCorpus : public QObject {
  Q_OBJECT

  QTemporaryDir dir_;

  std::string path(const std::string& name) const { return dir_.filePath(QString::fromStdString(name)).toStdString(); }
  DataSettings settings(const std::vector<std::string>& sources, std::int64_t context = 16, std::int64_t batch = 4) const {
    DataSettings s;
    s.source = sources;
    s.context = context;
    s.batch = batch;
    s.validationFraction = 0.1;
    s.cacheFolder = path("cache");
    return s;
  }
  /// Text in which every stretch of 8 bytes occurs once, so that a window says where it comes from.
  static std::string numbered(std::size_t bytes, char mark) {
    std::string text;
    for (int i = 0; text.size() < bytes; ++i) {
      char word[16];
      std::snprintf(word, sizeof word, "%c%06d\n", mark, i);
      text += word;
    }
    text.resize(bytes);
    return text;
  }
  static std::string rowText(const Corpus& corpus, const Batch& batch, std::int64_t row) {
    const auto begin = batch.inputs.begin() + row * batch.context;
    const std::vector<std::int32_t> ids(begin, begin + batch.context);
    return corpus.tokenizer().decode(ids);
  }

 private Q_SLOTS:
  void splitLeaksNothing() {
    fs::create_directories(path("many/deep"));
    std::string whole;
    std::map<std::string, std::string> contents;
    for (const char* name : {"many/b.txt", "many/a.txt", "many/deep/c.md"}) {
      contents[name] = numbered(4000, name[5]);
      writeAll(path(name), contents[name]);
    }
    const auto corpus = openedCorpus(settings({path("many")}));
    QCOMPARE(corpus->facts().trainTokens, 3 * 3600);
    QCOMPARE(corpus->facts().validationTokens, 3 * 400);
    // Sorted by path; the last tenth of each file is held out.
    std::string held, rest;
    for (const char* name : {"many/a.txt", "many/b.txt", "many/deep/c.md"}) {
      rest += contents[name].substr(0, 3600);
      held += contents[name].substr(3600);
    }
    std::string seen;
    Batch batch;
    for (std::int64_t i = 0; i < corpus->validationBatches(); ++i) {
      corpus->validation(i, batch);
      for (std::int64_t row = 0; row < batch.rows; ++row)
        for (std::int64_t k = 0; k < batch.context; ++k) {
          const auto at = static_cast<std::size_t>(row * batch.context + k);
          if (batch.targets[at] < 0) continue;
          if (seen.empty()) seen += static_cast<char>(batch.inputs[at]);
          QCOMPARE(static_cast<char>(batch.inputs[at]), seen.back());
          seen += static_cast<char>(batch.targets[at]);
        }
    }
    QCOMPARE(seen, held);
    // Every training window lies in the rest, and no 16 bytes of the held-out text ever appear.
    for (std::uint64_t index = 0; index < 400; ++index) {
      corpus->train(index, batch);
      for (std::int64_t row = 0; row < batch.rows; ++row) {
        const std::string text = rowText(*corpus, batch, row);
        QVERIFY(rest.find(text) != std::string::npos);
        QVERIFY(held.find(text) == std::string::npos);
      }
    }
  }

  void tinyFilesFallBackToTheEndOfAll() {
    fs::create_directories(path("tiny"));
    for (int i = 0; i < 40; ++i) writeAll(path("tiny/" + std::to_string(100 + i) + ".txt"), numbered(9, static_cast<char>('A' + i)));
    const auto corpus = openedCorpus(settings({path("tiny")}));
    QCOMPARE(corpus->facts().trainTokens + corpus->facts().validationTokens, 360);
    QCOMPARE(corpus->facts().validationTokens, 36);
  }

  void eachWindowOnceAnEpoch() {
    writeAll(path("one.txt"), numbered(5003, 'o'));
    const auto corpus = openedCorpus(settings({path("one.txt")}, 16, 3));
    const std::uint64_t windows = static_cast<std::uint64_t>((corpus->facts().trainTokens - 16) / 16);
    const std::string text = readAll(path("one.txt"));
    std::vector<std::vector<std::size_t>> epochs;
    Batch batch;
    for (std::uint64_t index = 0; index < 3 * windows; ++index) {
      corpus->train(index, batch);
      for (std::int64_t row = 0; row < 3; ++row) {
        const std::uint64_t number = index * 3 + static_cast<std::uint64_t>(row), epoch = number / windows;
        if (epochs.size() <= epoch) epochs.emplace_back();
        epochs[epoch].push_back(text.find(rowText(*corpus, batch, row)));
      }
    }
    epochs.resize(8);
    std::set<std::size_t> offsets;
    for (std::size_t e = 0; e < epochs.size(); ++e) {
      QCOMPARE(epochs[e].size(), std::size_t(windows));
      const std::set<std::size_t> places(epochs[e].begin(), epochs[e].end());
      QCOMPARE(places.size(), std::size_t(windows));
      for (const std::size_t place : places) QCOMPARE(place % 16, *places.begin() % 16);
      QVERIFY(*places.rbegin() + 17 <= static_cast<std::size_t>(corpus->facts().trainTokens));
      offsets.insert(*places.begin());
      if (e > 0) QVERIFY(epochs[e] != epochs[e - 1]);
    }
    QVERIFY(offsets.size() > 2);
  }

  void batchesAreAFunctionOfSeedAndNumber() {
    writeAll(path("seed.txt"), numbered(5000, 's'));
    DataSettings s = settings({path("seed.txt")});
    const auto a = openedCorpus(s), b = openedCorpus(s);
    s.seed = 2;
    const auto c = openedCorpus(s);
    Batch x, y, z;
    for (const std::uint64_t index : {0ull, 39ull, 40ull, 100000ull, 1ull << 50}) {
      b->train(index + 1, y);
      a->train(index, x);
      b->train(index, y);
      c->train(index, z);
      QCOMPARE(x.inputs, y.inputs);
      QCOMPARE(x.targets, y.targets);
      QVERIFY(x.inputs != z.inputs);
      for (std::int64_t row = 0; row < 4; ++row)
        for (std::int64_t k = 0; k + 1 < 16; ++k) QCOMPARE(x.targets[static_cast<std::size_t>(row * 16 + k)], x.inputs[static_cast<std::size_t>(row * 16 + k + 1)]);
    }
  }

  void permutationIsABijection() {
    for (const std::uint64_t n : {1ull, 2ull, 3ull, 7ull, 64ull, 1000ull, 4097ull}) {
      const Permutation order(n, 5, n);
      std::set<std::uint64_t> seen;
      for (std::uint64_t i = 0; i < n; ++i) seen.insert(order(i));
      QCOMPARE(seen.size(), std::size_t(n));
      QVERIFY(*seen.rbegin() < n);
    }
  }

  void everyWayOfReadingGivesTheSameTokens() {
    const std::string book = readAll(shared("corpora/tinyshakespeare.txt"));
    if (book.empty() || !QFile::exists(QString::fromStdString(shared("gpt2/vocab.bpe")))) QSKIP("the folder shared/data is missing");
    // 4.5 MB in one file: several chunks, cut where they may be.
    const std::string text = book + book + book + book;
    writeAll(path("big.txt"), text);
    writeAll(path("big.txt.gz"), gzip(text.substr(0, 3000001)) + gzip(text.substr(3000001)));
    for (const std::string& tokenizer : {std::string("gpt2:") + shared("gpt2"), std::string("chars"), std::string("bytes")}) {
      const auto opened = *openTokenizer(tokenizer, book);
      const std::vector<std::int32_t> ids = opened->encode(text);
      for (const char* name : {"big.txt", "big.txt.gz"}) {
        const auto corpus = openEvaluationText({path(name)}, opened, 1000, 8, "text");
        QVERIFY2(bool(corpus), said(corpus).c_str());
        QCOMPARE((*corpus)->facts().validationTokens, static_cast<std::int64_t>(ids.size()));
        QCOMPARE((*corpus)->facts().textBytes, static_cast<std::int64_t>(text.size()));
        Batch batch;
        std::size_t at = 0;
        for (std::int64_t i = 0; i < (*corpus)->validationBatches(); ++i) {
          (*corpus)->validation(i, batch);
          for (std::size_t k = 0; k < batch.inputs.size(); ++k) {
            if (batch.targets[k] < 0) continue;
            QCOMPARE(batch.inputs[k], std::int64_t{ids[at]});
            QCOMPARE(batch.targets[k], std::int64_t{ids[++at]});
          }
        }
        QCOMPARE(at + 1, ids.size());
      }
    }
  }

  void documentsAreSeparated() {
    std::string lines;
    for (int i = 0; i < 60; ++i) lines += "{\"id\": " + std::to_string(i) + ", \"body\": \"text \\u00e4 " + std::to_string(i) + "\"}\n";
    writeAll(path("docs.jsonl"), lines);
    writeAll(path("docs.jsonl.gz"), gzip(lines));
    for (const char* name : {"docs.jsonl", "docs.jsonl.gz"}) {
      DataSettings s = settings({path(name)});
      s.field = "body";
      s.validationFraction = 0;
      const auto corpus = openCorpus(s);
      QVERIFY2(bool(corpus), said(corpus).c_str());
      const ProbeText probe = (*corpus)->probe(1 << 20);
      std::string wanted;
      for (int i = 0; i < 60; ++i) wanted += (i ? "\ntext \xC3\xA4 " : "text \xC3\xA4 ") + std::to_string(i);
      QCOMPARE((*corpus)->tokenizer().decode(probe.tokens), wanted);
      QCOMPARE((*corpus)->facts().textBytes, static_cast<std::int64_t>(wanted.size()));
      QCOMPARE((*corpus)->validationBatches(), 0);
    }
  }

  void cacheIsUsedCheckedAndMadeAgain() {
    const fs::path folder = path("cache2");
    const std::string key(64, 'a');
    std::vector<std::int32_t> ids(100000);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i % 50000);
    {
      TokenSink sink(folder, key, 50257, 1000);
      sink.beginFile();
      sink.add(std::span(ids).first(60000));
      sink.beginFile();
      sink.add(std::span(ids).subspan(60000));
      sink.addNotice("a notice");
      sink.addTextBytes(12345);
      const TokenizedText made = sink.finish();
      QCOMPARE(made.tokens->size(), ids.size());
    }
    const auto opened = openTokenCache(folder, key, 50257);
    QVERIFY(opened.has_value());
    std::vector<std::int64_t> back(ids.size());
    opened->tokens->read(0, back);
    QVERIFY(std::equal(ids.begin(), ids.end(), back.begin()));
    QCOMPARE(opened->files[1].begin, std::uint64_t{60000});
    QCOMPARE(opened->textBytes, std::uint64_t{12345});
    QCOMPARE(opened->notices.front(), std::string("a notice"));
    // Wrong key, wrong width, any cut and any flipped byte: no cache.
    const fs::path file = folder / (key + ".tokens");
    const std::string good = readAll(file);
    QVERIFY(!openTokenCache(folder, std::string(64, 'b'), 50257));
    QVERIFY(!openTokenCache(folder, key, 100000));
    Random random(3);
    for (int i = 0; i < 60; ++i) {
      std::string bad = good;
      if (i % 2) bad.resize(random.below(bad.size()));
      else bad[8 + random.below(bad.size() - 8)] ^= 4;
      writeAll(file, bad);
      const auto damaged = openTokenCache(folder, key, 50257);
      // A flip in the footer's notice or byte count is not seen by the CRC; the tokens are what counts.
      if (!damaged) continue;
      damaged->tokens->read(0, back);
      QVERIFY(std::equal(ids.begin(), ids.end(), back.begin()));
    }
    // Given up half-way nothing is left.
    const auto entries = [&] { return std::distance(fs::directory_iterator(folder), fs::directory_iterator()); };
    const auto before = entries();
    {
      TokenSink sink(folder, std::string(64, 'c'), 50257, 10);
      sink.add(ids);
      QCOMPARE(entries(), before + 1);
    }
    QCOMPARE(entries(), before);
  }

  void cacheOfAShrunkFileStopsTheRun() {
    const fs::path folder = path("cache3");
    const std::string key(64, 'd');
    TokenSink sink(folder, key, 256, 10);
    const std::vector<std::int32_t> ids(5000, 7);
    sink.add(ids);
    const TokenizedText text = sink.finish();
    fs::resize_file(folder / (key + ".tokens"), 2000);
    std::vector<std::int64_t> out(100);
    QVERIFY_EXCEPTION_THROWN(text.tokens->read(0, out), Error);
  }

  void fileChangingUnderUsStopsTheRun() {
    for (const bool shrink : {true, false}) {
      writeAll(path("moving.txt"), numbered(200000, 'm'));
      const auto corpus = openedCorpus(settings({path("moving.txt")}));
      Batch batch;
      corpus->train(0, batch);
      if (shrink) {
        fs::resize_file(path("moving.txt"), 100);
      } else {
        fs::last_write_time(path("moving.txt"), fs::last_write_time(path("moving.txt")) + std::chrono::seconds(2));
      }
      try {
        corpus->train(1, batch);
        QFAIL("no error");
      } catch (const Error& error) {
        QCOMPARE(error.exitCode(), ExitCode::BadData);
        VERIFY_SAYS(std::string(error.what()), "moving.txt: the file changed while it was in use");
      }
    }
    // Replacing or deleting the name leaves the open file as it was.
    writeAll(path("gone.txt"), numbered(200000, 'g'));
    const auto corpus = openedCorpus(settings({path("gone.txt")}));
    Batch before, after;
    corpus->train(7, before);
    fs::remove(path("gone.txt"));
    corpus->train(7, after);
    QCOMPARE(before.inputs, after.inputs);
  }

  void factsOfAText() {
    writeAll(path("ab.txt"), std::string(500, 'a') + std::string(500, 'b') + std::string(1000, 'a'));
    DataSettings s = settings({path("ab.txt")});
    s.validationFraction = 0.5;
    const auto corpus = openedCorpus(s);
    QCOMPARE(corpus->facts().uniformLoss, std::log(2.0));
    QVERIFY(std::abs(corpus->facts().unigramLoss - std::log(2.0)) < 1e-12);
    QCOMPARE(corpus->facts().bytesPerToken, 1.0);
    QCOMPARE(corpus->facts().description, std::string("ab.txt, 1.95 KiB"));
    QVERIFY(!corpus->facts().entropyRate);
  }

  void savedTokenizerIsTaken() {
    QTemporaryDir saved;
    const std::string text = numbered(5000, 't');
    writeAll(path("saved.txt"), text);
    const auto bpe = *trainBpe(text, {300, {}});
    QVERIFY(bool(bpe->save(saved.path().toStdString())));
    DataSettings s = settings({path("saved.txt")});
    s.tokenizer = "bpe:/gone/since";
    s.tokenizerFolder = saved.path().toStdString();
    const auto corpus = openCorpus(s);
    QVERIFY2(bool(corpus), said(corpus).c_str());
    QCOMPARE((*corpus)->tokenizer().fingerprint(), bpe->fingerprint());
    QCOMPARE((*corpus)->sharedTokenizer()->kind(), std::string("bpe"));
  }
};

QTEST_GUILESS_MAIN(TestCorpus)
#include "tst_corpus.moc"
