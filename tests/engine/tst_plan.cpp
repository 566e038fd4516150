// SPDX-License-Identifier: GPL-3.0-or-later
// Counting: the paper's numbers to the printed digit, the conventions of the JSON document, and what memory refuses.
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "engine/api/plan.h"
#include "engine/graph/free_memory.h"

using namespace serp;

namespace {

Plan planOf(const std::string& config, const std::vector<std::pair<std::string, std::string>>& set = {}) {
  auto spec = loadRunSpec(config, set);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  auto plan = planRun(*spec);
  if (!plan) qFatal("%s", plan.faults().text().c_str());
  return std::move(plan).value();
}

Plan planOfBlocks(const std::string& blocks, const std::string& rest = {}) {
  auto spec = parseRunSpec("name: x\nmodel:\n  d_model: 128\n  blocks: " + blocks + "\n" + rest);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  return planRun(*spec).value();
}

QString inMillions(std::int64_t n, int digits) { return QString::number(static_cast<double>(n) / 1e6, 'f', digits); }

const QString kSerp = QStringLiteral(SERP_BINARY_DIR "/bin/serp");

}  // namespace

class TestPlan : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void thePapersCounts_data() {
    QTest::addColumn<QString>("total");
    QTest::addColumn<QString>("active");
    const auto row = [](const char* name, const char* total, const char* active) { QTest::newRow(name) << total << active; };
    row("paper/v2/mamba_25m", "27.132", "27.132");
    row("paper/v2/transformer_25m", "25.203", "25.203");
    row("paper/v2/transformer_moe_25m", "545.407", "25.313");
    row("paper/v1/mamba_mlp_25m", "26.173", "26.173");
    row("paper/experts/moe_mamba_e1", "26.161", "26.161");
    row("paper/experts/moe_mamba_e4", "63.922", "26.17");
    row("paper/experts/moe_mamba_e8", "114.270", "26.19");
    row("paper/experts/moe_mamba_e16", "214.966", "26.223");
    row("paper/experts/moe_mamba_e32", "416.358", "26.288");
    row("paper/v2/moe_mamba_25m", "542.228", "26.329");
    row("paper/v2/mamba_100m", "120.717", "120.717");
    row("paper/v2/transformer_moe_100m", "2454.110", "113.689");
    row("paper/v2/moe_mamba_100m", "2439.070", "117.522");
    row("paper/v1/moe_mamba_25m", "416.358", "26.288");
    row("paper/v1/transformer_25m", "25.203", "25.203");
    row("paper/v1/transformer_moe_25m", "545.407", "25.313");
    row("paper/ratio/1_to_5", "403.1", "25.6");
    row("paper/ratio/2_to_4", "411.8", "25.9");
    row("paper/ratio/3_to_3", "416.4", "26.3");
    row("paper/ratio/4_to_2", "420.9", "26.7");
    row("paper/ratio/5_to_1", "425.7", "27.2");  // the reference prints 425.7; 425.650 rounds to it
  }
  void thePapersCounts() {
    QFETCH(QString, total);
    QFETCH(QString, active);
    const Plan plan = planOf(QTest::currentDataTag());
    const auto digits = [](const QString& printed) { return static_cast<int>(printed.size() - printed.indexOf(QLatin1Char('.')) - 1); };
    QCOMPARE(inMillions(plan.nonEmbeddingTotal, digits(total)), total);
    QCOMPARE(inMillions(plan.nonEmbeddingActive, digits(active)), active);
  }

  void innerExpertsKeepTheBudget() {  // paper.md §3.2: totals 210-231 M, active 27.5-28.2 M
    for (const PresetInfo& p : listPresets()) {
      if (!p.name.starts_with("paper/inner/") || p.name.ends_with("/mamba") || p.name.ends_with("moe_mamba_e16")) continue;
      const Plan plan = planOf(p.name);
      const double total = static_cast<double>(plan.nonEmbeddingTotal) / 1e6, active = static_cast<double>(plan.nonEmbeddingActive) / 1e6;
      QVERIFY2(total >= 209.8 && total < 231.0 && active >= 27.45 && active < 28.25, (p.name + ": " + std::to_string(total) + ", " + std::to_string(active)).c_str());
    }
  }

  void theMambaLayerPartByPart() {
    for (const auto& [name, layer, width] : {std::tuple("paper/v2/mamba_25m", 1'694'720, 512), std::tuple("paper/v2/mamba_100m", 3'770'880, 768)}) {
      const Plan plan = planOf(name);
      for (const PlanNode& node : plan.blocks) QCOMPARE(node.cost.paramsTotal, layer + 2 * width);  // with its LayerNorm
      QCOMPARE(plan.embeddingParams, 2LL * 50257 * width);
    }
  }

  void widthsThatAreFractions() {
    for (const auto& [name, inner] : {std::pair("paper/ratio/1_to_5", 341), std::pair("paper/ratio/2_to_4", 682), std::pair("paper/ratio/4_to_2", 1365),
                                      std::pair("paper/ratio/5_to_1", 1706)}) {
      const Plan plan = planOf(name);
      // 3 d D for the projections, D (w + 1 + R + 2N + R + 1 + N + 1) for the rest, LayerNorm.
      QCOMPARE(plan.blocks[0].cost.paramsTotal, 3LL * 512 * inner + inner * (4 + 1 + 32 + 32 + 32 + 1 + 16 + 1) + 1024);
    }
  }

  void flopsFollowTheContract() {
    constexpr double d = 128, D = 256, N = 16, R = 8, W = 4;
    const double mamba = 2 * d * 2 * D + 2 * W * D + 2 * D * (R + 2 * N) + 2 * R * D + 9 * D * N + 2 * D * d;
    const double attention = 2 * d * 3 * d + 2 * d * d + 2 * 2 * (256.0 / 2) * d;
    const double experts = 2 * 2 * d * 384 + 2 * d * 16, head = 2 * d * 256;
    QCOMPARE(planOfBlocks("[{kind: mamba}]").flopsForward, mamba + head);
    QCOMPARE(planOfBlocks("[{kind: attention}]").flopsForward, attention + head);
    QCOMPARE(planOfBlocks("[{kind: switch_moe, experts: 16}]").flopsForward, experts + head);
    QCOMPARE(planOfBlocks("[{kind: dense_ffn}]").flopsForward, 2 * 2 * d * 4 * d + head);
    const Plan all = planOfBlocks("[{repeat: 4, blocks: [{kind: mamba}, {kind: switch_moe, experts: 16}]}]");
    QCOMPARE(all.flopsForward, 4 * (mamba + experts) + head);
    QCOMPARE(all.flopsTraining, 3 * all.flopsForward);
  }

  void activeCountsTheExpertsATokenVisits() {
    const Plan one = planOfBlocks("[{kind: topk_moe, experts: 8, top_k: 1, gated: false}]"), three = planOfBlocks("[{kind: topk_moe, experts: 8, top_k: 3, gated: false}]");
    QCOMPARE(one.nonEmbeddingTotal, three.nonEmbeddingTotal);
    QCOMPARE(three.nonEmbeddingActive - one.nonEmbeddingActive, 2LL * 2 * 128 * 384);
    const Plan shared = planOfBlocks("[{kind: topk_moe, experts: 8, top_k: 1, gated: false, shared_expert: 100}]");
    QCOMPARE(shared.nonEmbeddingActive - one.nonEmbeddingActive, 2LL * 128 * 100);
  }

  void slotsAndBranchesAddUp() {
    const Plan plain = planOfBlocks("[{kind: mamba}]"), inner = planOfBlocks("[{kind: mamba, out_proj: {kind: switch_moe, experts: 4, d_expert: 10}}]");
    QCOMPARE(inner.nonEmbeddingTotal - plain.nonEmbeddingTotal, 4LL * 10 * (256 + 128) + 256 * 4 - 256 * 128);
    QCOMPARE(inner.blocks[0].children.size(), std::size_t{1});
    QCOMPARE(inner.blocks[0].children[0].path, std::string("blocks.0.mixer.out_proj"));
    const Plan shared = planOfBlocks("[{parallel: [{kind: mamba}, {kind: switch_moe, experts: 4}]}]"),
               own = planOfBlocks("[{parallel: [{kind: mamba}, {kind: switch_moe, experts: 4}], norms: own}]"),
               sequence = planOfBlocks("[{kind: mamba}, {kind: switch_moe, experts: 4}]");
    QCOMPARE(sequence.nonEmbeddingTotal - shared.nonEmbeddingTotal, 2LL * 128);
    QCOMPARE(own.nonEmbeddingTotal, sequence.nonEmbeddingTotal);
  }

  void embeddingHeadAndPositionsStandApart() {
    const std::string blocks = "[{kind: mamba}]";
    const Plan untied = planOfBlocks(blocks), tied = planOfBlocks(blocks + "\n  tie_embedding: true"), learned = planOfBlocks(blocks + "\n  positions: learned");
    QCOMPARE(untied.embeddingParams, 2LL * 256 * 128);
    QCOMPARE(tied.embeddingParams, 256LL * 128);
    QCOMPARE(learned.embeddingParams, untied.embeddingParams + 256 * 128);
    QCOMPARE(tied.nonEmbeddingTotal, untied.nonEmbeddingTotal);
    QCOMPARE(learned.nonEmbeddingTotal, untied.nonEmbeddingTotal);
    QCOMPARE(tied.flopsForward, untied.flopsForward);
  }

  void theStateDoesNotGrowWithTheContextButAttentionDoes() {
    const std::string longer = "data: {context: 1024}\n";
    QCOMPARE(planOfBlocks("[{kind: mamba}]").stateBytesPerSequence, planOfBlocks("[{kind: mamba}]", longer).stateBytesPerSequence);
    QCOMPARE(planOfBlocks("[{kind: attention}]", longer).stateBytesPerSequence, 4 * planOfBlocks("[{kind: attention}]").stateBytesPerSequence);
  }

  void whatDoesNotFitIsRefusedWithTheFigures() {
    const Plan plan = planOf("paper/v2/moe_mamba_100m");
    QVERIFY(!checkMemory(plan, 1e15).hasErrors());
    const Diagnostics refused = checkMemory(plan, 8.0 * (1 << 30));
    QVERIFY(refused.hasErrors());
    QCOMPARE(refused.exit, ExitCode::OutOfMemory);
    const QString text = QString::fromStdString(refused.text());
    QVERIFY2(text.contains("8.00 GiB are free") && text.contains("needs about ") && text.contains("optimizer 18.7 GiB"), qPrintable(text));
    QVERIFY(freeMemory() > 0);
  }

  void theJsonDocument() {
    const Plan plan = planOf("start/inner_moe_mamba");
    const QJsonObject all = QJsonDocument::fromJson(QByteArray::fromStdString(planJson(plan))).object();
    for (const char* key : {"name", "params", "flops_per_token", "memory_bytes", "state_bytes_per_sequence", "blocks", "diagnostics"})
      QVERIFY2(all.contains(QLatin1String(key)), key);
    const QJsonObject params = all["params"].toObject();
    QCOMPARE(params["total"].toInteger(), plan.total.paramsTotal);
    QCOMPARE(params["active"].toInteger(), plan.total.paramsActive);
    QCOMPARE(params["embedding"].toInteger(), plan.embeddingParams);
    QCOMPARE(params["non_embedding_total"].toInteger(), plan.nonEmbeddingTotal);
    QCOMPARE(params["non_embedding_active"].toInteger(), plan.nonEmbeddingActive);
    QCOMPARE(all["flops_per_token"].toObject()["training"].toDouble(), plan.flopsTraining);
    const QJsonObject memory = all["memory_bytes"].toObject();
    QCOMPARE(memory["weights"].toInteger(), 4 * plan.total.paramsTotal);
    QVERIFY(memory["peak"].toDouble() >= 4 * memory["weights"].toDouble());
    const QJsonArray blocks = all["blocks"].toArray();
    QCOMPARE(blocks.size(), 8);
    qint64 sum = 0;
    for (const QJsonValue& block : blocks) {
      const QJsonObject b = block.toObject();
      for (const char* key : {"path", "kind", "input", "output", "params_total", "params_active", "flops_per_token", "state_bytes"})
        QVERIFY2(b.contains(QLatin1String(key)), key);
      QCOMPARE(b["input"].toArray().last().toInt(), 128);
      sum += b["params_total"].toInteger();
    }
    QCOMPARE(sum, plan.nonEmbeddingTotal);
    QCOMPARE(blocks[1].toObject()["children"].toArray()[0].toObject()["input"].toArray().last().toInt(), 256);
  }

  void theProgramPrintsIt() {
    if (!QFile::exists(kSerp)) QSKIP("serp is not built");
    QTemporaryDir folder;
    QProcess serp;
    const auto run = [&](const QStringList& arguments) {
      serp.start(kSerp, arguments);
      return serp.waitForFinished(60000) ? serp.exitCode() : -1;
    };
    const QString svg = folder.filePath("design.svg");
    QCOMPARE(run({"plan", "paper/v2/moe_mamba_25m", "--json", "--svg", svg}), 0);
    const QJsonObject params = QJsonDocument::fromJson(serp.readAllStandardOutput()).object()["params"].toObject();
    QCOMPARE(inMillions(params["non_embedding_total"].toInteger(), 3), QString("542.228"));
    QCOMPARE(inMillions(params["non_embedding_active"].toInteger(), 3), QString("26.329"));
    QVERIFY(QFile(svg).size() > 1000);

    QCOMPARE(run({"plan", "start/moe_mamba", "--set", "**.experts=8", "--set", "train.batch=2"}), 0);
    const QString table = QString::fromUtf8(serp.readAllStandardOutput());
    QVERIFY2(table.contains("4 ×") && table.contains("8 experts") && table.contains("batch 2"), qPrintable(table));

    QCOMPARE(run({"plan", "start/moe_mamba", "--set", "**.expert=8", "--set", "train.step=2", "--json"}), 2);
    const QJsonArray faults = QJsonDocument::fromJson(serp.readAllStandardOutput()).object()["diagnostics"].toArray();
    QCOMPARE(faults.size(), 2);
    QCOMPARE(faults[0].toObject()["severity"].toString(), QString("error"));
    QVERIFY(serp.readAllStandardError().contains("did you mean \"experts\"?"));
    QCOMPARE(run({"plan"}), 2);
    QCOMPARE(run({"plan", "start/moe_mamba", "--set", "novalue"}), 2);
    QCOMPARE(run({"plan", "start/moe_mamba", "--svg", "/nowhere/at/all.svg"}), 6);
    QCOMPARE(run({"plan", folder.path()}), 2);
  }

  void theCatalogueIsPrinted() {
    if (!QFile::exists(kSerp)) QSKIP("serp is not built");
    QProcess serp;
    serp.start(kSerp, {"blocks", "--json"});
    QVERIFY(serp.waitForFinished(60000));
    const QJsonArray blocks = QJsonDocument::fromJson(serp.readAllStandardOutput()).array();
    QCOMPARE(static_cast<std::size_t>(blocks.size()), blockCatalog().size());
    for (const QJsonValue& block : blocks) {
      const QJsonObject b = block.toObject();
      QVERIFY(!b["kind"].toString().isEmpty() && !b["family"].toString().isEmpty() && !b["summary"].toString().isEmpty() && b["causal"].isBool());
      for (const QJsonValue& param : b["params"].toArray()) {
        const QJsonObject p = param.toObject();
        QVERIFY2(p.contains("name") && p.contains("type") && p.contains("live") && !p["help"].toString().isEmpty(), qPrintable(b["kind"].toString()));
        QVERIFY(p.contains("default") || p.contains("default_formula"));
      }
    }
    serp.start(kSerp, {"blocks", "mambo"});
    QVERIFY(serp.waitForFinished(60000));
    QCOMPARE(serp.exitCode(), 2);
    QVERIFY(serp.readAllStandardError().contains("did you mean \"mamba\"?"));
  }
};

QTEST_GUILESS_MAIN(TestPlan)
#include "tst_plan.moc"
