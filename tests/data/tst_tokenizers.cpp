// SPDX-License-Identifier: GPL-3.0-or-later
// Tokenizers against the reference vectors, byte-exactness for any bytes, and every fault of vocabulary files.
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>
#include <map>
#include <sstream>

#include "data_files.h"
#include "engine/base/hash.h"
#include "engine/data/random.h"
#include "engine/data/tokenizer.h"
#include "engine/data/tokenizers.h"

using namespace serp;
using namespace serp::test;
using Ids = std::vector<std::int32_t>;

class TestTokenizers : public QObject {
  Q_OBJECT

  std::shared_ptr<const Tokenizer> gpt2_;

  static std::string sha16(const Ids& ids) {
    std::string bytes;
    for (const std::int32_t id : ids) (bytes += static_cast<char>(id)) += static_cast<char>(id >> 8);
    return sha256(bytes);
  }
  /// The first `count` characters of UTF-8 as bytes.
  static std::size_t bytesOfCharacters(const std::string& text, std::size_t count) {
    std::size_t i = 0;
    for (; i < text.size(); ++i)
      if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && count-- == 0) break;
    return i;
  }
  static void writePair(const QTemporaryDir& dir, const std::string& vocabulary, const std::string& merges) {
    writeAll(dir.filePath("encoder.json").toStdString(), vocabulary);
    writeAll(dir.filePath("vocab.bpe").toStdString(), merges);
  }
  static std::string openPair(const QTemporaryDir& dir) { return said(openTokenizer("gpt2:" + dir.path().toStdString())); }

 private Q_SLOTS:
  void initTestCase() {
    if (!QFile::exists(QString::fromStdString(shared("gpt2/vocab.bpe")))) return;
    const auto opened = openTokenizer("gpt2:" + shared("gpt2"));
    QVERIFY2(bool(opened), said(opened).c_str());
    gpt2_ = *opened;
    QCOMPARE(gpt2_->vocabSize(), 50257);
    QCOMPARE(gpt2_->endOfText(), 50256);
  }

  void knownSentences() {
    if (!gpt2_) QSKIP("the folder shared/data with GPT-2's files is missing");
    QCOMPARE(gpt2_->encode("hello world"), (Ids{31373, 995}));
    QCOMPARE(gpt2_->encode(""), Ids{});
    // A special in a text is plain text unless it is allowed.
    QCOMPARE(gpt2_->encode("<|endoftext|>").size(), std::size_t{7});
    Ids ids;
    gpt2_->encode("hello <|endoftext|>", ids, true);
    QCOMPARE(ids, (Ids{31373, 220, 50256}));
  }

  void llamaCases() {
    if (!gpt2_) QSKIP("the folder shared/data with GPT-2's files is missing");
    const std::string input = readAll(shared("reference-vectors/llama.cpp/ggml-vocab-gpt-2.gguf.inp"));
    std::istringstream output(readAll(shared("reference-vectors/llama.cpp/ggml-vocab-gpt-2.gguf.out")));
    const std::string mark = "\n__ggml_vocab_test__\n";
    int cases = 0;
    for (std::size_t at = 0; at < input.size() + 1; ++cases) {
      const std::size_t end = std::min(input.find(mark, at), input.size());
      const std::string text = input.substr(at, end - at);
      std::string line;
      std::getline(output, line);
      std::istringstream numbers(line);
      const Ids wanted(std::istream_iterator<std::int32_t>(numbers), {});
      if (end < input.size() || !text.empty()) {
        QCOMPARE(gpt2_->encode(text), wanted);
        QCOMPARE(gpt2_->decode(wanted), text);
      }
      if (end == input.size()) {
        ++cases;
        break;
      }
      at = end + mark.size();
    }
    QCOMPARE(cases, 47);
  }

  void goldenTexts() {
    if (!gpt2_) QSKIP("the folder shared/data with GPT-2's files is missing");
    std::istringstream golden(readAll(shared("reference-vectors/golden-token-ids.txt")));
    const std::string shakespeare = readAll(shared("corpora/tinyshakespeare.txt"));
    int checked = 0;
    double bytes = 0, seconds = 0;
    for (std::string line; std::getline(golden, line);) {
      if (line.starts_with('#')) continue;
      const std::size_t chars = line.rfind(" chars ");
      const std::string name = line.substr(0, chars);
      std::istringstream rest(line.substr(chars));
      std::string word, hash;
      std::size_t charCount = 0, byteCount = 0, idCount = 0;
      rest >> word >> charCount >> word >> byteCount >> word >> idCount >> word >> hash;
      std::string text;
      if (name == "tinyshakespeare") text = shakespeare;
      else if (name == " first 90% chars") text = shakespeare.substr(0, bytesOfCharacters(shakespeare, charCount));
      else if (name == " last 10%") text = shakespeare.substr(shakespeare.size() - byteCount);
      else if (name.starts_with("wikitext-2 ")) text = readAll(shared("corpora/wikitext-2/" + name.substr(11) + ".txt"));
      else
        for (const auto& entry : std::filesystem::directory_iterator(shared("corpora/standard-ebooks")))
          if (entry.path().filename().string().starts_with(name)) text = readAll(entry.path());
      QCOMPARE(text.size(), byteCount);
      QElapsedTimer timer;
      timer.start();
      const Ids ids = gpt2_->encode(text);
      seconds += static_cast<double>(timer.nsecsElapsed()) * 1e-9;
      bytes += static_cast<double>(text.size());
      QCOMPARE(ids.size(), idCount);
      QCOMPARE(sha16(ids), hash);
      QCOMPARE(gpt2_->decode(ids), text);
      ++checked;
    }
    QCOMPARE(checked, 17);
    qInfo("gpt2: %.1f MB/s on %.1f MB of prose, one thread", bytes / seconds / 1e6, bytes / 1e6);
  }

  void anyBytesComeBack() {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    Random random(1);
    std::string noise;
    for (int i = 0; i < 200000; ++i) noise += static_cast<char>(random.next());
    const std::vector<std::string> texts = {all, noise, "\xED\xA0\x80 lone \xF4\x90\x80\x80", std::string("a\0b", 3), "\xEF\xBB\xBFx\xE1\xA0\x8E \xC2\x85",
                                            "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D", "cut \xF0\x9F\x98", "\xC3 \xC3  \n\xE2\x80"};
    std::vector<std::shared_ptr<const Tokenizer>> tokenizers = {*openTokenizer("bytes"), *openTokenizer("chars", "abc \xD7\xA9 xyz"),
                                                                *trainBpe("the cat and the other cat", {300, {}})};
    if (gpt2_) tokenizers.push_back(gpt2_);
    for (const auto& tokenizer : tokenizers)
      for (const std::string& text : texts) {
        const Ids ids = tokenizer->encode(text);
        QCOMPARE(tokenizer->decode(ids), text);
        for (const std::int32_t id : ids) QVERIFY(id >= 0 && id < tokenizer->vocabSize());
        QVERIFY(tokenizer->piece(-1).empty() && tokenizer->piece(tokenizer->vocabSize()).empty());
      }
  }

  void longRunsAreNotQuadratic() {
    if (!gpt2_) QSKIP("the folder shared/data with GPT-2's files is missing");
    std::string emoji;
    for (int i = 0; i < 1000000; ++i) emoji += "\xF0\x9F\x98\x80";
    // Quadratic time would be hours, the time limit of the test is minutes.
    for (const std::string& text : {std::string(10000000, 'a'), std::string(10000000, ' '), std::string(10000000, '\xFF'), emoji})
      QCOMPARE(gpt2_->decode(gpt2_->encode(text)), text);
    for (int n = 1; n <= 17; ++n) QCOMPARE(gpt2_->decode(gpt2_->encode(std::string(static_cast<std::size_t>(n), '0'))), std::string(static_cast<std::size_t>(n), '0'));
  }

  void cutsChangeNothing() {
    std::vector<std::shared_ptr<const Tokenizer>> tokenizers = {*openTokenizer("bytes"), *openTokenizer("chars", "\xC3\xA4\xE2\x82\xAC")};
    if (gpt2_) tokenizers.push_back(gpt2_);
    const std::vector<std::string> parts = {" ", "  ", "\n", " a", "it's", "\xC3\xA4", "\xC2\xA0", "\xE2\x80\x83", "12", "!", "'", "r", "\xE2\x82\xAC", "\xFF", "\t"};
    Random random(7);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (std::uint64_t i = random.below(24); i-- > 0;) text += parts[random.below(parts.size())];
      const std::size_t half = random.below(text.size() + 1);
      for (const auto& tokenizer : tokenizers) {
        const std::size_t cut = tokenizer->safeCut(std::string_view(text).substr(0, half));
        QVERIFY(cut <= half);
        Ids apart = tokenizer->encode(text.substr(0, cut));
        tokenizer->encode(text.substr(cut), apart);
        QCOMPARE(apart, tokenizer->encode(text));
      }
    }
  }

  void savedComesBackEqual() {
    std::vector<std::shared_ptr<const Tokenizer>> tokenizers = {*openTokenizer("bytes"), *openTokenizer("chars", "z\xC3\xA4" "\nab"),
                                                                *trainBpe("low lower lowest", {280, {"<|endoftext|>"}}), makeSymbolTokenizer(16),
                                                                makeSymbolTokenizer(100), makeSymbolTokenizer(4096)};
    if (gpt2_) tokenizers.push_back(gpt2_);
    std::map<std::string, int> fingerprints;
    for (const auto& tokenizer : tokenizers) {
      QTemporaryDir dir;
      QVERIFY(bool(tokenizer->save(dir.path().toStdString())));
      const auto back = openTokenizer("saved:" + dir.path().toStdString());
      QVERIFY2(bool(back), said(back).c_str());
      QCOMPARE((*back)->kind(), tokenizer->kind());
      QCOMPARE((*back)->fingerprint(), tokenizer->fingerprint());
      QCOMPARE((*back)->endOfText(), tokenizer->endOfText());
      QCOMPARE((*back)->encode("lower z\xC3\xA4" "b lowest"), tokenizer->encode("lower z\xC3\xA4" "b lowest"));
      ++fingerprints[tokenizer->fingerprint()];
    }
    QCOMPARE(fingerprints.size(), tokenizers.size());
  }

  void charactersOfShakespeare() {
    const std::string text = readAll(shared("corpora/tinyshakespeare.txt"));
    if (text.empty()) QSKIP("the folder shared/data with the corpora is missing");
    const auto chars = *openTokenizer("chars", text);
    std::int32_t most = 0;
    for (const std::int32_t id : chars->encode(text)) most = std::max(most, id);
    QCOMPARE(most, 64);  // the known 65 characters come first, in code point order
  }

  void damagedSavedFilesAreRefused() {
    QTemporaryDir dir;
    const auto bpe = *trainBpe("low lower lowest", {270, {"<|endoftext|>"}});
    QVERIFY(bool(bpe->save(dir.path().toStdString())));
    const std::string path = dir.filePath("tokenizer.json").toStdString(), good = readAll(path);
    const auto open = [&] { return openTokenizer("saved:" + dir.path().toStdString()); };
    for (std::size_t cut = 0; cut < good.size() - 2; cut += 7) {
      writeAll(path, good.substr(0, cut));
      QVERIFY(!open());
    }
    for (const auto& [from, to] : std::map<std::string, std::string>{
             {"\"bpe\"", "\"bpx\""}, {"\"merges\":[[", "\"merges\":[[-1,"}, {"\"size\":", "\"size\":1"}, {"\"bytes\":[189,", "\"bytes\":[18446744073709551616,"},
             {"\"bytes\":[189,190", "\"bytes\":[190,190"}, {"\"version\":1", "\"version\":2"}, {"\"merges\":[[", "\"merges\":[[900,"}, {"\"id\":0", "\"id\":0.5"}}) {
      std::string bad = good;
      const std::size_t at = bad.find(from);
      QVERIFY2(at != std::string::npos, from.c_str());
      writeAll(path, bad.replace(at, from.size(), to));
      const auto opened = open();
      QVERIFY2(!opened, from.c_str());
      VERIFY_SAYS(said(opened), "tokenizer.json");
    }
    writeAll(path, std::string(1000000, '['));
    QVERIFY(!open());
  }

  void gpt2FaultsNameTheLine() {
    if (!gpt2_) QSKIP("the folder shared/data with GPT-2's files is missing");
    const std::string json = readAll(shared("gpt2/encoder.json")), merges = readAll(shared("gpt2/vocab.bpe"));
    const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
      const std::size_t at = text.find(from);
      return at == std::string::npos ? std::string("not found: " + from) : text.replace(at, from.size(), to);
    };
    QTemporaryDir dir;
    writePair(dir, json, merges.substr(0, merges.size() / 2));
    VERIFY_SAYS(openPair(dir), "vocab.bpe:");
    writePair(dir, json, merges.substr(0, merges.rfind('\n', merges.size() / 2) + 1));
    VERIFY_SAYS(openPair(dir), "the file is cut or belongs to another vocabulary");
    writePair(dir, json.substr(0, json.size() / 2), merges);
    VERIFY_SAYS(openPair(dir), "encoder.json:1:");
    const std::string g = "\xC4\xA0";
    // "Ġt he" needs "Ġt" and "he": put before them it uses what is not made yet.
    writePair(dir, json, replaced(replaced(merges, g + "t he\n", ""), g + " t\n", g + "t he\n" + g + " t\n"));
    VERIFY_SAYS(openPair(dir), "vocab.bpe:2:1  \"\xC4\xA0t\" is neither a byte nor made by a line before");
    writePair(dir, json, replaced(merges, "h e\n", "h e\nh e\n"));
    VERIFY_SAYS(openPair(dir), "vocab.bpe:5:1  the result \"he\" was made before");
    writePair(dir, json, replaced(merges, "h e\n", "h\xE2\x82\xAC e\n"));
    VERIFY_SAYS(openPair(dir), "outside GPT-2's byte map");
    writePair(dir, json, replaced(merges, "h e\n", "h  e\n"));
    VERIFY_SAYS(openPair(dir), "vocab.bpe:4:1");
    for (const char* value : {"1", "50300", "-2", "18446744073709551616", "2.0", "2e0", "\"2\"", "null", "02", ""}) {
      writePair(dir, replaced(json, "\"#\": 2,", "\"#\": " + std::string(value) + ","), merges);
      const std::string fault = openPair(dir);
      VERIFY_SAYS(fault, "encoder.json:1:");
    }
    writePair(dir, replaced(json, "\"#\": 2,", "\"\xE2\x82\xAC\": 2,"), merges);
    VERIFY_SAYS(openPair(dir), "outside GPT-2's byte map");
    writePair(dir, replaced(json, "\"#\": 2,", "\"!\": 2,"), merges);
    VERIFY_SAYS(openPair(dir), "occurs twice");
    std::filesystem::remove(dir.filePath("vocab.bpe").toStdString());
    VERIFY_SAYS(openPair(dir), "holds neither vocab.bpe nor merges.txt");
  }

  void unknownSpecsAreRefused() {
    VERIFY_SAYS(said(openTokenizer("byte")), "did you mean \"bytes\"");
    VERIFY_SAYS(said(openTokenizer("gpt2:")), "gpt2:DIR");
    VERIFY_SAYS(said(openTokenizer("bpe:/nowhere/at/all")), "no such folder");
    VERIFY_SAYS(said(openTokenizer("chars")), "needs a text");
  }
};

QTEST_GUILESS_MAIN(TestTokenizers)
#include "tst_tokenizers.moc"
