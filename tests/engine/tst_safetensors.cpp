// SPDX-License-Identifier: GPL-3.0-or-later
// The safetensors reader against files of strangers, and the writer against failing disks.
#include <sys/stat.h>

#include <QDirIterator>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <numeric>

#include "engine/base/atomic_file.h"
#include "engine/run/safetensors.h"
#include "failing_calls.h"

using namespace serp;
namespace fs = std::filesystem;

namespace {

std::string prefix(std::uint64_t length) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(length >> (8 * i) & 0xff);
  return out;
}

std::string withHeader(const std::string& header, std::size_t dataBytes) {
  return prefix(header.size()) + header + std::string(dataBytes, '\1');
}

}  // namespace

class TestSafetensors : public QObject {
  Q_OBJECT

  QTemporaryDir dir_;
  fs::path file(const char* name) const { return dir_.filePath(QString::fromLatin1(name)).toStdString(); }

  fs::path put(const std::string& bytes) {
    const fs::path path = file("case.safetensors");
    if (!writeFileAtomically(path, bytes)) qFatal("cannot write the case");
    return path;
  }

  /// Text of the refusal; empty if the file was taken.
  std::string refusal(const std::string& bytes) {
    const auto opened = SafetensorsFile::open(put(bytes));
    return opened ? std::string() : opened.faults().text();
  }

  std::string goodFile() {
    std::vector<float> values(64 * 3);
    std::iota(values.begin(), values.end(), 0.5f);
    auto writer = SafetensorsWriter::create(file("good.safetensors"),
                                            {{"blocks.0.mixer.in_proj.weight", StoredType::F32, {64, 3}},
                                             {"step", StoredType::I64, {}},
                                             {"empty", StoredType::F16, {0, 7}},
                                             {"mask", StoredType::Bool, {5}}},
                                            {{"format", "pt"}, {"note", "\"quoted\"\n"}});
    const std::int64_t step = 42;
    if (!writer || !writer->append(values.data(), 256) || !writer->append(values.data() + 64, values.size() * 4 - 256) ||
        !writer->append(&step, 8) || !writer->append("\1\0\1\1\0", 5) || !writer->finish())
      qFatal("cannot write the good file");
    return *readFileCapped(file("good.safetensors"), 1 << 20, ExitCode::BadData);
  }

 private Q_SLOTS:
  void roundTrip() {
    const std::string bytes = goodFile();
    const auto opened = SafetensorsFile::open(file("good.safetensors"));
    QVERIFY2(opened, opened ? "" : opened.faults().text().c_str());
    QCOMPARE(opened->tensors().size(), std::size_t{4});
    QCOMPARE(opened->metadata().at("note"), std::string("\"quoted\"\n"));
    const TensorEntry* weight = opened->tensor("blocks.0.mixer.in_proj.weight");
    QVERIFY(weight && weight->bytes == 64 * 3 * 4 && weight->offset % 8 == 0);
    std::vector<float> back(64 * 3);
    QVERIFY(opened->read(weight->name, back.data()));
    QCOMPARE(back[100], 100.5f);
    std::int64_t step = 0;
    QVERIFY(opened->read("step", &step));
    QCOMPARE(step, std::int64_t{42});
    QVERIFY(opened->tensor("empty")->bytes == 0);
    QVERIFY(!opened->tensor("nothing"));
    QVERIFY(!opened->read("nothing", &step));
    QCOMPARE(test::leftoversUnder(dir_.path()), QString());
  }

  void hashWhileWritingIsTheHashOfTheFile() {
    auto writer = SafetensorsWriter::create(file("hashed.safetensors"), {{"x", StoredType::U8, {3000000}}});
    QVERIFY(writer);
    const std::string data(3000000, 'q');
    QVERIFY(writer->append(data.data(), data.size()));
    const auto written = writer->finish();
    QVERIFY(written);
    const std::string bytes = *readFileCapped(file("hashed.safetensors"), 1 << 24, ExitCode::BadData);
    QCOMPARE(written->bytes, std::uint64_t{bytes.size()});
    QCOMPARE(written->sha256, sha256(bytes));
  }

  void unfinishedWriterLeavesNothing() {
    {
      auto writer = SafetensorsWriter::create(file("never.safetensors"), {{"x", StoredType::F32, {8}}});
      QVERIFY(writer);
      QVERIFY(writer->append("0123", 4));
    }
    QVERIFY(!fs::exists(file("never.safetensors")));
    QCOMPARE(test::leftoversUnder(dir_.path()), QString());
  }

