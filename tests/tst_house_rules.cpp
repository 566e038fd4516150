// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of the house, read off the sources: which room may include which, and that every block file registers itself.
#include <QDirIterator>
#include <QFile>
#include <QRegularExpression>
#include <QTest>
#include <map>
#include <set>

namespace {

const QString kRoot = QStringLiteral(SERP_SOURCE_DIR "/");

struct Source {
  QString path;  ///< from the root
  QByteArray text;
  QStringList ours, theirs;  ///< included files in quotes, in angle brackets
};

QStringList filesUnder(const QString& folder, const QStringList& patterns) {
  QStringList out;
  QDirIterator it(kRoot + folder, patterns, QDir::Files, QDirIterator::Subdirectories);
  while (it.hasNext()) out << it.next().mid(kRoot.size());
  out.sort();
  return out;
}

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    std::vector<Source> out;
    static const QRegularExpression include(QStringLiteral("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]"), QRegularExpression::MultilineOption);
    for (const char* folder : {"kernels", "engine", "app"})
      for (const QString& path : filesUnder(QString::fromLatin1(folder), {"*.h", "*.cpp", "*.cu", "*.cuh"})) {
        QFile file(kRoot + path);
        if (!file.open(QIODevice::ReadOnly)) qFatal("cannot read %s", qPrintable(path));
        Source s{path, file.readAll(), {}, {}};
        for (auto match = include.globalMatch(QString::fromUtf8(s.text)); match.hasNext();) {
          const auto m = match.next();
          (m.captured(1) == "\"" ? s.ours : s.theirs) << m.captured(2);
        }
        out.push_back(std::move(s));
      }
    return out;
  }();
  return all;
}

bool isTorch(const QString& header) {
  return header.startsWith("torch/") || header.startsWith("ATen/") || header.startsWith("c10/") || header.startsWith("caffe2/");
}
bool isQt(const QString& header) {
  static const QRegularExpression qt(QStringLiteral("^(Q[A-Z]\\w*|Qt\\w*/.*|qcustomplot\\.h)$"));
  return qt.match(header).hasMatch();
}
bool isStandard(const QString& header) {
  static const QRegularExpression word(QStringLiteral("^[a-z0-9_]+$"));
  return word.match(header).hasMatch();
}

/// "kernels", "app", or the room inside the engine; "" for what lies elsewhere (Qt's .moc and generated files).
QString roomOf(const QString& path) {
  if (path.startsWith("kernels/")) return "kernels";
  if (path.startsWith("app/")) return "app";
  if (!path.startsWith("engine/")) return {};
  return path.section('/', 1, 1);
}

/// base ← spec ← graph ← model ← (blocks, train) ← run; ops, stats and data beside model; kernels and device below ops; api is what all may say.
const std::map<QString, std::set<QString>>& allowed() {
  static const std::map<QString, std::set<QString>> rooms = [] {
    const std::set<QString> base = {"base", "api"}, plan = {"base", "api", "spec", "graph"};
    auto with = [](std::set<QString> a, std::initializer_list<QString> more) {
      a.insert(more);
      return a;
    };
    return std::map<QString, std::set<QString>>{
        {"kernels", {"kernels"}},
        {"api", {"api"}},
        {"base", base},
        {"spec", with(base, {"spec"})},
        {"graph", plan},
        {"data", with(base, {"data"})},
        {"device", with(base, {"device"})},
        {"ops", with(base, {"ops", "kernels", "device"})},
        {"stats", with(plan, {"stats", "model", "ops", "data", "kernels"})},
        {"model", with(plan, {"model", "ops", "stats", "kernels", "device"})},
        {"blocks", with(plan, {"model", "ops", "stats", "kernels"})},
        {"train", with(plan, {"train", "model", "ops", "stats", "data", "kernels", "device"})},
        {"run", with(plan, {"run", "train", "model", "ops", "stats", "data", "kernels", "device"})},
        {"interop", with(plan, {"interop", "run", "model", "data", "train"})},
        {"tools", with(plan, {"tools", "interop", "run", "train", "model", "ops", "stats", "data", "kernels", "device"})},
        {"app", {"app", "api"}},
    };
  }();
  return rooms;
}

QString joined(const QStringList& faults) { return faults.join('\n'); }

}  // namespace

