// SPDX-License-Identifier: GPL-3.0-or-later
// The trainer against the reference of Stanford's CS336, its ties, limits and cancelling.
#include <QTemporaryDir>
#include <QTest>
#include <sstream>

#include "data_files.h"
#include "engine/data/byte_map.h"
#include "engine/data/tokenizer.h"
#include "engine/data/flat_json.h"

using namespace serp;
using namespace serp::test;

class TestBpeTrainer : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void reproducesTheReference() {
    const std::string text = readAll(shared("reference-vectors/cs336/corpus.en"));
    if (text.empty()) QSKIP("the folder shared/data with the reference vectors is missing");
    const auto trained = trainBpe(text, {500, {"<|endoftext|>"}});
    QVERIFY2(bool(trained), said(trained).c_str());
    const auto entries = readFlatJson(readAll(shared("reference-vectors/cs336/train-bpe-reference-vocab.json")), "vocab", 1000);
    QVERIFY(bool(entries));
    QCOMPARE((*trained)->vocabSize(), 500);
    QCOMPARE(entries->size(), std::size_t{500});
    for (const FlatEntry& entry : *entries) {
      const std::string wanted = entry.value == 0 ? entry.key : *byteMapBytes(entry.key);
      QCOMPARE(std::string((*trained)->piece(static_cast<std::int32_t>(entry.value))), wanted);
    }
    // The merges in their order: the pieces from 257 on are their results, one by one.
    std::istringstream merges(readAll(shared("reference-vectors/cs336/train-bpe-reference-merges.txt")));
    std::int32_t id = 257;
    for (std::string line; std::getline(merges, line); ++id) {
      const std::size_t space = line.find(' ');
      QCOMPARE(std::string((*trained)->piece(id)), *byteMapBytes(line.substr(0, space)) + *byteMapBytes(line.substr(space + 1)));
    }
    QCOMPARE(id, 500);
  }

  void referenceFilesGiveTheSameIds() {
    const std::string text = readAll(shared("reference-vectors/cs336/corpus.en"));
    if (text.empty()) QSKIP("the folder shared/data with the reference vectors is missing");
    QTemporaryDir dir;
    std::filesystem::copy_file(shared("reference-vectors/cs336/train-bpe-reference-vocab.json"), dir.filePath("vocab.json").toStdString());
    std::filesystem::copy_file(shared("reference-vectors/cs336/train-bpe-reference-merges.txt"), dir.filePath("merges.txt").toStdString());
    const auto opened = openTokenizer("bpe:" + dir.path().toStdString());
    QVERIFY2(bool(opened), said(opened).c_str());
    const auto trained = *trainBpe(text, {500, {"<|endoftext|>"}});
    QCOMPARE((*opened)->fingerprint(), trained->fingerprint());
    for (const char* name : {"corpus.en", "address.txt", "german.txt", "tinystories_sample.txt", "special_token_trailing_newlines.txt",
                             "special_token_double_newlines_non_whitespace.txt"}) {
      const std::string sample = readAll(shared(std::string("reference-vectors/cs336/") + name));
      for (const bool specials : {false, true}) {
        std::vector<std::int32_t> a, b;
        (*opened)->encode(sample, a, specials);
        trained->encode(sample, b, specials);
        QCOMPARE(a, b);
        QCOMPARE(trained->decode(a), sample);
      }
    }
  }

  void tiesTakeTheLargerPair() {
    // "ab", "cd" and "ax" twice each: the largest pair is ("c", "d"), then ("a", "x") before ("a", "b").
    const auto trained = *trainBpe("ab\ncd\nax\nab\ncd\nax", {259, {}});
    QCOMPARE(std::string(trained->piece(256)), std::string("cd"));
    QCOMPARE(std::string(trained->piece(257)), std::string("ax"));
    QCOMPARE(std::string(trained->piece(258)), std::string("ab"));
  }

  void specialsAreBordersAndNoText() {
    const auto trained = *trainBpe("ab<|x|>ab<|x|>ab<|x|><|x|>", {270, {"<|x|>", "<|x|>y"}});
    QCOMPARE(trained->vocabSize(), 259);  // two specials, the bytes, "ab"; nothing else occurs twice
    std::vector<std::int32_t> ids;
    trained->encode("ab<|x|>y<|x|>", ids, true);
    QCOMPARE(ids, (std::vector<std::int32_t>{258, 1, 0}));
  }

  void repeatedLettersMergeFromTheLeft() {
    const auto trained = *trainBpe(std::string(4000000, 'a'), {300, {}});
    QVERIFY(trained->vocabSize() > 270);
    QCOMPARE(std::string(trained->piece(256)), std::string("aa"));
    const std::string odd(1001, 'a');
    QCOMPARE(trained->decode(trained->encode(odd)), odd);
  }

  void progressCancels() {
    int calls = 0;
    const auto stop = [](void* context, std::int64_t, std::int64_t) { return ++*static_cast<int*>(context) < 3; };
    const auto trained = trainBpe("the cat the cat the dog the dog and the and", {400, {}}, stop, &calls);
    QVERIFY(!trained);
    QCOMPARE(trained.faults().exit, ExitCode::Interrupted);
    QCOMPARE(calls, 3);
  }

  void settingsAreChecked() {
    VERIFY_SAYS(said(trainBpe("text", {256, {"<|endoftext|>"}})), "257..");
    VERIFY_SAYS(said(trainBpe("", {300, {}})), "empty");
    VERIFY_SAYS(said(trainBpe("text", {300, {"", "a", "a"}})), "given twice");
  }
};

QTEST_GUILESS_MAIN(TestBpeTrainer)
#include "tst_bpe_trainer.moc"