  void everyFailingCallKeepsTheOldFile() {
    goodFile();
    const std::string before = *readFileCapped(file("good.safetensors"), 1 << 20, ExitCode::BadData);
    for (int nth = 1;; ++nth) {
      test::failCall(nth, ENOSPC);
      bool done = false;
      {
        auto writer = SafetensorsWriter::create(file("good.safetensors"), {{"x", StoredType::F32, {1}}});
        done = writer && writer->append("\0\0\0\0", 4) && writer->finish();
      }
      if (test::stopFailing() < nth) break;
      const std::string now = *readFileCapped(file("good.safetensors"), 1 << 20, ExitCode::BadData);
      QVERIFY(SafetensorsFile::open(file("good.safetensors")));
      QVERIFY2(now == before || now.size() < before.size(), "neither the old nor the new file");
      if (done) QVERIFY(now != before);
      QCOMPARE(test::leftoversUnder(dir_.path()), QString());
      goodFile();
      QVERIFY(nth < 100);
    }
  }

  void cutAnywhereIsRefused() {
    const std::string good = goodFile();
    for (std::size_t n = 0; n < good.size(); ++n) {
      const std::string why = refusal(good.substr(0, n));
      QVERIFY2(!why.empty(), qPrintable(QString::number(n)));
    }
    QVERIFY(!refusal(good + "x").empty());
    QCOMPARE(refusal(good), std::string());
  }

