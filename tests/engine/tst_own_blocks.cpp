// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of a person's own: read from a folder, used by name, written out into designs, and files that cannot be used.
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <fstream>

#include "engine/api/block_graph.h"
#include "engine/spec/block_info.h"

using namespace serp;
namespace fs = std::filesystem;

namespace {

const std::string kGated = R"(block: gated_memory
summary: A gated recurrence.
family: mixer
params:
  expand: {type: real, default: 2, minimum: 0.1, maximum: 8, help: width of the memory over the stream}
  taps: {type: integer, default: 3, maximum: 16, unit: tokens}
  hidden: {type: integer, default: 2 * d_model}
  biased: {type: boolean, default: true}
  act: {type: choice, choices: [silu, relu], default: silu}
nodes:
  wide: {op: linear, from: x, to: int(expand * d_in), bias: biased}
  mixed: {op: causal_conv1d, from: wide, taps: taps}
  keep: {op: sigmoid, from: mixed}
  memory: {op: recurrence, from: {a: keep, b: mixed}}
  gated: {op: gate, from: {value: memory, gate: wide}, activation: act}
  up: {op: linear, from: gated, to: hidden}
  out: {op: linear, from: up, to: d_out}
)";

struct Folder {
  QTemporaryDir dir;
  fs::path path() const { return dir.path().toStdString(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path() / name, std::ios::binary) << text; }
  /// Everything told while loading, with paths cut to file names.
  std::string load() const {
    std::string text = loadOwnBlocks(path()).text();
    const std::string prefix = path().string() + "/";
    for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }
};

Result<Plan> planOf(const std::string& blocks) {
  auto spec = parseRunSpec("name: x\nmodel:\n  d_model: 32\n  norm: none\n  blocks:\n" + blocks + "\n", "design.yaml");
  if (!spec) return spec.faults();
  return planRun(*spec);
}

std::string faultsOf(const std::string& blocks) {
  auto plan = planOf(blocks);
  return plan ? std::string() : plan.faults().text();
}

}  // namespace

