// SPDX-License-Identifier: GPL-3.0-or-later
// Two designs compared: a design equals itself, edits show as what they are, and the rows account for every block of both sides.
#include <QElapsedTimer>
#include <QTest>

#include "engine/api/design_diff.h"
#include "engine/api/edit.h"

using namespace serp;

namespace {

RunSpec read(const std::string& text) {
  auto spec = parseRunSpec(text);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  return std::move(spec).value();
}

/// "=mamba", "≠Repeat(repeat 4 → 2)", "+.attention", "-out_proj: linear".
QString words(const DesignDiff& diff) {
  static const char* const kSigns[] = {"=", "!", "+", "-"};
  QStringList out;
  for (const DiffRow& row : diff.blocks) {
    QString line = QString::fromUtf8(kSigns[static_cast<int>(row.state)]) + QString(row.depth, QLatin1Char('.')) + QString::fromStdString(row.before.empty() ? row.after : row.before);
    for (const KeyChange& c : row.keys) line += QStringLiteral("(%1 %2>%3)").arg(QString::fromStdString(c.key), QString::fromStdString(c.before), QString::fromStdString(c.after));
    out << line;
  }
  return out.join(QLatin1Char(' '));
}

std::size_t blocks(const std::vector<BlockSpec>& list) {
  std::size_t count = list.size();
  for (const BlockSpec& b : list) {
    count += blocks(b.children);
    for (const auto& [slot, inner] : b.filled) count += blocks({inner});
  }
  return count;
}

}  // namespace

class TestDesignDiff : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void editsShowAsWhatTheyAre() {
    const std::string text = loadRunSpec("start/moe_mamba")->text;
    const auto against = [&](const std::string& other) { return words(compareDesigns(read(text), read(other))); };
    QCOMPARE(against(text), QStringLiteral("=Repeat =.mamba =.switch_moe"));
    QCOMPARE(against(insertBlocks(text, "model.blocks[0].blocks", 1, "attention")->text), QStringLiteral("=Repeat =.mamba +.attention =.switch_moe"));
    QCOMPARE(against(removeBlocks(text, {"model.blocks[0].blocks[0]"})->text), QStringLiteral("=Repeat -.mamba =.switch_moe"));
    QCOMPARE(against(setKeys(text, {"model.blocks[0].blocks[1]"}, "experts", "8")->text), QStringLiteral("=Repeat =.mamba !.switch_moe(experts 16>8)"));
    QCOMPARE(against(setKeys(text, {"model.blocks[0]"}, "repeat", "2")->text), QStringLiteral("!Repeat(repeat 4>2) =.mamba =.switch_moe"));
    QCOMPARE(against(fillSlot(text, "model.blocks[0].blocks[0]", "out_proj", "switch_moe")->text), QStringLiteral("=Repeat =.mamba +..out_proj: switch_moe =.switch_moe"));
    QCOMPARE(against(bypassBlocks(text, {"model.blocks[0].blocks[0]"}, true)->text), QStringLiteral("=Repeat !.mamba(bypass default>true) =.switch_moe"));
    QCOMPARE(against(wrapBlocks(text, {"model.blocks[0].blocks[0]", "model.blocks[0].blocks[1]"}, "parallel", 0)->text), QStringLiteral("=Repeat -.mamba -.switch_moe +.Parallel +..mamba +..switch_moe"));
    // Of several alike the equal ones are matched.
    QCOMPARE(words(compareDesigns(read("name: a\nmodel: {d_model: 8, blocks: [{kind: mamba, d_state: 4}, {kind: mamba}]}\n"),
                                  read("name: a\nmodel: {d_model: 8, blocks: [{kind: mamba}]}\n"))), QStringLiteral("-mamba =mamba"));
  }

  void settings() {
    const DesignDiff diff = compareDesigns(read("name: a\nmodel: {d_model: 8, blocks: [{kind: mamba}]}\n"), read("name: b\nmodel: {d_model: 16, blocks: [{kind: mamba}]}\ntrain: {steps: 7}\n"));
    QStringList keys;
    for (const KeyChange& c : diff.settings) keys << QString::fromStdString(c.key);
    QCOMPARE(keys, QStringList({"name", "model.d_model", "train.steps"}));
    QCOMPARE(diff.settings[1].after, std::string("16"));
  }

  void everyPresetAgainstEveryStart() {
    for (const PresetInfo& a : listPresets())
      for (const char* other : {"start/moe_mamba", "start/parallel_moe_mamba", "start/inner_moe_mamba"}) {
        const RunSpec left = read(a.text), right = loadRunSpec(other).value();
        const DesignDiff diff = compareDesigns(left, right);
        std::size_t onLeft = 0, onRight = 0;
        for (const DiffRow& row : diff.blocks) onLeft += !row.before.empty(), onRight += !row.after.empty();
        QCOMPARE(onLeft, blocks(left.blocks));
        QCOMPARE(onRight, blocks(right.blocks));
      }
  }

  void longDesigns() {
    std::string a = "name: a\nmodel:\n  d_model: 8\n  blocks:\n", b = a;
    for (int i = 0; i < 6000; ++i) (i % 3 ? a : b) += "    - {kind: mamba}\n", b += "    - {kind: linear}\n";
    const RunSpec left = read(a), right = read(b);
    QElapsedTimer clock;
    clock.start();
    const DesignDiff diff = compareDesigns(left, right);
    qInfo("%zu and %zu blocks compared in %lld ms", left.blocks.size(), right.blocks.size(), clock.elapsed());
    QVERIFY(diff.blocks.size() >= right.blocks.size());
  }
};

QTEST_GUILESS_MAIN(TestDesignDiff)
#include "tst_design_diff.moc"
