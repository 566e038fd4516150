// SPDX-License-Identifier: GPL-3.0-or-later
// What people and disks do wrong: one clear message, the right exit code, nothing overwritten, no stack trace.
#include <sys/mount.h>
#include <unistd.h>

#include "cli_testing.h"

using namespace serp::test;

namespace {

QString q(const std::string& text) { return QString::fromStdString(text); }

/// No trace of a crash or of our own insides.
bool isDecent(const std::string& err) {
  for (const char* bad : {"terminate called", "Segmentation", "core dumped", "internal error", "c10::", "at::", "std::", "Exception", ".cpp:", "what():"})
    if (err.find(bad) != std::string::npos) return false;
  return !err.empty() && err.size() < 2500;
}

}  // namespace

#define SAYS(ran, exitCode, part)                                                                              \
  do {                                                                                                         \
    const Ran& r_ = (ran);                                                                                     \
    QVERIFY2(r_.code == (exitCode), qPrintable(QStringLiteral("exit code %1: %2").arg(r_.code).arg(q(r_.err)))); \
    QVERIFY2(q(r_.err).contains(QStringLiteral(part)), r_.err.c_str());                                        \
    QVERIFY2(isDecent(r_.err), r_.err.c_str());                                                                \
  } while (false)

class TstBadInput : public QObject {
  Q_OBJECT

  /// Trains the tiny design on `source`; the run folder must not come to be.
  Ran trainOn(const Room& room, const std::string& source, const QStringList& more = {}) {
    const std::string design = room.write("tiny.yaml", tinyDesign());
    QStringList arguments{"train", q(design), "--out", q(room.path("run").string()), "--steps", "3", "--set", q("data.source=" + source)};
    return room.run(arguments + more);
  }

 private Q_SLOTS:
  void textThatCannotBeRead() {
    const Room room;
    SAYS(trainOn(room, room.path("missing.txt").string()), 3, "missing.txt: no such file or folder");
    SAYS(trainOn(room, room.write("empty.txt", "")), 3, "empty.txt: the file is empty (0 bytes)");
    SAYS(trainOn(room, room.write("binary.txt", std::string("text\0more", 9) + std::string(2000, 'x'))), 3, "byte 4 is NUL");
    SAYS(trainOn(room, room.write("utf16.txt", "\xFF\xFEh\x01i\x01")), 3, "UTF-16");
    SAYS(trainOn(room, room.write("short.txt", "too short")), 3, "9 tokens (9 bytes) are too few");
    SAYS(trainOn(room, room.write("blank.txt", std::string(5000, ' '))), 3, "nothing but white space");
    SAYS(trainOn(room, room.write("bad.jsonl", "{\"text\": \"fine\"}\n{oops\n")), 3, "line 2 is not valid JSON");
    SAYS(trainOn(room, room.write("torn.jsonl.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage")), 3, "torn.jsonl.gz");
    fs::create_directories(room.path("nothing"));
    SAYS(trainOn(room, room.path("nothing").string()), 3, "no text in this folder");
    SAYS(trainOn(room, "/dev/zero"), 3, "not a regular file");
    SAYS(trainOn(room, "bable"), 3, "did you mean \"babel\"?");
    QVERIFY(!fs::exists(room.path("run")));
  }

  void badUtf8() {
    const Room room;
    std::string text;
    while (text.size() < 4000) text += "plain words and an ümlaut\n";
    text.insert(2000, "\xC3\x28");
    const std::string file = room.write("latin.txt", text);
    SAYS(trainOn(room, file, {"--set", "data.tokenizer=chars"}), 3, "not UTF-8 at byte 2000");
    QCOMPARE(trainOn(room, file).code, 0);  // bytes are bytes
    const std::string design = room.write("odd.yaml", "name: \xC3\x28\n");
    SAYS(room.run({"plan", q(design)}), 2, "odd.yaml:1");
  }

  void designs() {
    const Room room;
    const auto plan = [&](const std::string& text) { return room.run({"train", q(room.write("design.yaml", text)), "--out", q(room.path("run").string())}); };
    SAYS(room.run({"train", "start/moe_mambo"}), 2, "did you mean \"start/moe_mamba\"?");
    SAYS(room.run({"train", "missing.yaml"}), 2, "missing.yaml");
    const Ran unknown = plan("name: x\nmodel:\n  blocks:\n    - {kind: switch_moe, expert: 4}\ntrain: {stepz: 3}\n");
    SAYS(unknown, 2, "did you mean \"experts\"?");
    SAYS(unknown, 2, "did you mean \"steps\"?");  // all faults at once
    SAYS(unknown, 2, "design.yaml:4:");
    SAYS(plan("model: {d_model: wide, blocks: [{kind: mamba}]}\n"), 2, "model.d_model");
    SAYS(plan("model: {d_model: 64, blocks: [{kind: mamba}]}\ntrain: {steps: -3}\n"), 2, "train.steps");
    SAYS(plan("model: {d_model: 64, blocks: [{kind: mamba}\n"), 2, "design.yaml");
    SAYS(plan(""), 2, "design.yaml");
    SAYS(plan(std::string("a\0b", 3)), 2, "design.yaml");
    SAYS(room.run({"train", q(room.write("tiny.yaml", tinyDesign())), "--set", "train.stepz=3"}), 2, "stepz");
    SAYS(room.run({"train", q(room.write("tiny.yaml", tinyDesign())), "--set", "nonsense"}), 2, "a key and a value are needed");
    SAYS(room.run({"train", "start/moe_mamba", "--steps", "many"}), 2, "--steps");
    SAYS(room.run({"train"}), 2, "give a design");
    SAYS(room.run({"trian", "x"}), 2, "did you mean \"train\"?");
    QVERIFY(!fs::exists(room.path("run")));
  }