  void flippedHeadersNeverCrash() {
    // The format has no checksum: a flip may give another valid header. It must then still be consistent with the file's size;
    // checkpoints add the hash that catches the rest.
    const std::string good = goodFile();
    std::uint64_t headerBytes = 0;
    std::memcpy(&headerBytes, good.data(), 8);
    int refused = 0, taken = 0;
    for (std::size_t at = 0; at < 8 + headerBytes; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        const auto opened = SafetensorsFile::open(put(bad));
        ++(opened ? taken : refused);
        if (!opened) continue;
        std::uint64_t sum = 0;
        for (const TensorEntry& t : opened->tensors()) {
          sum += t.bytes;
          QVERIFY(t.offset + t.bytes <= bad.size());
        }
        QCOMPARE(sum, bad.size() - 8 - headerBytes);
      }
    }
    qInfo("%d flipped headers refused, %d are valid headers of other names", refused, taken);
    QVERIFY(refused > taken);
  }

  void hostileLengths() {
    QVERIFY(refusal(prefix(0) + "{}").find("empty") != std::string::npos);
    for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{99999999}, std::uint64_t{100000001}, std::uint64_t{1} << 63,
                                       ~std::uint64_t{0}})
      QVERIFY2(!refusal(prefix(length) + "{}").empty(), qPrintable(QString::number(length)));
    QCOMPARE(refusal(prefix(2) + "{}"), std::string());  // no tensors, no data: valid
  }

  void hostileHeaders_data() {
    QTest::addColumn<QByteArray>("header");
    QTest::addColumn<int>("data");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* header, int data, const char* says) {
      QTest::newRow(name) << QByteArray(header) << data << QString::fromLatin1(says);
    };
    row("not an object", "[1]", 0, "does not begin with");
    row("space first", " {}", 0, "does not begin with");
    row("malformed", R"({"a":)", 0, "malformed JSON");
    row("text after the end", "{} x", 0, "malformed JSON");
    row("bad UTF-8", "{\"\xFF\":{}}", 0, "malformed UTF-8");
    row("duplicate name", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
        "appears twice");
    row("duplicate key", R"({"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1, "appears twice");
    row("duplicate metadata", R"({"__metadata__":{"a":"1","a":"2"}})", 0, "appears twice");
    row("two metadata", R"({"__metadata__":{},"__metadata__":{}})", 0, "appears twice");
    row("metadata not text", R"({"__metadata__":{"a":1}})", 0, "a number where none belongs");
    row("nested metadata", R"({"__metadata__":{"a":{}}})", 0, "nested deeper");
    row("unknown key", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1, "unknown key");
    row("missing shape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "shape is missing");
    row("missing dtype", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "dtype is missing");
    row("missing offsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1, "data_offsets is missing");
    row("unknown dtype", R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1, "F8_E4M3");
    row("dtype a number", R"({"a":{"dtype":5,"shape":[1],"data_offsets":[0,1]}})", 1, "a number where none belongs");
    row("shape a text", R"({"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}})", 1, "a text where none belongs");
    row("fraction", R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "must be whole");
    row("negative dimension", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "negative");
    row("negative offset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})", 1, "negative");
    row("2^64 dimension", R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}})", 1, "must be whole");
    row("2^63 dimension", R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})", 1, "too large");
    row("null", R"({"a":null})", 0, "null");
    row("true", R"({"a":{"dtype":true}})", 0, "true");
    row("reversed offsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "backwards");
    row("one offset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}})", 1, "two numbers");
    row("three offsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", 1, "more than two");
    row("size differs from shape", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "needs 8 bytes");
    row("hole", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "hole");
    row("hole between", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3, "hole");
    row("overlap", R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3, "overlaps");
    row("data too short", R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 8, "describes 9 bytes");
    row("data too long", R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 10, "describes 9 bytes");
    // The two published overflows: a product that wraps to 4, and an end offset far behind the file.
    row("product wraps to 4", R"({"a":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]}})", 16, "overflows");
    row("end behind the file", R"({"a":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]}})", 16, "describes");
    row("offsets near 2^64", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]}})", 1, "hole");
  }
  void hostileHeaders() {
    QFETCH(QByteArray, header);
    QFETCH(int, data);
    QFETCH(QString, says);
    const std::string why = refusal(withHeader(header.toStdString(), static_cast<std::size_t>(data)));
    QVERIFY2(QString::fromStdString(why).contains(says), why.empty() ? "taken" : why.c_str());
  }

  void deepHeadersCostNothing() {
    for (const char c : {'[', '{'}) {
      std::string header = R"({"a":)";
      for (int i = 0; i < 1000000; ++i) header += c == '[' ? "[" : R"({"a":)";
      QVERIFY(!refusal(withHeader(header, 0)).empty());
    }
    std::string shape = R"({"a":{"dtype":"U8","shape":[1)";
    for (int i = 0; i < 100; ++i) shape += ",1";
    QVERIFY(refusal(withHeader(shape + R"(],"data_offsets":[0,1]}})", 1)).find("32 dimensions") != std::string::npos);
  }

  void otherFormatsAreNamed_data() {
    QTest::addColumn<QByteArray>("head");
    QTest::addColumn<QString>("says");
    QTest::newRow("zip") << QByteArray("PK\x03\x04\x00\x00\x08\x08\x00\x00", 10) << QStringLiteral("TorchScript");
    QTest::newRow("pickle") << QByteArray("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20", 10) << QStringLiteral("pickle");
    QTest::newRow("pickle 4") << QByteArray("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00", 11) << QStringLiteral("pickle");
    QTest::newRow("gguf") << QByteArray("GGUF\x03\x00\x00\x00", 8) << QStringLiteral("GGUF");
    QTest::newRow("numpy") << QByteArray("\x93NUMPY\x01\x00v\x00", 10) << QStringLiteral("NumPy");
    QTest::newRow("lfs") << QByteArray("version https://git-lfs.github.com/spec/v1\n") << QStringLiteral("LFS");
  }
  void otherFormatsAreNamed() {
    QFETCH(QByteArray, head);
    QFETCH(QString, says);
    const std::string why = refusal(head.toStdString() + std::string(200, '\0'));
    QVERIFY2(QString::fromStdString(why).contains(says), why.c_str());
  }

  void aHeaderThatLooksLikeAPickleIsRead() {
    std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.append(0x280 - header.size(), ' ');  // 640 = bytes 80 02, the mark of a pickle
    QCOMPARE(refusal(withHeader(header, 1)), std::string());
  }

  void strangePaths() {
    const std::string fifo = file("fifo").string();
    QCOMPARE(::mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path : {fifo, dir_.path().toStdString(), std::string("/dev/zero"), std::string("/nonexistent")})
      QVERIFY(!SafetensorsFile::open(path));
  }

  void aFileThatShrinksWhileReadIsAFault() {
    goodFile();
    const auto opened = SafetensorsFile::open(file("good.safetensors"));
    QVERIFY(opened);
    fs::resize_file(file("good.safetensors"), 300);
    std::vector<float> back(64 * 3);
    const auto read = opened->read("blocks.0.mixer.in_proj.weight", back.data());
    QVERIFY(!read && read.faults().text().find("shorter") != std::string::npos);
  }

  void noiseNeverCrashes() {
    QRandomGenerator random(7);
    const std::string good = goodFile();
    for (int i = 0; i < 3000; ++i) {
      std::string bad = good;
      for (int k = 0; k < 1 + i % 20; ++k) bad[random.bounded(static_cast<quint32>(bad.size()))] = static_cast<char>(random.bounded(256));
      (void)parseSafetensorsHeader(std::string_view(bad).substr(8), 1000, "noise");
      (void)parseSafetensorsHeader(std::string_view(bad).substr(8, 300), 1000, "noise");
    }
  }

  void publishedFilesAreRead() {
    int files = 0;
    QDirIterator it(QStringLiteral(SERP_SHARED_DIR "/oracles/seed1"), {QStringLiteral("*.safetensors")}, QDir::Files,
                    QDirIterator::Subdirectories);
    while (it.hasNext()) {
      const auto opened = SafetensorsFile::open(it.next().toStdString());
      QVERIFY2(opened, opened ? "" : opened.faults().text().c_str());
      for (const TensorEntry& t : opened->tensors()) {
        std::vector<char> bytes(t.bytes);
        QVERIFY(opened->read(t.name, bytes.data()));
      }
      ++files;
    }
    if (files == 0) QSKIP("no reference files (../shared/oracles) beside this checkout");
    qInfo("%d files of other writers read", files);
  }
};

QTEST_GUILESS_MAIN(TestSafetensors)
#include "tst_safetensors.moc"
