// SPDX-License-Identifier: GPL-3.0-or-later
// Equalise: the paper's own budget comes out of it (paper.md §1, §2), and any two designs come as near as whole numbers allow.
#include <QTest>
#include <cmath>

#include "engine/api/equalise.h"

using namespace serp;

namespace {

RunSpec read(const std::string& text) {
  auto spec = parseRunSpec(text);
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  return std::move(spec).value();
}

Plan plan(const RunSpec& spec) {
  auto p = planRun(spec);
  if (!p) qFatal("%s", p.faults().text().c_str());
  return std::move(p).value();
}

Equalised solved(const RunSpec& spec, const std::string& key, const Plan& pinned, Budget budget) {
  auto e = equalise(spec, key, budgetOf(pinned, budget), budget);
  if (!e) qFatal("%s", e.faults().text().c_str());
  return std::move(e).value();
}

std::string design(const std::string& blocks, int width = 512) {
  return "name: x\nmodel:\n  d_model: " + std::to_string(width) + "\n  blocks:\n    - repeat: 8   # pairs\n      blocks: " + blocks + "\ntrain: {steps: 5}\n";
}

const PlanNode& last(const Plan& p) { return p.blocks.back(); }

}  // namespace

class TestEqualise : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  /// An expert layer in the place of every second Mamba: d_expert = 3·d_model, for any width.
  void expertsInPlaceOfMamba() {
    qInfo("d_model   d_expert   over d_model   (a Mamba's place taken by an expert layer, matrix weights equal)");
    for (const int width : {64, 128, 384, 512, 768, 1000}) {
      const Plan mamba = plan(read(design("[{kind: mamba}, {kind: mamba}]", width)));
      const RunSpec moe = read(design("[{kind: mamba}, {kind: switch_moe, experts: 32, d_expert: 77}]", width));
      const Equalised e = solved(moe, "d_expert", mamba, Budget::Weights);
      const auto found = last(plan(read(e.text))).params.integer("d_expert");
      qInfo("%7d   %8lld   %12.3f", width, static_cast<long long>(found), static_cast<double>(found) / width);
      QCOMPARE(found, std::int64_t{3} * width);
      QCOMPARE(e.after, e.target);
    }
    // The Transformer's rule beside it: 4·d_model for a feed-forward.
    const Plan ffn = plan(read(design("[{kind: attention}, {kind: dense_ffn}]")));
    const Equalised four = solved(read(design("[{kind: attention}, {kind: switch_moe, experts: 32}]")), "d_expert", ffn, Budget::Weights);
    QCOMPARE(last(plan(read(four.text))).params.integer("d_expert"), std::int64_t{2048});
  }

  /// MoE-Mamba v2, Table 2: the shares of Mamba and experts vary, matrix weights and the weights of all experts stay.
  void ratioStudy() {
    const struct { const char *preset, *expand; int inner, dExpert, experts; double total, active; } rows[] = {
        {"1_to_5", "2/3", 341, 2560, 19, 403.1, 25.6}, {"2_to_4", "4/3", 682, 2048, 24, 411.8, 25.9}, {"3_to_3", "2", 1024, 1536, 32, 416.4, 26.3},
        {"4_to_2", "8/3", 1365, 1024, 48, 420.9, 26.7}, {"5_to_1", "10/3", 1706, 512, 96, 425.7, 27.2}};
    const Plan pinned = plan(loadRunSpec("paper/ratio/3_to_3").value());
    qInfo("ratio    expand   d_inner   d_expert (paper)   experts (paper)   total M (paper)   active M (paper)");
    for (const auto& row : rows) {
      RunSpec spec = read(design(std::string("[{kind: mamba, expand: ") + row.expand + "}, {kind: switch_moe, experts: 32, d_expert: 1536}]"));
      spec = read(solved(spec, "d_expert", pinned, Budget::Weights).text);
      spec = read(solved(spec, "experts", pinned, Budget::ExpertWeights).text);
      const Plan p = plan(spec);
      const auto width = last(p).params.integer("d_expert"), experts = last(p).params.integer("experts");
      const double total = static_cast<double>(p.nonEmbeddingTotal) / 1e6, active = static_cast<double>(p.nonEmbeddingActive) / 1e6;
      const auto inner = static_cast<std::int64_t>(p.blocks[0].params.real("expand") * 512);
      qInfo("%-7s  %6s   %7lld   %8lld (%5d)   %7lld (%5d)   %7.1f (%5.1f)   %8.1f (%4.1f)", row.preset, row.expand, static_cast<long long>(inner),
            static_cast<long long>(width), row.dExpert, static_cast<long long>(experts), row.experts, total, row.total, active, row.active);
      QCOMPARE(inner, std::int64_t{row.inner});
      QVERIFY2(std::abs(width - row.dExpert) <= 1, "within the rounding of d_inner to whole channels");
      QCOMPARE(experts, std::int64_t{row.experts});
      const double rounding = std::abs(static_cast<double>(width - row.dExpert)) * row.experts * 2 * 512 * 8 / 1e6;
      QVERIFY(std::abs(total - row.total) < 0.051 + rounding && std::abs(active - row.active) < 0.051);
      // And the other way: the published widths give the published expand back.
      const RunSpec published = loadRunSpec(std::string("paper/ratio/") + row.preset).value();
      RunSpec open = read(solved(published, "expand", pinned, Budget::Weights).text);
      QVERIFY(std::abs(static_cast<std::int64_t>(plan(open).blocks[0].params.real("expand") * 512) - row.inner) <= 1);
    }
  }

  void activeParametersAndFlops() {
    const RunSpec moe = loadRunSpec("start/moe_mamba").value();
    const Plan mamba = plan(loadRunSpec("start/mamba").value());
    for (const Budget budget : {Budget::Active, Budget::Flops}) {
      const Equalised e = solved(moe, "d_expert", mamba, budget);
      QCOMPARE(e.changes.size(), std::size_t(1));
      QCOMPARE(e.changes.front().path, std::string("model.blocks[0].blocks[1]"));
      QCOMPARE(e.changes.front().before, std::string("384"));
      const Plan after = plan(read(e.text));
      QCOMPARE(budgetOf(after, budget), e.after);
      // One more or one less unit of width is farther away.
      const auto width = last(after).params.integer("d_expert");
      for (const int by : {-1, 1}) {
        const RunSpec near = read(withValue(e.text, "model.blocks[0].blocks[1].d_expert", std::to_string(width + by)).value());
        QVERIFY(std::abs(budgetOf(plan(near), budget) - e.target) >= std::abs(e.after - e.target));
      }
      // Nothing but that value changed.
      QString text = QString::fromStdString(e.text);
      QCOMPARE(text.remove(QStringLiteral(", d_expert: %1").arg(width)), QString::fromStdString(moe.text));
      QVERIFY(solved(read(e.text), "d_expert", mamba, budget).changes.empty());
    }
  }

  void expandExpertsAndBlocks() {
    const Plan pinned = plan(loadRunSpec("start/moe_mamba").value());
    for (const char* name : {"start/mamba", "start/mamba_mlp", "start/inner_moe_mamba", "start/transformer_moe", "paper/v2/moe_mamba_25m"}) {
      const RunSpec spec = loadRunSpec(name).value();
      for (const std::string& key : equalisableKeys(spec)) {
        if (key == "experts") continue;  // active parameters hardly know them
        const auto e = equalise(spec, key, budgetOf(pinned, Budget::Active), Budget::Active);
        if (!e) {
          QVERIFY2(e.faults().text().find("even the smallest") != std::string::npos, e.faults().text().c_str());
          continue;
        }
        QVERIFY(std::abs(e->after - e->target) <= std::abs(e->before - e->target));
        QCOMPARE(budgetOf(plan(read(e->text)), Budget::Active), e->after);
      }
    }
    QCOMPARE(equalisableKeys(loadRunSpec("start/mamba").value()), (std::vector<std::string>{"expand", "repeat"}));
  }

  void whatCannotBeDoneIsSaid() {
    const RunSpec spec = loadRunSpec("start/moe_mamba").value();
    QVERIFY(equalise(spec, "d_ff", 1e6, Budget::Active).faults().text().find("no block") != std::string::npos);
    QVERIFY(equalise(spec, "d_expert", 1e3, Budget::Active).faults().text().find("even the smallest") != std::string::npos);
    const auto most = equalise(spec, "d_expert", 1e14, Budget::Active);   // as far as it goes
    QVERIFY(most);
    QVERIFY(most->after > most->before);
  }
};

QTEST_GUILESS_MAIN(TestEqualise)
#include "tst_equalise.moc"