  void impossibleSizes() {
    const Room room;
    const std::string design = room.write("huge.yaml", "name: huge\nmodel: {d_model: 65536, blocks: [{repeat: 200, blocks: [{kind: mamba}]}]}\n"
                                                       "data: {source: babel, babel_bytes: 20000}\n");
    const Ran r = room.run({"train", q(design), "--out", q(room.path("run").string())});
    QCOMPARE(r.code, 5);
    QVERIFY2(isDecent(r.err), r.err.c_str());
    QVERIFY2(QRegularExpression("\\d+(\\.\\d+)? [GT]iB.*\\d+(\\.\\d+)? [KMGT]iB").match(q(r.err).replace('\n', ' ')).hasMatch(), r.err.c_str());  // asked for, and free
    QVERIFY(!fs::exists(room.path("run")));
  }

  void vocabularyThatDoesNotFit() {
    const Room room;
    SAYS(trainOn(room, "babel", {"--set", "model.vocab=100"}), 2, "the tokenizer bytes has 256 tokens");
    QVERIFY(!fs::exists(room.path("run")));
    QCOMPARE(trainOn(room, "babel").code, 0);
    // The run's tokenizer is exchanged behind its back.
    QCOMPARE(room.run({"tokenize", "train", "--vocab", "300", "--out", q(room.path("bpe").string())}, QByteArray("so much text, so much text ").repeated(50)).code, 0);
    fs::copy(room.path("bpe"), room.path("run/tokenizer"), fs::copy_options::overwrite_existing | fs::copy_options::recursive);
    const Ran r = room.run({"train", "--resume", q(room.path("run").string()), "--steps", "6"});
    QVERIFY2(r.code == 2 || r.code == 3, r.err.c_str());
    QVERIFY2(isDecent(r.err), r.err.c_str());
    SAYS(room.run({"logits", q(room.path("run").string()), "--tokens", "1,2"}), 3, "embedding.weight");
  }

  void devices() {
    const Room room;
    SAYS(trainOn(room, "babel", {"--device", "cuda"}), 2, "cuda");
    SAYS(trainOn(room, "babel", {"--device", "quantum"}), 2, "quantum");
    QVERIFY(!fs::exists(room.path("run")));
  }

  void foldersThatCannotBeWritten() {
    const Room room;
    const std::string design = room.write("tiny.yaml", tinyDesign());
    const std::string precious = room.write("precious/notes.txt", "mine");
    SAYS(room.run({"train", q(design), "--out", q(room.path("precious").string())}), 2, "not empty");
    SAYS(room.run({"train", q(design), "--out", q(precious)}), 6, "a folder is needed");
    SAYS(room.run({"train", q(design), "--out", q(precious + "/run")}), 6, "notes.txt");
    QCOMPARE(readAll(precious), std::string("mine"));
    SAYS(room.run({"train", q(design), "--out", "/proc/serpentarium-run"}), 6, "/proc/serpentarium-run");
    if (::geteuid() == 0) QSKIP("permissions do not bind the superuser");
    fs::create_directories(room.path("closed"));
    fs::permissions(room.path("closed"), fs::perms::owner_read | fs::perms::owner_exec);
    SAYS(room.run({"train", q(design), "--out", q(room.path("closed/run").string())}), 6, "no permission");
    fs::permissions(room.path("closed"), fs::perms::owner_all);
  }

  void fullDisk() {
    const Room room;
    const fs::path disk = room.path("disk");
    fs::create_directories(disk);
    if (::mount("none", disk.c_str(), "tmpfs", 0, "size=300k") != 0) QSKIP("a small file system cannot be mounted here");
    const std::string design = room.write("tiny.yaml", tinyDesign());
    const Ran r = room.run({"train", q(design), "--out", q((disk / "run").string())});
    const bool readable = fs::exists(disk / "run" / "meta.json");
    std::vector<std::string> half;
    if (fs::exists(disk / "run" / "checkpoints"))
      for (const auto& c : fs::directory_iterator(disk / "run" / "checkpoints"))
        if (!fs::exists(c.path() / "manifest.json")) half.push_back(c.path().string());
    ::umount2(disk.c_str(), MNT_DETACH);
    SAYS(r, 6, "No space left on device");
    QVERIFY(readable);
    QVERIFY2(half.empty(), half.empty() ? "" : half.front().c_str());
  }

