// SPDX-License-Identifier: GPL-3.0-or-later
// Shipped designs: complete, readable alone, counted, drawn, written out and read back; the small ones train.
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <map>
#include <set>

#include "engine/api/plan.h"
#include "engine/graph/plan_rows.h"

using namespace serp;

namespace {

const std::vector<PresetInfo>& presets() {
  static const std::vector<PresetInfo> all = listPresets();
  return all;
}

RunSpec load(const std::string& name) {
  auto spec = loadRunSpec(name);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  return std::move(spec).value();
}

void everyPreset() {
  QTest::addColumn<QString>("name");
  for (const PresetInfo& p : presets()) QTest::newRow(p.name.c_str()) << QString::fromStdString(p.name);
}

/// A pattern written out: "(ME)2" is "MEME", "(M|E)2" is "(M|E)(M|E)".
std::string expanded(const std::string& pattern, std::size_t& at) {
  std::string out;
  while (at < pattern.size() && pattern[at] != ')' && pattern[at] != '|') {
    std::string item(1, pattern[at++]);
    if (item == "(") {
      item = expanded(pattern, at);
      const bool parallel = pattern[at] == '|';
      while (pattern[at] == '|') item += "|" + expanded(pattern, ++at);
      if (parallel) item = "(" + item + ")";
      ++at;
    }
    std::size_t digits = at;
    while (digits < pattern.size() && pattern[digits] >= '0' && pattern[digits] <= '9') ++digits;
    const int times = digits > at ? std::stoi(pattern.substr(at, digits - at)) : 1;
    at = digits;
    for (int i = 0; i < times; ++i) out += item;
  }
  return out;
}

std::string letterOf(const PlanNode& node) {
  if (const char letter = findBlock(node.kind)->letter; node.kind != "parallel") return std::string(1, letter == 0 ? '?' : letter);
  std::string out;
  for (const PlanNode& branch : node.children) out += (out.empty() ? "" : "|") + letterOf(branch);
  return "(" + out + ")";
}

const QString kSerp = QStringLiteral(SERP_BINARY_DIR "/bin/serp");

}  // namespace

