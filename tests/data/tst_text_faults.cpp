// SPDX-License-Identifier: GPL-3.0-or-later
// What a user's text can be instead of a text: every case is a sentence with the file's name, none is a crash or a hang.
#include <sys/stat.h>

#include <QTemporaryDir>
#include <QTest>

#include "data_files.h"
#include "engine/data/corpus.h"

using namespace serp;
using namespace serp::test;
namespace fs = std::filesystem;

class TestTextFaults : public QObject {
  Q_OBJECT

  QTemporaryDir dir_;

  std::string path(const std::string& name) const { return dir_.filePath(QString::fromStdString(name)).toStdString(); }
  std::string open(const std::vector<std::string>& names, const std::string& tokenizer = "bytes") {
    DataSettings s;
    s.source.clear();
    for (const std::string& name : names) s.source.push_back(path(name));
    s.context = 16;
    s.batch = 2;
    s.tokenizer = tokenizer;
    s.cacheFolder = path("cache");
    const auto corpus = openCorpus(s);
    if (!corpus) return (corpus.faults().exit == ExitCode::BadData ? "" : "wrong exit code ") + corpus.faults().text();
    std::string notices = "opened";
    for (const std::string& notice : (*corpus)->facts().notices) notices += "; " + notice;
    return notices;
  }
  std::string write(const std::string& name, const std::string& bytes, const std::string& tokenizer = "bytes") {
    writeAll(path(name), bytes);
    return open({name}, tokenizer);
  }
  static std::string documents(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += "{\"text\": \"document number " + std::to_string(i) + "\"}\n";
    return lines;
  }

 private Q_SLOTS:
  void tooLittleText() {
    VERIFY_SAYS(write("empty.txt", ""), "empty.txt: the file is empty (0 bytes)");
    VERIFY_SAYS(write("blank.txt", std::string(1000, ' ') + "\n\n"), "nothing but white space");
    VERIFY_SAYS(write("short.txt", "too short"), "9 tokens (9 bytes) are too few: at least 34 are needed");
    VERIFY_SAYS(write("one.txt", std::string(33, 'x')), "too few");
    VERIFY_SAYS(write("enough.txt", std::string(34, 'x')), "opened");
    VERIFY_SAYS(write("short.jsonl", documents(1)), "too few");
  }

  void notAText() {
    VERIFY_SAYS(write("image.txt", std::string(5000, 'x') + '\0' + std::string(5000, 'x')), "image.txt: a binary file, not text: byte 5000 is NUL");
    VERIFY_SAYS(write("wide.txt", "\xFF\xFEh" + std::string(1, '\0') + "i"), "UTF-16");
    VERIFY_SAYS(write("image.txt.gz", gzip(std::string(100, '\0'))), "binary");
    VERIFY_SAYS(open({"nowhere.txt"}), "nowhere.txt: no such file or folder");
    DataSettings s;
    s.source = {"bable"};
    VERIFY_SAYS(said(openCorpus(s)), "did you mean \"babel\"?");
    ::mkfifo(path("fifo").c_str(), 0600);
    VERIFY_SAYS(open({"fifo"}), "not a regular file");
    s.source = {"/dev/zero"};
    VERIFY_SAYS(said(openCorpus(s)), "not a regular file");
    fs::create_symlink(path("nowhere"), path("dangling"));
    VERIFY_SAYS(open({"dangling"}), "no such file");
    s.source = {std::string(4096, 'n')};
    VERIFY_SAYS(said(openCorpus(s)), "cannot read");
  }

  void allFaultsAtOnce() {
    writeAll(path("good.txt"), std::string(100, 'g'));
    const std::string fault = open({"nowhere1", "good.txt", "nowhere2"});
    VERIFY_SAYS(fault, "nowhere1");
    VERIFY_SAYS(fault, "nowhere2");
  }

  void foldersSkipWhatIsNoText() {
    fs::create_directories(path("folder/.git"));
    fs::create_directories(path("void"));
    writeAll(path("folder/.git/secret"), "never read");
    writeAll(path("folder/picture.png"), std::string("\x89PNG\0\0", 6));
    writeAll(path("folder/nothing.txt"), "");
    writeAll(path("folder/text.txt"), std::string(100, 't'));
    fs::create_directory_symlink(path("folder"), path("folder/loop"));
    const std::string opened = open({"folder"});
    VERIFY_SAYS(opened, "opened");
    VERIFY_SAYS(opened, "1 empty file skipped: nothing.txt");
    VERIFY_SAYS(opened, "1 binary file skipped: picture.png");
    VERIFY_SAYS(open({"void"}), "no text in this folder (0 files looked at)");
  }

  void badUtf8() {
    const std::string bad = std::string(300, 'x') + "\xC3(" + std::string(300, 'y');
    VERIFY_SAYS(write("latin.txt", bad, "chars"), "latin.txt: not UTF-8 at byte 300;");
    VERIFY_SAYS(open({"latin.txt"}, "bytes"), "opened");
    // Beyond the first chunk the place counts from the beginning of the file.
    VERIFY_SAYS(write("late.txt", std::string((1 << 20) + 1, 'x') + "\xC3\xA4" + std::string((1 << 20), 'y') + "\xFF tail", "chars"),
                "not UTF-8 at byte 2097155;");
  }