  void runsThatAreNone() {
    const Room room;
    fs::create_directories(room.path("folder"));
    SAYS(room.run({"train", "--resume", q(room.path("folder").string())}), 2, "a folder without a run");
    SAYS(room.run({"train", "--resume", "last"}), 2, "there is no run yet");
    SAYS(room.run({"train", "--resume", "nobody"}), 2, "there is no run \"nobody\"");
    SAYS(room.run({"eval", q(room.path("folder").string())}), 2, "a folder without a run");
    room.write("liar/meta.json", "[1, 2");
    const Ran liar = room.run({"train", "--resume", q(room.path("liar").string())});
    QVERIFY2(liar.code == 2 || liar.code == 3, liar.err.c_str());
    QVERIFY2(isDecent(liar.err), liar.err.c_str());
  }

  void damagedCheckpoints() {
    const Room room;
    const std::string run = room.path("run").string(), design = room.write("tiny.yaml", tinyDesign());
    QCOMPARE(room.run({"train", q(design), "--out", q(run), "--stop-after", "20"}).code, 0);
    std::string bytes = readAll(room.path("run/checkpoints/step-00000020/model.safetensors"));
    bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 0x10);
    room.write("run/checkpoints/step-00000020/model.safetensors", bytes);
    std::ofstream(room.path("run/metrics.jsonl"), std::ios::app) << "{\"step\":21,\"to";  // and a torn last line
    const Ran eval = room.run({"eval", q(run), "--json"});
    QCOMPARE(eval.code, 0);
    QCOMPARE(eval.json().at("step").get<int>(), 10);
    SAYS(eval, 0, "step-00000020 is damaged");
    SAYS(room.run({"eval", q(run), "--checkpoint", "20"}), 3, "step-00000020");
    SAYS(room.run({"eval", q(run), "--checkpoint", "15"}), 3, "there is no checkpoint of step 15");
    QCOMPARE(room.run({"runs", q(run), "--json"}).code, 0);
    SAYS(room.run({"train", "--resume", q(run)}), 0, "step-00000020 is damaged");
    QVERIFY(fs::exists(room.path("run/checkpoints/step-00000030/manifest.json")));
    int good = 0;
    std::istringstream lines(readAll(room.path("run/metrics.jsonl")));
    for (std::string line; std::getline(lines, line);) good += Json::accept(line);
    QCOMPARE(good, 30);
    // Without any good one the run is refused and left as it is.
    for (const auto& c : fs::directory_iterator(room.path("run/checkpoints"))) std::ofstream(c.path() / "state.json", std::ios::app) << " ";
    const auto before = snapshot(run);
    SAYS(room.run({"train", "--resume", q(run), "--steps", "60"}), 3, "holds no good checkpoint");
    auto after = snapshot(run);
    QVERIFY(before == after);
  }

  void otherVerbs() {
    const Room room;
    const std::string run = room.path("run").string(), design = room.write("tiny.yaml", tinyDesign("steps: 4, eval_every: 0, sample_every: 0"));
    QCOMPARE(room.run({"train", q(design), "--out", q(run)}).code, 0);
    SAYS(room.run({"eval", q(run), "--data", q(room.path("none.txt").string())}), 3, "none.txt");
    SAYS(room.run({"eval", q(run), "--data", q(room.write("one.txt", "x"))}), 3, "too few");
    SAYS(room.run({"generate", q(run), "--tokens", "-5"}), 2, "--tokens");
    SAYS(room.run({"generate", q(run), "--temperature", "hot"}), 2, "--temperature");
    SAYS(room.run({"logits", q(run), "--tokens", "1,x"}), 2, "--tokens");
    SAYS(room.run({"logits", q(run), "--tokens", "1,2,999999"}), 2, "token 2 is 999999");
    SAYS(room.run({"inspect", q(run), "--text", q(room.path("none.txt").string())}), 3, "none.txt");
    SAYS(room.run({"inspect", q(run), "--step", "999"}), 2, "step 999 is not logged");
    SAYS(room.run({"import", q(room.path("none").string())}), 3, "none");
    SAYS(room.run({"tokenize", "encode", "--tokenizer", "gpt2:/nowhere", "--text", "x"}), 3, "/nowhere");
    SAYS(room.run({"tokenize", "encode", "--tokenizer", "runes", "--text", "x"}), 2, "runes");
    SAYS(room.run({"tokenize", "decode", "--ids", "1,300"}), 3, "token 1 is \"300\"");
    SAYS(room.run({"bench", "train", "--model", "rnn"}), 2, "--model");
    SAYS(room.run({"blocks", "mambo"}), 2, "did you mean \"mamba\"?");
  }
};

QTEST_GUILESS_MAIN(TstBadInput)
#include "tst_bad_input.moc"
