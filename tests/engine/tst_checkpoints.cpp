// SPDX-License-Identifier: GPL-3.0-or-later
// Checkpoints under kill -9, flipped bits, failing calls and hostile manifests: never torn, never wrong, never the last one lost.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include "engine/base/atomic_file.h"
#include "engine/run/checkpoint_store.h"
#include "failing_calls.h"

using namespace serp;
namespace fs = std::filesystem;

namespace {

/// Contents that follow from the step alone, so that a reader can tell whether they are whole.
struct Contents {
  std::vector<float> weights;
  std::vector<double> moments;
  CheckpointContent content;

  explicit Contents(std::int64_t step, std::size_t count = 5000) : weights(count), moments(count) {
    std::iota(weights.begin(), weights.end(), static_cast<float>(step));
    std::iota(moments.begin(), moments.end(), static_cast<double>(step) * 0.5);
    content.step = step;
    const std::int64_t n = static_cast<std::int64_t>(count);
    content.model = {{{"blocks.0.weight", StoredType::F32, {n}}, weights.data()}};
    content.optimizer = {{{"exp_avg", StoredType::F64, {n}}, moments.data()}};
    content.state = "{\"step\":" + std::to_string(step) + "}";
  }
};

constexpr int kReadyFd = 3;

int writeForever(const char* folder) {
  if (::write(kReadyFd, "r", 1) != 1) return 1;
  CheckpointStore store(folder, 2);
  store.cleanLeftovers();
  const auto steps = store.steps();
  for (std::int64_t step = steps.empty() ? 1 : steps.back();; ++step)  // also writes its newest step again, as a resumed run may
    if (!store.write(Contents(step, 60000).content)) return 1;
}

void flip(const fs::path& path, std::uint64_t at, int bit) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  char c = 0;
  if (fd < 0 || ::pread(fd, &c, 1, static_cast<off_t>(at)) != 1) qFatal("flip");
  c = static_cast<char>(c ^ (1 << bit));
  if (::pwrite(fd, &c, 1, static_cast<off_t>(at)) != 1) qFatal("flip");
  ::close(fd);
}

}  // namespace

class TestCheckpoints : public QObject {
  Q_OBJECT

  static fs::path folder(const QTemporaryDir& dir) { return dir.path().toStdString(); }

