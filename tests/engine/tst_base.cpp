// SPDX-License-Identifier: GPL-3.0-or-later
// The small things every room stands on: hashes, atomic files, UTF-8, numbers, nearest keys.
#include <sys/stat.h>
#include <unistd.h>

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"
#include "failing_calls.h"

using namespace serp;

class TestBase : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void sha256MatchesTheStandard() {
    // FIPS 180-4 and the NIST example messages.
    QCOMPARE(sha256(""), std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    QCOMPARE(sha256("abc"), std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    QCOMPARE(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
             std::string("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    QCOMPARE(sha256(std::string(1000000, 'a')), std::string("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
  }

  void sha256InPiecesIsTheSame() {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 37);
    for (const std::size_t piece : {1u, 3u, 63u, 64u, 65u, 128u, 999u}) {
      Sha256 hash;
      for (std::size_t at = 0; at < text.size(); at += piece) hash.update(text.data() + at, std::min(piece, text.size() - at));
      QCOMPARE(hash.finish(), sha256(text));
    }
  }

  void atomicWriteReplaces() {
    QTemporaryDir dir;
    const std::filesystem::path path = dir.filePath(QStringLiteral("file")).toStdString();
    QVERIFY(writeFileAtomically(path, "one"));
    QVERIFY(writeFileAtomically(path, "two two"));
    QCOMPARE(*readFileCapped(path, 100, ExitCode::BadData), std::string("two two"));
    QCOMPARE(test::leftoversUnder(dir.path()), QString());
  }

  void atomicWriteSurvivesEveryFailingCall() {
    QTemporaryDir dir;
    const std::filesystem::path path = dir.filePath(QStringLiteral("file")).toStdString();
    QVERIFY(writeFileAtomically(path, "old"));
    for (const int error : {ENOSPC, EIO}) {
      for (int nth = 1;; ++nth) {
        test::failCall(nth, error);
        const auto done = writeFileAtomically(path, "new");
        if (test::stopFailing() < nth) break;
        const std::string now = *readFileCapped(path, 100, ExitCode::BadData);
        QVERIFY2(now == "old" || now == "new", now.c_str());
        if (!done) QVERIFY(done.faults().exit == ExitCode::CannotWrite);
        QCOMPARE(test::leftoversUnder(dir.path()), QString());
        QVERIFY(writeFileAtomically(path, "old"));
        QVERIFY(nth < 50);
      }
    }
  }

  void atomicWriteIntoNowhere() {
    const auto done = writeFileAtomically("/nonexistent/folder/file", "x");
    QVERIFY(!done);
    QVERIFY(done.faults().exit == ExitCode::CannotWrite);
    QVERIFY(done.faults().text().find("/nonexistent/folder/file") != std::string::npos);
  }

  void strangeFilesAreRefusedAtOnce() {
    QTemporaryDir dir;
    const std::string fifo = dir.filePath(QStringLiteral("fifo")).toStdString();
    QCOMPARE(::mkfifo(fifo.c_str(), 0600), 0);
    const std::string link = dir.filePath(QStringLiteral("dangling")).toStdString();
    QCOMPARE(::symlink("/nonexistent/target", link.c_str()), 0);
    for (const std::string& path : {dir.path().toStdString(), fifo, std::string("/dev/zero"), link, std::string(4096, 'n')}) {
      const auto text = readFileCapped(path, 1000, ExitCode::BadConfiguration);
      QVERIFY2(!text, path.c_str());
      QVERIFY(text.faults().exit == ExitCode::BadConfiguration);
    }
    const std::string large = dir.filePath(QStringLiteral("large")).toStdString();
    QVERIFY(writeFileAtomically(large, std::string(1001, 'x')));
    const auto text = readFileCapped(large, 1000, ExitCode::BadData);
    QVERIFY(!text);
    QVERIFY(text.faults().text().find("1001 bytes, at most 1000") != std::string::npos);
  }

  void utf8_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("bad");
    QTest::newRow("empty") << QByteArray() << -1;
    QTest::newRow("ascii with NUL") << QByteArray("a\0b", 3) << -1;
    QTest::newRow("two, three and four bytes") << QByteArray("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x8D") << -1;
    QTest::newRow("last code point") << QByteArray("\xF4\x8F\xBF\xBF") << -1;
    QTest::newRow("past the last") << QByteArray("\xF4\x90\x80\x80") << 0;
    QTest::newRow("surrogate") << QByteArray("ab\xED\xA0\x80") << 2;
    QTest::newRow("overlong two") << QByteArray("\xC0\xAF") << 0;
    QTest::newRow("overlong three") << QByteArray("\xE0\x9F\xBF") << 0;
    QTest::newRow("overlong four") << QByteArray("\xF0\x8F\xBF\xBF") << 0;
    QTest::newRow("lone continuation") << QByteArray("a\x80") << 1;
    QTest::newRow("cut short") << QByteArray("a\xE2\x82") << 1;
    QTest::newRow("wrong continuation") << QByteArray("\xE2\x28\xA1") << 0;
    QTest::newRow("0xFF") << QByteArray("\xFF") << 0;
  }
  void utf8() {
    QFETCH(QByteArray, bytes);
    QFETCH(int, bad);
    const auto found = firstBadUtf8(std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
    QCOMPARE(found ? static_cast<int>(*found) : -1, bad);
  }

  void numbersReadBackEqual() {
    for (const double value : {0.0, 1.0, -1.5, 0.1, 1e22, 1e-300, 5e-324, 1.7976931348623157e308, 2.0 / 3.0, 123456789.123}) {
      const auto back = parseReal(numberText(value));
      QVERIFY2(back && *back == value, numberText(value).c_str());
    }
    QCOMPARE(numberText(0.001), std::string("0.001"));
  }

  void numbersIgnoreTheLocale() {
    const char* old = std::setlocale(LC_ALL, nullptr);
    const std::string before = old ? old : "C";
    bool comma = false;
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"}) comma = comma || std::setlocale(LC_ALL, name);
    QCOMPARE(numberText(1.5), std::string("1.5"));
    QCOMPARE(*parseReal("1.5"), 1.5);
    QVERIFY(!parseReal("1,5"));
    QVERIFY(bytesText(1.5 * 1024).find(',') == std::string::npos);
    std::setlocale(LC_ALL, before.c_str());
    if (!comma) qInfo("no locale with a decimal comma is installed; checked in the present one");
  }

  void malformedNumbersAreRefused() {
    for (const char* text : {"", " 1", "1 ", "1e400", "nan", "inf", "-.inf", "0x10", "1_000", "1/0", "1/2/0", "--1", "1e"})
      QVERIFY2(!parseReal(text), text);
    QCOMPARE(*parseReal("2/3"), 2.0 / 3.0);
    QCOMPARE(*parseReal("+4"), 4.0);
    for (const char* text : {"", "010", "1e3", "3.0", "12 ", "+1", "0x1", "99999999999999999999", "-"}) QVERIFY2(!parseInteger(text), text);
    QCOMPARE(*parseInteger("-12"), -12LL);
    QCOMPARE(*parseInteger("0"), 0LL);
  }

  void nearestKey() {
    const std::vector<std::string> keys = {"experts", "d_expert", "capacity_factor", "balance", "top_k"};
    QCOMPARE(nearest("expert", keys), std::string("experts"));
    QCOMPARE(nearest("capacity", keys), std::string("capacity_factor"));
    QCOMPARE(nearest("blance", keys), std::string("balance"));
    QCOMPARE(nearest("zzzzzzzz", keys), std::string());
    QCOMPARE(nearest(std::string(100000, 'x'), keys), std::string());
  }

  void bytesAreReadable() {
    QCOMPARE(bytesText(17), std::string("17 B"));
    QCOMPARE(bytesText(512 * 1024.0), std::string("512 KiB"));
    QCOMPARE(bytesText(1.2 * 1024 * 1024 * 1024), std::string("1.20 GiB"));
  }

  void faultsSayWhere() {
    Diagnostic d{Severity::Error, "moe.yaml", 8, 41, "model.blocks[0].expert", "unknown key", "experts", 6};
    QCOMPARE(d.text(), std::string("moe.yaml:8:41  model.blocks[0].expert: unknown key"));
    QVERIFY_EXCEPTION_THROWN(SERP_CHECK(1 == 2, "numbers"), Error);
  }
};

QTEST_GUILESS_MAIN(TestBase)
#include "tst_base.moc"