class TestHouseRules : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void thereIsSomethingToCheck() { QVERIFY(sources().size() > 150); }

  void includesPointDownwards() {
    QStringList faults;
    for (const Source& s : sources()) {
      const auto rule = allowed().find(roomOf(s.path));
      if (rule == allowed().end()) {
        faults << s.path + ": a room the rules do not know";
        continue;
      }
      for (const QString& header : s.ours) {
        const QString room = roomOf(header);
        if (!room.isEmpty() && rule->second.count(room) == 0) faults << s.path + " includes " + header;
      }
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void ourHeadersAreNamedFromTheRoot() {
    QStringList faults;
    for (const Source& s : sources())
      for (const QString& header : s.ours) {
        if (header.endsWith(".moc") || header.startsWith("ui_")) continue;
        if (header.contains("..") || !QFile::exists(kRoot + header)) faults << s.path + " includes " + header;
      }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void everyFloorKeepsToItsLibraries() {
    QStringList faults;
    for (const Source& s : sources()) {
      const QString room = roomOf(s.path);
      const bool torchFree = room == "kernels" || room == "app" || room == "api" || room == "base" || room == "spec" || room == "graph" || room == "data";
      for (const QString& header : s.ours + s.theirs) {
        if (isQt(header) && room != "app") faults << s.path + " includes Qt: " + header;
        if (isTorch(header) && torchFree) faults << s.path + " includes LibTorch: " + header;
      }
      if (room != "api") continue;
      for (const QString& header : s.theirs)
        if (!isStandard(header)) faults << s.path + " includes more than the standard library: " + header;
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void kernelsNeitherThrowNorCatch() {
    static const QRegularExpression throwing(QStringLiteral("^[^/\"]*\\b(throw|try|catch)\\b"), QRegularExpression::MultilineOption);
    QStringList faults;
    for (const Source& s : sources())
      if (roomOf(s.path) == "kernels" && throwing.match(QString::fromUtf8(s.text)).hasMatch()) faults << s.path;
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void kernelFilesReachTheDeviceThroughTheirHeaderOnly() {  // or the emulation could not run and watch them
    static const QRegularExpression direct(
        QStringLiteral("\\batomic[A-Z]\\w*\\(|<<<|\\b__(shared__|device__|global__|shfl|ballot|syncthreads|syncwarp)|\\basm\\b|#include <cuda"));
    QStringList faults;
    int seen = 0;
    for (const Source& s : sources()) {
      if (!s.path.startsWith("kernels/cuda/") || !s.path.endsWith(".cu")) continue;
      ++seen;
      if (const auto match = direct.match(QString::fromUtf8(s.text)); match.hasMatch()) faults << s.path + ": " + match.captured();
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
    QVERIFY(seen >= 10);
  }

  void everyBlockFileRegistersItsKind() {
    static const QRegularExpression kind(QStringLiteral("BlockRegistration\\s+\\w+\\s*\\{\\s*\\{\\s*\"(\\w+)\""));
    std::map<QString, QString> kinds;
    QStringList faults;
    for (const Source& s : sources()) {
      if (roomOf(s.path) != "blocks") continue;
      if (!s.path.endsWith(".cpp")) faults << s.path + ": a block is one .cpp file";
      const auto match = kind.match(QString::fromUtf8(s.text));
      if (!match.hasMatch()) faults << s.path + ": registers no kind";
      else if (match.captured(1) != s.path.section('/', -1).chopped(4)) faults << s.path + ": registers " + match.captured(1) + ", not its own name";
      else if (!kinds.emplace(match.captured(1), s.path).second) faults << s.path + ": registers a kind a second time";
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
    QVERIFY(kinds.size() >= 10);
  }

  void blocksKnowEachOtherByKindOnly() {
    QStringList faults;
    for (const Source& s : sources())
      for (const QString& header : s.ours)
        if (header.startsWith("engine/blocks/")) faults << s.path + " includes " + header;
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void theUpperHalfOfABlockNeedsNoTensor() {
    QStringList faults;
    for (const Source& s : sources()) {
      if (roomOf(s.path) != "blocks") continue;
      bool inside = false;
      for (const QByteArray& line : s.text.split('\n')) {
        if (line.startsWith("#ifdef SERP_WITH_TORCH")) inside = true;
        if (!inside && line.startsWith("#include") &&
            (line.contains("engine/model/") || line.contains("engine/ops/") || line.contains("engine/stats/") || line.contains("<ATen/") || line.contains("<torch/")))
          faults << s.path + ": " + QString::fromUtf8(line);
      }
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void everyFileSaysItsSubjectFirst() {
    QStringList faults;
    for (const Source& s : sources()) {
      const QList<QByteArray> lines = s.text.split('\n');
      if (lines.size() < 3 || lines[0] != "// SPDX-License-Identifier: GPL-3.0-or-later") faults << s.path + ": no licence line";
      else if (!lines[1].startsWith("// ") || lines[1].size() < 12) faults << s.path + ": the second line does not say the subject";
    }
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void filesStaySmall() {  // past 400 lines the seam is looked for; here it is cut at the latest
    QStringList faults;
    for (const Source& s : sources())
      if (s.text.count('\n') > 500) faults << s.path + ": " + QString::number(s.text.count('\n')) + " lines";
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }

  void coloursLiveInTheTheme() {
    static const QRegularExpression colour(QStringLiteral("\"#[0-9A-Fa-f]{6}\"|QColor\\s*\\(\\s*\\d|0xFF[0-9A-Fa-f]{6}\\b|Qt::(red|green|blue|yellow|gray)\\b"));
    QStringList faults;
    for (const Source& s : sources())
      if (roomOf(s.path) == "app" && !s.path.startsWith("app/style/"))
        if (const auto match = colour.match(QString::fromUtf8(s.text)); match.hasMatch()) faults << s.path + ": " + match.captured();
    QVERIFY2(faults.isEmpty(), qPrintable(joined(faults)));
  }
};

QTEST_GUILESS_MAIN(TestHouseRules)
#include "tst_house_rules.moc"