class TestPresets : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void theTablesOfThePaperAreThere() {
    std::map<std::string, int> count;
    for (const PresetInfo& p : presets()) ++count[p.name.substr(0, p.name.rfind('/'))];
    const std::map<std::string, int> expected = {
        {"start", 15},   {"peers", 5},           {"paper/v1", 5},     {"paper/v1/experts", 5}, {"paper/v1/learning_rate", 6},
        {"paper/v2", 7}, {"paper/parallel", 12}, {"paper/inner", 16}, {"paper/ratio", 6},      {"paper/experts", 6}};
    for (const auto& [folder, n] : expected) QVERIFY2(count[folder] == n, (folder + ": " + std::to_string(count[folder])).c_str());
  }

  void namesAreUniqueAndTitled() {
    std::set<std::string> names;
    for (const PresetInfo& p : presets()) {
      QVERIFY2(!p.title.empty() && p.title.size() <= 110, p.name.c_str());
      QVERIFY2(names.insert(load(p.name).name).second, ("two presets make runs of the name " + load(p.name).name).c_str());
    }
  }

  void eachIsReadWithoutARemark_data() { everyPreset(); }
  void eachIsReadWithoutARemark() {
    QFETCH(QString, name);
    const RunSpec spec = load(name.toStdString());
    QCOMPARE(QString::fromStdString(spec.notes.text()), QString());
    auto plan = planRun(spec);
    QVERIFY2(plan, plan ? "" : plan.faults().text().c_str());
    QVERIFY(plan->nonEmbeddingActive > 0 && plan->nonEmbeddingActive <= plan->nonEmbeddingTotal);
    QCOMPARE(plan->total.paramsTotal, plan->nonEmbeddingTotal + plan->embeddingParams);
  }

  void eachIsReadableAlone_data() { everyPreset(); }
  void eachIsReadableAlone() {
    QFETCH(QString, name);
    const std::string text = load(name.toStdString()).text;
    QVERIFY(text.starts_with("# ") && text.ends_with("\n") && text.find('\t') == std::string::npos && text.find("\r") == std::string::npos);
    std::size_t longest = 0;
    const QStringList lines = QString::fromStdString(text).split(QLatin1Char('\n'));
    for (const QString& line : lines) longest = std::max(longest, static_cast<std::size_t>(line.size()));
    QVERIFY2(longest <= 120, std::to_string(longest).c_str());
    const auto reference = text.find("\nreference:");
    QCOMPARE(reference != std::string::npos, name.startsWith(QLatin1String("paper/")));
    if (reference != std::string::npos) QCOMPARE(text.find('#', reference), std::string::npos);
  }

  void eachHasItsReference_data() { everyPreset(); }
  void eachHasItsReference() {
    QFETCH(QString, name);
    const RunSpec spec = load(name.toStdString());
    const ReferenceResult& r = spec.reference;
    if (!name.startsWith(QLatin1String("paper/"))) {
      QCOMPARE(r.source, std::string());
      return;
    }
    QVERIFY(r.source.starts_with("MoE-Mamba v1, ") || r.source.starts_with("MoE-Mamba v2, "));
    QVERIFY(r.steps.has_value());
    QCOMPARE(*r.steps, static_cast<double>(spec.train.integer("steps")));
    if (r.loss) QVERIFY(*r.loss > 2.5 && *r.loss < 4.5);
    QCOMPARE(r.speedup.has_value(), !r.baseline.empty());
    if (!r.baseline.empty()) QVERIFY2(loadRunSpec(r.baseline), r.baseline.c_str());
  }

  void resolvedTextReadsBackTheSame_data() { everyPreset(); }
  void resolvedTextReadsBackTheSame() {
    QFETCH(QString, name);
    const RunSpec spec = load(name.toStdString());
    const std::string resolved = resolvedText(spec);
    auto again = parseRunSpec(resolved, "resolved.yaml");
    QVERIFY2(again, again ? "" : again.faults().text().c_str());
    QCOMPARE(resolvedText(*again), resolved);
    QCOMPARE(patternText(*again), patternText(spec));
    QCOMPARE(planJson(*planRun(*again)), planJson(*planRun(spec)));
  }

  void patternsOfTheDesigns_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("pattern");
    const auto row = [](const char* name, const char* pattern) { QTest::newRow(name) << name << pattern; };
    row("start/transformer", "(*-)4");
    row("start/transformer_moe", "(*E)4");
    row("start/mamba", "M8");
    row("start/mamba_mlp", "(M-)4");
    row("start/moe_mamba", "(ME)4");
    row("start/parallel_moe_mamba", "(M|E)4");
    row("start/inner_moe_mamba", "(MM)4");
    row("start/expert_choice_mamba", "(ME)4");
    row("start/blackmamba", "(ME)4");
    row("start/jamba", "(M-ME)2*-MEM-ME");
    row("start/nemotron_h", "(2E(2)*E)2");
    row("start/samba", "(M-*-)2");
    row("start/shared_attention", "(22*-)3");
    row("start/gateless_mamba", "(?E)4");
    row("peers/nemotron_3_nano", "((2E)2(2)*E)5(2E)3(2)*E(2E)4");
    row("peers/jamba_52b", "((M-ME)2*-MEM-ME)4");
    row("paper/v1/moe_mamba_25m", "(ME)8");
    row("paper/v1/transformer_25m", "(*-)8");
    row("paper/v1/mamba_mlp_25m", "(M-)8");
    row("paper/v2/mamba_25m", "M16");
    row("paper/v2/mamba_100m", "M32");
    row("paper/v2/moe_mamba_25m", "(ME)8");
    row("paper/v2/moe_mamba_100m", "(ME)16");
    row("paper/v2/transformer_moe_100m", "(*E)16");
    row("paper/parallel/parallel_e8", "(M|E)8");
    row("paper/inner/conv_gate_out_every", "M16");
    row("paper/inner/conv_gate_out_alternate", "(MM)8");
    row("paper/ratio/6_to_0", "M8");
  }
  void patternsOfTheDesigns() {
    QFETCH(QString, name);
    QFETCH(QString, pattern);
    QCOMPARE(QString::fromStdString(patternText(load(name.toStdString()))), pattern);
  }

  /// Millions of parameters, total and active, embedding included: the published sizes of the neighbours.
  void theNeighboursHaveTheirSizes_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<double>("total");
    QTest::addColumn<double>("active");
    QTest::newRow("BlackMamba 2.8B, 630M active") << "peers/blackmamba_2_8b" << 2800.0 << 630.0;
    QTest::newRow("Jamba 52B, 12B active") << "peers/jamba_52b" << 52000.0 << 12000.0;
    QTest::newRow("Nemotron 3 Nano 31.6B, 3.6B active") << "peers/nemotron_3_nano" << 31600.0 << 3600.0;
    QTest::newRow("RoM 10B, 1.3B active") << "peers/routing_mamba_10b" << 10000.0 << 1300.0;
  }
  void theNeighboursHaveTheirSizes() {
    QFETCH(QString, name);
    QFETCH(double, total);
    QFETCH(double, active);
    const Plan plan = planRun(load(name.toStdString())).value();
    const double t = static_cast<double>(plan.total.paramsTotal) / 1e6, a = static_cast<double>(plan.total.paramsActive) / 1e6;
    QVERIFY2(std::abs(t - total) <= 0.06 * total && std::abs(a - active) <= 0.06 * active,
             qPrintable(QString("%1 M total, %2 M active").arg(t).arg(a)));
  }

  void everyPatternNamesTheBlocksOfThePlan() {
    for (const PresetInfo& p : presets()) {
      const Plan plan = planRun(load(p.name)).value();
      std::string blocks;
      for (const PlanNode& node : plan.blocks) blocks += letterOf(node);
      std::size_t at = 0;
      QCOMPARE(QString::fromStdString(expanded(plan.pattern, at)), QString::fromStdString(blocks));
    }
  }

  void patternsFollowTheContract_data() {
    QTest::addColumn<QString>("blocks");
    QTest::addColumn<QString>("pattern");
    QTest::newRow("letters")
        << "[{kind: mamba}, {kind: switch_moe}, {kind: topk_moe}, {kind: expert_choice}, {kind: attention}, {kind: dense_ffn}]" << "MEEE*-";
    QTest::newRow("a digit for a letter")
        << "[{kind: mamba2}, {kind: mamba2}, {repeat: 3, blocks: [{kind: mamba2}]}, {parallel: [{kind: mamba2}, {kind: mamba}]}]"
        << "2(2)(2)3(2|M)";
    QTest::newRow("no letter") << "[{kind: linear}]" << "?";
    QTest::newRow("one block repeated") << "[{repeat: 3, blocks: [{kind: mamba}]}]" << "M3";
    QTest::newRow("repeat in repeat") << "[{repeat: 2, blocks: [{repeat: 3, blocks: [{kind: mamba}]}]}]" << "(M3)2";
    QTest::newRow("repeat beside a block") << "[{repeat: 2, blocks: [{repeat: 3, blocks: [{kind: mamba}]}, {kind: attention}]}]"
                                           << "(M3*)2";
    QTest::newRow("parallel") << "[{parallel: [{kind: mamba}, {kind: switch_moe}]}, {kind: mamba}]" << "(M|E)M";
    QTest::newRow("parallel repeated") << "[{repeat: 2, blocks: [{parallel: [{kind: mamba}, {kind: switch_moe}]}]}]" << "(M|E)2";
  }
  void patternsFollowTheContract() {
    QFETCH(QString, blocks);
    QFETCH(QString, pattern);
    auto spec = parseRunSpec("name: x\nmodel:\n  d_model: 64\n  blocks: " + blocks.toStdString() + "\n");
    QVERIFY2(spec, spec ? "" : spec.faults().text().c_str());
    QCOMPARE(QString::fromStdString(patternText(*spec)), pattern);
  }

  void drawingsAreWellFormed_data() { everyPreset(); }
  void drawingsAreWellFormed() {
    QFETCH(QString, name);
    const Plan plan = planRun(load(name.toStdString())).value();
    QXmlStreamReader xml(QByteArray::fromStdString(planSvg(plan)));
    QString text;
    while (!xml.atEnd()) {
      xml.readNext();
      if (xml.isCharacters()) text += xml.text();
    }
    QVERIFY2(!xml.hasError(), qPrintable(xml.errorString()));
    QVERIFY(text.contains(QString::fromStdString(plan.pattern)));
    std::size_t blocks = 0;
    for (const PlanRun& run : foldPlan(plan)) blocks += run.length * run.times;
    QCOMPARE(blocks, plan.blocks.size());
  }

  void aWrongNameIsToldTheNearest() {
    QVERIFY(QString::fromStdString(loadRunSpec("start/moe_mambo").faults().text()).contains("did you mean \"start/moe_mamba\"?"));
    QVERIFY(QString::fromStdString(loadRunSpec("moe_mamba").faults().text()).contains("did you mean \"start/moe_mamba\"?"));
    QVERIFY(QString::fromStdString(loadRunSpec("zzzzzzzzzzzz").faults().text()).contains("serp plan --list"));
    QVERIFY(!loadRunSpec("../start/moe_mamba"));
    QVERIFY(!loadRunSpec("nowhere.yaml"));
  }

  void aMovedProgramFindsItsPresets() {
    if (!QFile::exists(kSerp)) QSKIP("serp is not built");
    QTemporaryDir prefix;
    QVERIFY(QDir(prefix.path()).mkpath("bin") && QDir(prefix.path()).mkpath("share/serpentarium/presets/start"));
    const QString moved = prefix.filePath("bin/serp");
    QVERIFY(QFile::copy(kSerp, moved));
    QFile preset(prefix.filePath("share/serpentarium/presets/start/only_here.yaml"));
    QVERIFY(preset.open(QIODevice::WriteOnly));
    preset.write("# Only here\nname: only_here\nmodel: {d_model: 8, blocks: [{kind: mamba}]}\n");
    preset.close();
    QProcess serp;
    serp.start(moved, {"plan", "--list"});
    QVERIFY(serp.waitForFinished(60000));
    QCOMPARE(serp.readAllStandardOutput(), QByteArray("start/only_here  Only here\n"));
    serp.start(moved, {"plan", "start/only_here"});
    QVERIFY(serp.waitForFinished(60000));
    QCOMPARE(serp.exitCode(), 0);
  }

  void theSmallOnesTrain_data() {
    QTest::addColumn<QString>("name");
    for (const PresetInfo& p : presets())
      if (p.name.starts_with("start/")) QTest::newRow(p.name.c_str()) << QString::fromStdString(p.name);
  }
  void theSmallOnesTrain() {
    QFETCH(QString, name);
    if (!QFile::exists(QStringLiteral(SERP_BINARY_DIR "/libexec/serp-engine"))) QSKIP("the engine is not built");
    QTemporaryDir out;
    QProcess serp;
    serp.start(kSerp, {"train",     name,
                       "--steps",   "2",
                       "--set",     "train.batch=2",
                       "--set",     "data.context=96",
                       "--set",     "data.babel_bytes=65536",
                       "--set",     "train.sample_every=0",
                       "--set",     "train.eval_batches=1",
                       "--threads", "1",
                       "--quiet",   "--json",
                       "--out",     out.filePath("run")});
    QVERIFY(serp.waitForFinished(300000));
    QVERIFY2(serp.exitCode() == 0, serp.readAllStandardError().constData());
    const QList<QByteArray> lines = serp.readAllStandardOutput().trimmed().split('\n');
    QCOMPARE(lines.size(), 3);
    QVERIFY(lines[0].contains("\"step\":1,") && lines[1].contains("\"step\":2,") && lines[2].contains("\"event\":\"finished\""));
  }

  void aPaperPresetWithoutItsFilesSaysWhatIsMissing() {
    if (!QFile::exists(QStringLiteral(SERP_BINARY_DIR "/libexec/serp-engine"))) QSKIP("the engine is not built");
    QTemporaryDir out;
    QProcess serp;
    serp.setWorkingDirectory(out.path());
    for (const QStringList& given : {QStringList(), QStringList{"--set", "data.source=babel"}}) {
      serp.start(kSerp, QStringList{"train", "paper/v2/moe_mamba_25m", "--out", out.filePath("run")} + given);
      QVERIFY(serp.waitForFinished(300000));
      QCOMPARE(serp.exitCode(), 3);
      const QByteArray said = serp.readAllStandardError();
      QVERIFY2(said.contains(given.isEmpty() ? "data/c4" : "data/gpt2"), said.constData());
      QVERIFY(!QFile::exists(out.filePath("run")));
    }
  }
};

QTEST_GUILESS_MAIN(TestPresets)
#include "tst_presets.moc"