 private Q_SLOTS:
  void writeAndFind() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 2);
    QVERIFY(!store.newestGood().found);
    for (const std::int64_t step : {100, 200, 300, 400}) QVERIFY(store.write(Contents(step).content));
    QCOMPARE(store.steps(), (std::vector<std::int64_t>{300, 400}));
    const CheckpointSearch search = store.newestGood();
    QVERIFY(search.found && search.refused.empty());
    QCOMPARE(search.found->step, std::int64_t{400});
    QCOMPARE(search.found->folder.filename().string(), std::string("step-00000400"));
    const auto model = SafetensorsFile::open(search.found->model());
    QVERIFY(model);
    std::vector<float> back(5000);
    QVERIFY(model->read("blocks.0.weight", back.data()));
    QCOMPARE(back, Contents(400).weights);
    QCOMPARE(*readFileCapped(search.found->state(), 1000, ExitCode::BadData), std::string("{\"step\":400}"));
    QVERIFY(store.at(300));
    const auto missing = store.at(7);
    QVERIFY(!missing && missing.faults().text().find("there is 300, 400") != std::string::npos);
  }

  void sameStepIsReplaced() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 1);
    QVERIFY(store.write(Contents(5).content));
    Contents other(5);
    other.weights[0] = -1;
    QVERIFY(store.write(other.content));
    QCOMPARE(store.steps().size(), std::size_t{1});
    const auto model = SafetensorsFile::open(store.newestGood().found->model());
    std::vector<float> back(5000);
    QVERIFY(model && model->read("blocks.0.weight", back.data()));
    QCOMPARE(back[0], -1.0f);
    QCOMPARE(test::leftoversUnder(dir.path()), QString());
  }

  void wideElementsComeFirst() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 1);
    const std::uint8_t odd[3] = {1, 2, 3};
    const double wide[2] = {4, 5};
    CheckpointContent content;
    content.model = {{{"odd", StoredType::U8, {3}}, odd}, {{"wide", StoredType::F64, {2}}, wide}};
    content.state = "{}";
    const auto written = store.write(content);
    QVERIFY(written);
    QVERIFY(!fs::exists(written->optimizer()));  // imported weights have none
    const auto model = SafetensorsFile::open(written->model());
    QVERIFY(model);
    QCOMPARE(model->tensor("wide")->offset % 8, std::uint64_t{0});
  }

  void everyFlippedBitIsFound() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 2);
    QVERIFY(store.write(Contents(1).content));
    QVERIFY(store.write(Contents(2, 300).content));
    const Checkpoint newest = *store.newestGood().found;
    QRandomGenerator random(11);
    int flips = 0;
    for (const char* name : {"manifest.json", "state.json", "model.safetensors", "optimizer.safetensors"}) {
      const fs::path path = newest.folder / name;
      const auto size = fs::file_size(path);
      const bool all = std::strcmp(name, "manifest.json") == 0;
      const std::uint64_t count = all ? size * 8 : 300;
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t at = all ? i / 8 : random.generate64() % size;
        const int bit = static_cast<int>(all ? i % 8 : random.bounded(8));
        flip(path, at, bit);
        const auto search = store.newestGood();
        QVERIFY2(search.found && search.found->step == 1 && search.refused.size() == 1,
                 qPrintable(QStringLiteral("%1 byte %2 bit %3").arg(QLatin1String(name)).arg(at).arg(bit)));
        QVERIFY(search.refusedText().starts_with("step-00000002 refused: "));
        flip(path, at, bit);
        ++flips;
      }
    }
    QCOMPARE(store.newestGood().found->step, std::int64_t{2});
    qInfo("%d of %d flips found", flips, flips);
  }

  void cutFilesAreRefused() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 2);
    QVERIFY(store.write(Contents(1).content));
    QVERIFY(store.write(Contents(2, 100).content));
    const fs::path newest = store.newestGood().found->folder;
    for (const char* name : {"manifest.json", "state.json", "model.safetensors", "optimizer.safetensors"}) {
      const std::string whole = *readFileCapped(newest / name, 1 << 24, ExitCode::BadData);
      for (std::size_t n = 0; n < whole.size(); ++n) {
        fs::resize_file(newest / name, n);
        const bool onlyTheLineEndIsGone = std::strcmp(name, "manifest.json") == 0 && n + 1 == whole.size();
        QVERIFY(CheckpointStore::verify(newest).operator bool() == onlyTheLineEndIsGone);
        QVERIFY(writeFileAtomically(newest / name, whole));
      }
      fs::remove(newest / name);
      QCOMPARE(store.newestGood().found->step, std::int64_t{1});
      QVERIFY(writeFileAtomically(newest / name, whole));
    }
  }

  void hostileManifests_data() {
    QTest::addColumn<QString>("from");
    QTest::addColumn<QString>("to");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* from, const char* to, const char* says) {
      QTest::newRow(name) << QString::fromLatin1(from) << QString::fromLatin1(to) << QString::fromLatin1(says);
    };
    row("parent folder", "state.json", "../state.json", "does not belong");
    row("absolute", "state.json", "/etc/passwd", "does not belong");
    row("extra file", "state.json", "extra.json", "does not belong");
    row("newer format", "\"version\": 1", "\"version\": 2", "version 2, this program reads version 1");
    row("other step", "\"step\": 3", "\"step\": 4", "step 4");
    row("negative step", "\"step\": 3", "\"step\": -3", "damaged");
    row("huge step", "\"step\": 3", "\"step\": 18446744073709551615", "damaged");
    row("unknown key", "\"step\": 3", "\"step\": 3, \"more\": 1", "damaged");
    row("duplicate key", "\"step\": 3", "\"step\": 3, \"step\": 3", "damaged");
    row("negative size", "\"bytes\": ", "\"bytes\": -", "damaged");
    row("other format", "serpentarium checkpoint", "something else", "not the manifest");
  }
  void hostileManifests() {
    QFETCH(QString, from);
    QFETCH(QString, to);
    QFETCH(QString, says);
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 2);
    const auto written = store.write(Contents(3, 10).content);
    QVERIFY(written);
    const fs::path path = written->folder / "manifest.json";
    QString text = QString::fromStdString(*readFileCapped(path, 1 << 20, ExitCode::BadData));
    QVERIFY(text.contains(from));
    text.replace(from, to);
    QVERIFY(writeFileAtomically(path, text.toStdString()));
    const auto checked = CheckpointStore::verify(written->folder);
    QVERIFY(!checked);
    QVERIFY2(QString::fromStdString(checked.faults().text()).contains(says), checked.faults().text().c_str());
  }

  void linksAreNotFollowed() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 2);
    const auto written = store.write(Contents(3, 10).content);
    QVERIFY(written);
    for (const char* name : {"state.json", "model.safetensors", "manifest.json"}) {
      const fs::path path = written->folder / name, away = folder(dir) / "away";
      fs::rename(path, away);
      fs::create_symlink(away, path);
      QVERIFY2(!CheckpointStore::verify(written->folder), name);
      fs::remove(path);
      fs::rename(away, path);
    }
    QVERIFY(CheckpointStore::verify(written->folder));
    fs::create_directory_symlink(written->folder, folder(dir) / "checkpoints/step-00000009");
    const auto search = store.newestGood();
    QCOMPARE(search.found->step, std::int64_t{3});
    QCOMPARE(search.refused.size(), std::size_t{1});
  }

  void everyFailingCallKeepsAGoodOne() {
    QTemporaryDir dir;
    CheckpointStore store(folder(dir), 1);
    QVERIFY(store.write(Contents(1, 100).content));
    int calls = 0, reported = 0;
    for (const int error : {ENOSPC, EIO}) {
      for (const bool andAllLater : {false, true}) {
        for (int nth = 1;; ++nth) {
          test::failCall(nth, error, andAllLater);
          const auto written = store.write(Contents(2, 100).content);
          if (test::stopFailing() < nth) break;
          ++calls;
          reported += !written;
          if (!written) QVERIFY(written.faults().exit == ExitCode::CannotWrite);
          const CheckpointSearch search = store.newestGood();
          QVERIFY2(search.found && search.refused.empty(), qPrintable(QString::number(nth)));
          QVERIFY(search.found->step == 2 || !written);
          store.cleanLeftovers();  // a delete may leave one when its own rename was the call that failed
          QCOMPARE(test::leftoversUnder(dir.path()), QString());
          QVERIFY(store.write(Contents(1, 100).content));
          fs::remove_all(folder(dir) / "checkpoints/step-00000002");
          QVERIFY(nth < 500);
        }
      }
    }
    qInfo("%d calls failed in turn, %d of them reported, the rest harmless", calls, reported);
  }

  void twoSavesAtOnceAreSerialised() {
    QTemporaryDir dir;
    const fs::path run = folder(dir);
    std::atomic<int> good{0};
    const auto work = [&](int offset) {
      for (int i = 0; i < 10; ++i) good += CheckpointStore(run, 3).write(Contents(offset + 2 * i, 2000).content).operator bool();
    };
    {
      const std::jthread a([&] { work(1); }), b([&] { work(2); });
    }
    QCOMPARE(good.load(), 20);
    const CheckpointSearch search = CheckpointStore(run, 3).newestGood();
    QVERIFY(search.found && search.refused.empty());
    QCOMPARE(test::leftoversUnder(dir.path()), QString());
  }

  void aFolderThatCannotBeWritten() {
    CheckpointStore store("/proc/serpentarium");
    const auto written = store.write(Contents(1, 10).content);
    QVERIFY(!written && written.faults().exit == ExitCode::CannotWrite);
  }

  void killedWritersLeaveOnlyWholeCheckpoints() {
    QTemporaryDir dir;
    const std::string run = dir.path().toStdString();
    const std::string self = QCoreApplication::applicationFilePath().toStdString();
    CheckpointStore store(run, 2);
    QRandomGenerator random(3);
    constexpr int kKills = 60;
    int torn = 0, leftovers = 0;
    std::int64_t last = 0;
    for (int i = 0; i < kKills; ++i) {
      int ready[2];
      QCOMPARE(::pipe2(ready, O_CLOEXEC), 0);
      const pid_t child = ::fork();
      if (child == 0) {
        ::dup2(ready[1], kReadyFd);
        ::execl(self.c_str(), self.c_str(), "--write-checkpoints", run.c_str(), static_cast<char*>(nullptr));
        ::_exit(127);
      }
      QVERIFY(child > 0);
      ::close(ready[1]);
      char byte = 0;
      QCOMPARE(::read(ready[0], &byte, 1), ssize_t{1});  // counted from here, so that a slow start does not spoil the aim
      ::close(ready[0]);
      QThread::usleep(random.bounded(80000));
      ::kill(child, SIGKILL);
      int status = 0;
      QCOMPARE(::waitpid(child, &status, 0), child);
      QVERIFY2(WIFSIGNALED(status), "the writer ended by itself");
      leftovers += !test::leftoversUnder(dir.path()).isEmpty();
      for (const std::int64_t step : store.steps()) torn += !store.at(step);
      const CheckpointSearch search = store.newestGood();
      if (!search.found) {
        QVERIFY2(last == 0, "there was one, now there is none");
        continue;
      }
      QVERIFY(search.found->step >= last);
      last = search.found->step;
      const auto model = SafetensorsFile::open(search.found->model());
      std::vector<float> back(60000);
      QVERIFY(model && model->read("blocks.0.weight", back.data()));
      QCOMPARE(back.back(), Contents(last, 60000).weights.back());
    }
    qInfo("%d kills, %d torn, %d with leftovers, %lld checkpoints written", kKills, torn, leftovers, static_cast<long long>(last));
    QCOMPARE(torn, 0);
    QVERIFY2(last >= 5, "the kills came before anything was written");
    store.cleanLeftovers();
    QCOMPARE(test::leftoversUnder(dir.path()), QString());
  }
};

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--write-checkpoints") == 0) return writeForever(argv[2]);
  QCoreApplication app(argc, argv);
  TestCheckpoints tests;
  return QTest::qExec(&tests, argc, argv);
}
#include "tst_checkpoints.moc"