  void damagedGzip() {
    const std::string lines = documents(2000), good = gzip(lines);
    VERIFY_SAYS(write("good.jsonl.gz", good), "opened");
    for (const std::size_t cut : {std::size_t{1}, std::size_t{9}, std::size_t{30}, good.size() / 2, good.size() - 9, good.size() - 1}) {
      const std::string fault = write("cut.jsonl.gz", good.substr(0, cut));
      VERIFY_SAYS(fault, "cut.jsonl.gz: the gzip data ends in the middle");
    }
    std::string bad = good;
    bad[bad.size() - 6] ^= 1;
    VERIFY_SAYS(write("crc.jsonl.gz", bad), "damaged gzip data near byte");
    bad = good;
    bad[bad.size() / 2] ^= 1;
    VERIFY_SAYS(write("flip.jsonl.gz", bad), "flip.jsonl.gz:");
    VERIFY_SAYS(write("tail.jsonl.gz", good + "tail"), "no gzip data after the end");
    VERIFY_SAYS(write("padded.jsonl.gz", good + std::string(1000, '\0')), "opened");
    VERIFY_SAYS(write("members.jsonl.gz", gzip(lines.substr(0, 1000)) + gzip("") + gzip(lines.substr(1000))), "opened");
    VERIFY_SAYS(write("plain.jsonl.gz", lines), "damaged gzip data near byte");
  }

  void badLinesAreCounted() {
    const std::string good = documents(500);
    const std::size_t middle = good.find('\n', 1000) + 1;
    const std::string notice = write("some.jsonl", "{\"text\": \"a\nb\"}\n\n" + good.substr(0, middle) + "x" + good.substr(middle));
    VERIFY_SAYS(notice, "opened; 3 of 502 lines of");  // the broken text is two lines
    VERIFY_SAYS(notice, "line 1 is not valid JSON; line 2 is not valid JSON; line");
    const std::string deep = "{\"text\": \"x\", \"y\": " + std::string(1000000, '[') + std::string(1000000, ']') + "}\n";
    for (const auto& [line, why] : std::initializer_list<std::pair<std::string, const char*>>{
             {"[1, 2]\n", "line 1 is no JSON object"},
             {"\"text\"\n", "is no JSON object"},
             {"{\"body\": \"x\", \"id\": 3}\n", "has no \"text\" (it has body, id)"},
             {"{\"text\": null}\n", "that is no text"},
             {"{\"text\": {\"text\": \"x\"}}\n", "that is no text"},
             {"{\"text\": \"x\", \"text\": \"y\"}\n", "twice"},
             {"{\"text\": \"\xFF\"}\n", "not valid JSON"},
             {"{\"text\": \"\\ud800\"}\n", "not valid JSON"},
             {"{\"text\": \"x\"} {}\n", "not valid JSON"},
             {"{\"text\": 1e400}\n", "not"},
             {deep, "nested deeper than 64"}}) {
      const std::string opened = write("bad.jsonl", line + good);
      VERIFY_SAYS(opened, "opened; 1 of 501 lines");
      VERIFY_SAYS(opened, why);
    }
    VERIFY_SAYS(write("many.jsonl", "x\n" + documents(50)), "1 of 51 lines of");
    VERIFY_SAYS(write("many.jsonl", "x\n" + documents(50)), "cannot be used");
    VERIFY_SAYS(write("nested.jsonl", "{\"meta\": {\"text\": \"no\"}, \"text\": \"" + std::string(100, 'y') + "\"}"), "opened");
  }

  void hugeLinesStayOutOfMemory() {
    // 200 MB in one line, a thousand times smaller on disk; the line is bad, the rest is read.
    const std::string huge = "{\"text\": \"" + std::string(200 << 20, 'a') + "\"}\n";
    VERIFY_SAYS(write("bomb.jsonl.gz", gzip(huge) + gzip(documents(200))), "1 of 201 lines of");
    VERIFY_SAYS(open({"bomb.jsonl.gz"}), "line 1 is longer than 64 MiB");
  }

  void wrongFieldStopsEarly() {
    std::string lines;
    for (int i = 0; i < 3000; ++i) lines += "{\"content\": \"x\"}\n";
    VERIFY_SAYS(write("field.jsonl", lines), "1001 of 1001 lines");
    VERIFY_SAYS(write("field.jsonl", lines), "data.field, now \"text\"");
  }

  void cacheFolderThatCannotBeWritten() {
    DataSettings s;
    writeAll(path("big.txt"), std::string(40 << 20, 'b') + " text");
    s.source = {path("big.txt")};
    s.tokenizer = "chars";
    writeAll(path("nofolder"), "a file");
    s.cacheFolder = path("nofolder");
    const auto corpus = openCorpus(s);
    QVERIFY(!corpus);
    QCOMPARE(corpus.faults().exit, ExitCode::CannotWrite);
    VERIFY_SAYS(said(corpus), "cannot write the token cache");
    s.cacheFolder = path("cache");
    QVERIFY(bool(openCorpus(s)));
    QVERIFY(bool(openCorpus(s)));  // from the cache
    QCOMPARE(std::distance(fs::directory_iterator(path("cache")), fs::directory_iterator()), 1);
  }
};

QTEST_GUILESS_MAIN(TestTextFaults)
#include "tst_text_faults.moc"