class TstOwnBlocks : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void cleanup() {
    const Folder empty;
    empty.load();   // takes every block of the test out again
    for (const BlockInfo& b : blockCatalog()) QVERIFY(!b.own);
  }

  void aFileIsABlock() {
    const Folder folder;
    folder.write("gated_memory.yaml", kGated);
    folder.write("notes.txt", "not a block");
    QCOMPARE(QString::fromStdString(folder.load()), QString());
    const BlockInfo* info = findBlock("gated_memory");
    QVERIFY(info != nullptr && info->own && info->family == Family::Mixer && info->schema.size() == 5);
    QCOMPARE(info->summary, std::string("A gated recurrence."));
    const Plan plan = planOf("    - {kind: gated_memory, taps: 5, expand: 1.5}").value();
    const std::int64_t w = 48, d = 32;
    QCOMPARE(plan.blocks[0].cost.paramsTotal, d * w + w + w * 5 + w + w * 64 + 64 * d);
    QCOMPARE(plan.blocks[0].params.integer("hidden"), std::int64_t{64});
    QCOMPARE(graphNodes(plan.blocks[0], plan).size(), std::size_t{7});
    QCOMPARE(graphNodes(plan.blocks[0], plan)[4].detail, std::string("silu"));
    QVERIFY(faultsOf("    - {kind: gated_memory, taps: 17}").find("found 17") != std::string::npos);
    QVERIFY(faultsOf("    - {kind: gated_memory, expend: 1}").find("did you mean \"expand\"?") != std::string::npos);
  }

  void designsAreWrittenOutWithoutIt() {
    const Folder folder;
    folder.write("gated_memory.yaml", kGated);
    folder.load();
    auto spec = parseRunSpec(
        "name: x\nmodel: {d_model: 32, blocks: [{kind: gated_memory, taps: 5}, {kind: graph_block, nodes: {m: {op: gated_memory, from: "
        "x, expand: 1, to: d_in}, out: {op: relu, from: m}}}]}\n");
    QVERIFY2(spec, spec ? "" : spec.faults().text().c_str());
    const Plan before = planRun(*spec).value();
    const std::string resolved = resolvedText(*spec);
    QVERIFY(resolved.find("gated_memory") == std::string::npos);
    const Folder empty;
    empty.load();
    QVERIFY(findBlock("gated_memory") == nullptr);
    auto again = parseRunSpec(resolved);
    QVERIFY2(again, again ? "" : again.faults().text().c_str());
    const Plan after = planRun(*again).value();
    QCOMPARE(after.total.paramsTotal, before.total.paramsTotal);
    QCOMPARE(after.flopsForward, before.flopsForward);
    QCOMPARE(QString::fromStdString(resolvedText(*again)), QString::fromStdString(resolved));
  }

  void blocksAreMadeOfBlocks() {
    const Folder folder;
    folder.write("gated_memory.yaml", kGated);
    folder.write(
        "twice.yaml",
        "block: twice\nparams:\n  e: {type: real, default: 1}\nnodes:\n  a: {op: gated_memory, from: x, expand: e, hidden: 3 * d_in}\n"
        "  b: {op: gated_memory, from: a, expand: 2 * e}\n  out: {op: add, from: [a, b]}\n");
    QCOMPARE(QString::fromStdString(folder.load()), QString());
    const Plan plan = planOf("    - {kind: twice, e: 0.5}").value();
    const auto one = [](std::int64_t w, std::int64_t hidden) { return 32 * w + w + w * 3 + w + w * hidden + hidden * 32; };
    QCOMPARE(plan.blocks[0].cost.paramsTotal, one(16, 96) + one(32, 64));
    bool found = false;
    for (const GraphNodeView& n : graphNodes(plan.blocks[0], plan)) found = found || n.name == "a__wide";
    QVERIFY(found);
  }

  void filesThatCannotBeUsed_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("told");
    const auto row = [](const char* name, const std::string& text, const char* told) {
      QTest::newRow(name) << QString::fromStdString(text) << told;
    };
    row("not yaml", "nodes: {", "not valid YAML");
    row("empty", "", "the design is empty");
    row("a list", "- a\n", "bad.yaml:1:1  found a list, expected keys such as block, summary, params and nodes");
    row("another name", "block: other\nnodes: {out: {op: linear, from: x}}\n",
        "the block inside is called \"other\", the file must have that name");
    row("a built-in name", "block: mamba\nnodes: {out: {op: linear, from: x}}\n",
        "bad.yaml:1:8  block: \"mamba\" is a built-in block; give yours another name");
    row("no nodes", "block: bad\n", "nodes: expected a map of nodes");
    row("a faulty node", "block: bad\nnodes:\n  out: {op: linear, from: y}\n",
        "bad.yaml:3:21  nodes.out.from: there is no node \"y\", did you mean \"x\"?");
    row("a cycle", "block: bad\nnodes:\n  a: {op: relu, from: b}\n  b: {op: relu, from: a}\n  out: {op: linear, from: b}\n", "a cycle: ");
    row("itself", "block: bad\nnodes:\n  out: {op: bad, from: x}\n",
        "bad.yaml:3:9  nodes.out.op: the block \"bad\" is made of itself: bad → bad");
    row("missing", "block: bad\nnodes:\n  out: {op: gone_block, from: x}\n", "nodes.out.op: unknown operation \"gone_block\"");
    row("an unknown key", "block: bad\nnotes: {}\nnodes: {out: {op: linear, from: x}}\n",
        "bad.yaml:2:1  notes: unknown key, did you mean \"nodes\"?");
    row("a parameter without default", "block: bad\nparams: {w: {type: integer}}\nnodes: {out: {op: linear, from: x}}\n",
        "params.w.default: the key is missing");
    row("a parameter of no type", "block: bad\nparams: {w: {type: tensor, default: 1}}\nnodes: {out: {op: linear, from: x}}\n",
        "found \"tensor\", expected one of integer | real | boolean | choice");
    row("a taken name", "block: bad\nparams: {d_in: {type: integer, default: 1}}\nnodes: {out: {op: linear, from: x}}\n",
        "params.d_in: this name is taken");
    row("wrong range",
        "block: bad\nparams: {w: {type: integer, default: 1, minimum: 5, maximum: 2}}\nnodes: {out: {op: linear, from: x}}\n",
        "minimum is above maximum");
    row("default outside", "block: bad\nparams: {w: {type: integer, default: 7, maximum: 5}}\nnodes: {out: {op: linear, from: x}}\n",
        "params.w.default: found 7");
    row("an alias", "block: &a bad\nnodes: {out: {op: linear, from: x}}\n", "anchors (&name) are not allowed");
    row("a tag", "block: bad\nnodes: !!python/object {out: {op: linear, from: x}}\n", "tags");
    row("bytes", std::string("block: bad\nnodes: {out: {op: linear, from: \xff\xfe}}\n"), "bad.yaml:2:33  not valid UTF-8");
    row("very deep", "block: bad\nnodes: " + std::string(200, '[') + std::string(200, ']') + "\n", "nested deeper");
    row("ten thousand nodes", "block: bad\nnodes:\n" + [] {
      std::string nodes = "  n0: {op: relu, from: x}\n";
      for (int i = 1; i < 10000; ++i) nodes += "  n" + std::to_string(i) + ": {op: relu, from: n" + std::to_string(i - 1) + "}\n";
      return nodes;
    }() + "  out: {op: linear, from: n9999}\n", "more than 1000");
  }
  void filesThatCannotBeUsed() {
    QFETCH(QString, text);
    QFETCH(QString, told);
    const Folder folder;
    std::ofstream(folder.path() / "bad.yaml", std::ios::binary)
        << (QTest::currentDataTag() == std::string("bytes") ? std::string("block: bad\nnodes: {out: {op: linear, from: \xff\xfe}}\n")
                                                            : text.toStdString());
    folder.write("gated_memory.yaml", kGated);
    const std::string said = folder.load();
    if (QTest::currentDataTag() != std::string("bytes")) QVERIFY2(QString::fromStdString(said).contains(told), said.c_str());
    else QVERIFY(said.find("bad.yaml") != std::string::npos);
    QVERIFY(findBlock("bad") == nullptr);
    QVERIFY(findBlock("gated_memory") != nullptr);   // the others stay
    const std::string asked = faultsOf("    - {kind: bad}");
    QVERIFY2(asked.find("the block \"bad\" of your own cannot be used: ") != std::string::npos, asked.c_str());
    QVERIFY(asked.starts_with("design.yaml:6:14  model.blocks[0].kind"));
  }

  void blocksThatNeedEachOtherFallTogether() {
    const Folder folder;
    folder.write("first.yaml", "block: first\nnodes:\n  out: {op: second, from: x}\n");
    folder.write("second.yaml", "block: second\nnodes:\n  out: {op: first, from: x}\n");
    folder.write("third.yaml", "block: third\nnodes:\n  out: {op: second, from: x}\n");
    const std::string said = folder.load();
    QVERIFY2(said.find("the block \"first\" is made of itself: first → second → first") != std::string::npos, said.c_str());
    for (const char* kind : {"first", "second", "third"}) QVERIFY2(findBlock(kind) == nullptr, kind);
  }

  void hostileFiles() {
    const Folder folder;
    fs::create_directory(folder.path() / "folder.yaml");
    fs::create_symlink("/dev/zero", folder.path() / "device.yaml");
    fs::create_symlink("nowhere", folder.path() / "dangling.yaml");
    folder.write("large.yaml", std::string(2 << 20, ' '));
    folder.write("UPPER.yaml", "block: UPPER\nnodes: {out: {op: linear, from: x}}\n");
    const std::string said = folder.load();
    for (const char* name : {"folder.yaml", "device.yaml", "dangling.yaml", "large.yaml", "UPPER.yaml"})
      QVERIFY2(said.find(name) != std::string::npos, (said + name).c_str());
    for (const BlockInfo& b : blockCatalog()) QVERIFY(!b.own);
    QVERIFY(loadOwnBlocks("/nowhere/at/all").items.empty());
  }

  void nodesAreEditedInPlace() {
    const std::string text =
        "name: x\nmodel:\n  d_model: 32\n  blocks:\n    - kind: graph_block   # mine\n      nodes:\n        a: {op: linear, from: x, "
        "to: 8}  # narrow\n"
        "        out: {op: linear, from: a}\n";
    auto wider = withValue(text, "model.blocks[0].nodes.a.to", "2 * d_in");
    QVERIFY2(wider, wider ? "" : wider.faults().text().c_str());
    std::string expected = text;
    expected.replace(expected.find("to: 8"), 5, "to: 2 * d_in");
    QCOMPARE(QString::fromStdString(*wider), QString::fromStdString(expected));
    auto biased = withValue(*wider, "model.blocks[0].nodes.out.to", "d_out");
    QVERIFY(bool(biased));
    auto spec = parseRunSpec(*biased, {}, {{"model.blocks[0].nodes.a.bias", "true"}});
    QVERIFY2(spec, spec ? "" : spec.faults().text().c_str());
    QCOMPARE(planRun(*spec)->blocks[0].cost.paramsTotal - 64, std::int64_t{32 * 64 + 64 + 64 * 32});  // the norm has 64
  }

  void openedSavedUsed() {
    const Folder folder;
    const Plan mamba = planOf("    - {kind: mamba, d_state: 8}").value();
    auto text = ownBlockText("my_mamba", "Mamba, to be changed.", Family::Mixer, openedBlock(mamba.blocks[0]).value());
    QVERIFY(bool(text));
    auto file = saveOwnBlock(*text, folder.path() / "blocks");
    QVERIFY2(file, file ? "" : file.faults().text().c_str());
    QCOMPARE(*file, folder.path() / "blocks" / "my_mamba.yaml");
    const Plan plan = planOf("    - {kind: my_mamba}").value();
    QCOMPARE(plan.blocks[0].cost.paramsTotal, mamba.blocks[0].cost.paramsTotal);
    QCOMPARE(plan.blocks[0].cost.flopsPerToken, mamba.blocks[0].cost.flopsPerToken);
    QVERIFY(findBlock("my_mamba")->own);
    // Saving again replaces it; a text that is no block is refused and leaves the file.
    auto changed = ownBlockText("my_mamba", "Smaller.", Family::Mixer, "nodes: {out: {op: linear, from: x}}\n");
    QVERIFY(bool(saveOwnBlock(*changed, folder.path() / "blocks")));
    QCOMPARE(planOf("    - {kind: my_mamba}")->blocks[0].cost.paramsTotal, std::int64_t{32 * 32});
    QVERIFY(!saveOwnBlock("block: my_mamba\nnodes: {out: {op: linear, from: y}}\n", folder.path() / "blocks"));
    QVERIFY(!saveOwnBlock("block: attention\nnodes: {out: {op: linear, from: x}}\n", folder.path() / "blocks"));
    QCOMPARE(planOf("    - {kind: my_mamba}")->blocks[0].cost.paramsTotal, std::int64_t{32 * 32});
    QVERIFY(!ownBlockText("x", "", Family::Dense, "nothing"));
  }
};

QTEST_GUILESS_MAIN(TstOwnBlocks)
#include "tst_own_blocks.moc"
