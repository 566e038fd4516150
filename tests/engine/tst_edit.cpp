// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of whole blocks in the text: every shipped design survives them, foreign bytes stay, and what cannot be done is said.
#include <QElapsedTimer>
#include <QTest>
#include <random>

#include "engine/api/edit.h"
#include "engine/api/plan.h"

using namespace serp;

namespace {

const std::string kText =
    "# top\nname: mine\nmodel:\n  d_model: 64   # narrow\n\n  blocks:   # the stack\n    # mixes tokens\n    - {kind: mamba}   # first\n"
    "    # keeps experts\n    - kind: switch_moe\n      experts: 16   # many\n\n    # the last\n    - repeat: 2\n      blocks:\n        - {kind: dense_ffn}\n        # inner\n        - {kind: mamba}\n"
    "train: {steps: 20}   # short\n";

std::string textOf(const Result<DesignEdit>& edit) {
  if (!edit) qFatal("%s", edit.faults().text().c_str());
  return edit->text;
}

std::vector<std::string> kinds(const std::vector<BlockSpec>& blocks) {
  std::vector<std::string> out;
  for (const BlockSpec& b : blocks) {
    out.push_back(b.kind);
    for (const std::string& inner : kinds(b.children)) out.push_back("." + inner);
    for (const auto& [slot, inner] : b.filled) out.push_back(slot + "=" + inner.kind);
  }
  return out;
}

QString shape(const std::string& text) {
  const auto spec = parseRunSpec(text);
  if (!spec) return QString::fromStdString(spec.faults().text());
  QStringList out;
  for (const std::string& k : kinds(spec->blocks)) out << QString::fromStdString(k);
  return out.join(' ');
}

QString replaced(const std::string& text, const char* from, const char* to) {
  QString q = QString::fromStdString(text);
  if (q.count(from) != 1) qFatal("%s is not there once", from);
  return q.replace(from, to);
}

QString q(const std::string& s) { return QString::fromStdString(s); }

/// Every entry of every list, with its list and number.
void places(const std::vector<BlockSpec>& blocks, std::vector<std::string>& out) {
  for (const BlockSpec& b : blocks) {
    out.push_back(b.path);
    places(b.children, out);
  }
}

/// The lines of a text, without their indentation; blank ones are left out.
QStringList lines(const std::string& text) {
  QStringList out;
  for (const QString& line : QString::fromStdString(text).split('\n'))
    if (!line.trimmed().isEmpty()) out << line.trimmed();
  return out;
}

}  // namespace

class TestEdit : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void insertKeepsEveryOtherByte() {
    auto edit = insertBlocks(kText, "model.blocks", 1, "attention");
    QCOMPARE(q(textOf(edit)), replaced(kText, "    # keeps experts\n", "    - {kind: attention}\n    # keeps experts\n"));
    QCOMPARE(edit->selection, std::vector<std::string>{"model.blocks[1]"});
    QCOMPARE(edit->label, std::string("add attention"));
    QCOMPARE(q(textOf(insertBlocks(kText, "model.blocks", 0, "attention"))), replaced(kText, "    # mixes tokens\n", "    - {kind: attention}\n    # mixes tokens\n"));
    QCOMPARE(q(textOf(insertBlocks(kText, "model.blocks", 99, "- kind: attention\n  heads: 4\n- mamba: 1\n"))),
             replaced(kText, "train:", "    - kind: attention\n      heads: 4\n    - mamba: 1\ntrain:"));
    QCOMPARE(q(textOf(insertBlocks(kText, "model.blocks[2].blocks", 1, "{kind: attention}"))),
             replaced(kText, "        # inner\n", "        - {kind: attention}\n        # inner\n"));
  }

  void removeTakesTheCommentAboveAlong() {
    auto edit = removeBlocks(kText, {"model.blocks[1]"});
    QCOMPARE(q(textOf(edit)), replaced(kText, "    # keeps experts\n    - kind: switch_moe\n      experts: 16   # many\n", ""));
    QCOMPARE(edit->selection, std::vector<std::string>{"model.blocks[1]"});
    QCOMPARE(shape(textOf(removeBlocks(kText, {"model.blocks[0]", "model.blocks[2].blocks[0]", "model.blocks[2]"}))), QStringLiteral("switch_moe"));
    // The last one leaves a list that says it is empty, and can be filled again.
    auto none = removeBlocks(kText, {"model.blocks[0]", "model.blocks[1]", "model.blocks[2]"});
    QVERIFY2(q(textOf(none)).contains("  blocks: []   # the stack\n"), textOf(none).c_str());
    auto again = insertBlocks(none->text, "model.blocks", 0, "mamba");
    QVERIFY2(q(textOf(again)).contains("  blocks:   # the stack\n    - {kind: mamba}\n"), textOf(again).c_str());
    auto inner = removeBlocks(kText, {"model.blocks[2].blocks[0]", "model.blocks[2].blocks[1]"});
    QCOMPARE(inner->selection, std::vector<std::string>{"model.blocks[2]"});
    QVERIFY(q(inner->text).contains("- repeat: 2\n      blocks: []\n"));
  }

  void moveAmongListsAndBack() {
    auto edit = moveBlocks(kText, {"model.blocks[0]"}, "model.blocks[2].blocks", 1);
    QCOMPARE(shape(textOf(edit)), QStringLiteral("switch_moe repeat .dense_ffn .mamba .mamba"));
    QCOMPARE(edit->selection, std::vector<std::string>{"model.blocks[1].blocks[1]"});
    QVERIFY2(q(edit->text).contains("        # mixes tokens\n        - {kind: mamba}   # first\n        # inner\n"), edit->text.c_str());
    auto back = moveBlocks(edit->text, edit->selection, "model.blocks", 0);
    QCOMPARE(q(textOf(back)), q(kText));
    QCOMPARE(back->selection, std::vector<std::string>{"model.blocks[0]"});
    QCOMPARE(q(textOf(moveBlocks(kText, {"model.blocks[1]"}, "model.blocks", 1))), q(kText));
    QCOMPARE(q(textOf(moveBlocks(kText, {"model.blocks[1]"}, "model.blocks", 2))), q(kText));
    QCOMPARE(shape(textOf(moveBlocks(kText, {"model.blocks[0]", "model.blocks[2].blocks[1]"}, "model.blocks", 2))),
             QStringLiteral("switch_moe mamba mamba repeat .dense_ffn"));
    QVERIFY(!moveBlocks(kText, {"model.blocks[2]"}, "model.blocks[2].blocks", 0));
    QVERIFY(!moveBlocks(kText, {"model.blocks[7]"}, "model.blocks", 0));
  }

  void duplicateWrapUnwrap() {
    QCOMPARE(shape(textOf(duplicateBlocks(kText, {"model.blocks[0]", "model.blocks[1]"}))), QStringLiteral("mamba switch_moe mamba switch_moe repeat .dense_ffn .mamba"));
    auto wrapped = wrapBlocks(kText, {"model.blocks[0]", "model.blocks[1]"}, "repeat", 3);
    QCOMPARE(shape(textOf(wrapped)), QStringLiteral("repeat .mamba .switch_moe repeat .dense_ffn .mamba"));
    QVERIFY2(q(wrapped->text).contains("    - repeat: 3\n      blocks:\n        # mixes tokens\n        - {kind: mamba}   # first\n"), wrapped->text.c_str());
    QCOMPARE(q(textOf(unwrapBlock(wrapped->text, "model.blocks[0]"))), q(kText));
    auto side = wrapBlocks(kText, {"model.blocks[0]", "model.blocks[1]"}, "parallel", 0);
    QCOMPARE(shape(textOf(side)), QStringLiteral("parallel .mamba .switch_moe repeat .dense_ffn .mamba"));
    QCOMPARE(q(textOf(unwrapBlock(side->text, "model.blocks[0]"))), q(kText));
    QVERIFY(q(textOf(unwrapBlock(kText, "model.blocks[2]"))).contains("    # the last\n    - {kind: dense_ffn}\n    # inner\n    - {kind: mamba}\ntrain"));
    QVERIFY(!wrapBlocks(kText, {"model.blocks[0]", "model.blocks[2]"}, "repeat", 2));
    QVERIFY(!unwrapBlock(kText, "model.blocks[0]"));
  }

  void slotsAndKeys() {
    auto filled = fillSlot(kText, "model.blocks[0]", "out_proj", "{kind: switch_moe, experts: 4}");
    QCOMPARE(q(textOf(filled)), replaced(kText, "{kind: mamba}   # first", "{kind: mamba, out_proj: {kind: switch_moe, experts: 4}}   # first"));
    QCOMPARE(filled->selection, std::vector<std::string>{"model.blocks[0].out_proj"});
    QCOMPARE(q(textOf(removeBlocks(filled->text, filled->selection))), q(kText));
    // From the list into the slot, its comments and lines with it; and out again.
    auto moved = moveToSlot(kText, "model.blocks[1]", "model.blocks[2].blocks[1]", "out_proj");
    QCOMPARE(shape(textOf(moved)), QStringLiteral("mamba repeat .dense_ffn .mamba .out_proj=switch_moe"));
    QCOMPARE(moved->selection, std::vector<std::string>{"model.blocks[1].blocks[1].out_proj"});
    QVERIFY(q(moved->text).contains("{kind: mamba, out_proj: {kind: switch_moe, experts: 16}}"));
    auto out = moveBlocks(moved->text, moved->selection, "model.blocks", 1);
    QCOMPARE(shape(textOf(out)), QStringLiteral("mamba switch_moe repeat .dense_ffn .mamba"));
    // Block style: a slot on lines of its own.
    const std::string tall = "name: x\nmodel:\n  d_model: 64\n  blocks:\n    - kind: mamba   # m\n      d_state: 8\n      out_proj:   # o\n        kind: switch_moe\n        experts: 4\n    - {kind: mamba}\n";
    QCOMPARE(q(textOf(removeBlocks(tall, {"model.blocks[0].out_proj"}))), replaced(tall, "      out_proj:   # o\n        kind: switch_moe\n        experts: 4\n", ""));
    QCOMPARE(q(*copyBlocks(tall, {"model.blocks[0].out_proj"})), QStringLiteral("- kind: switch_moe\n  experts: 4\n"));
    QCOMPARE(q(textOf(fillSlot(tall, "model.blocks[0]", "gate_proj", "- kind: switch_moe\n  experts: 2\n"))),
             replaced(tall, "# m\n", "# m\n      gate_proj:\n        kind: switch_moe\n        experts: 2\n"));
    QCOMPARE(q(textOf(unsetKey(tall, "model.blocks[0].d_state"))), replaced(tall, "      d_state: 8\n", ""));
    QCOMPARE(q(textOf(unsetKey("a: {kind: x, b: 1, c: 2}\n", "a.b"))), QStringLiteral("a: {kind: x, c: 2}\n"));
    QCOMPARE(q(textOf(unsetKey("a: {kind: x, b: 1, c: 2}\n", "a.c"))), QStringLiteral("a: {kind: x, b: 1}\n"));
    QVERIFY(!fillSlot(kText, "model.blocks[0]", "out_proj", "- {kind: mamba}\n- {kind: mamba}\n"));
    QVERIFY(!fillSlot(kText, "model.blocks[0]", "out_proj", "- {repeat: 2, blocks: [{kind: mamba}]}"));
    auto many = setKeys(kText, {"model.blocks[0]", "model.blocks[2].blocks[1]"}, "d_state", "8");
    QCOMPARE(q(textOf(many)).count("{kind: mamba, d_state: 8}"), 2);
  }

  void bypassOnAndOff() {
    auto on = bypassBlocks(kText, {"model.blocks[0]", "model.blocks[1]"}, true);
    QVERIFY(q(textOf(on)).contains("- {kind: mamba, bypass: true}   # first"));
    QVERIFY(q(on->text).contains("    - kind: switch_moe\n      bypass: true\n      experts: 16   # many\n"));
    const auto plan = planRun(parseRunSpec(on->text).value());
    QVERIFY(plan);
    QCOMPARE(plan->blocks.size(), std::size_t(6));
    QVERIFY(plan->blocks[0].bypassed && plan->blocks[0].cost.paramsTotal == 0 && plan->blocks[0].path == "blocks.0");
    QVERIFY(!plan->blocks[2].bypassed && plan->blocks[2].path == "blocks.2");
    const auto all = planRun(parseRunSpec(kText).value());
    QCOMPARE(all->nonEmbeddingTotal - plan->nonEmbeddingTotal, all->blocks[0].cost.paramsTotal + all->blocks[1].cost.paramsTotal);
    QCOMPARE(q(textOf(bypassBlocks(on->text, {"model.blocks[0]", "model.blocks[1]"}, false))), q(kText));
    QVERIFY(q(resolvedText(parseRunSpec(on->text).value())).contains("{kind: mamba, bypass: true"));
    const std::string branch = "name: x\nmodel:\n  d_model: 64\n  blocks:\n    - parallel: [{kind: mamba}, {kind: switch_moe, bypass: true}]\n";
    const auto half = planRun(parseRunSpec(branch).value());
    QVERIFY(half);
    QCOMPARE(half->blocks[0].cost.paramsTotal, half->blocks[0].children[0].cost.paramsTotal + 2 * 64);
    QVERIFY(!parseRunSpec("name: x\nmodel:\n  d_model: 64\n  blocks: [{kind: mamba, out_proj: {kind: linear, bypass: true}}]\n"));
  }

  void bracketsStayBrackets() {
    const std::string flow = "name: x\nmodel: {d_model: 64, blocks: [{kind: mamba}, {repeat: 2, blocks: [{kind: switch_moe}]}, {kind: dense_ffn}]}  # all\n";
    const auto changed = [&](const char* from, const char* to) { return replaced(flow, from, to); };
    QCOMPARE(q(textOf(insertBlocks(flow, "model.blocks", 1, "- kind: attention  # comment\n  heads: 4\n"))), changed("{repeat", "{kind: attention, heads: 4}, {repeat"));
    QCOMPARE(q(textOf(insertBlocks(flow, "model.blocks", 3, "attention"))), changed("{kind: dense_ffn}", "{kind: dense_ffn}, {kind: attention}"));
    QCOMPARE(q(textOf(removeBlocks(flow, {"model.blocks[0]"}))), changed("{kind: mamba}, ", ""));
    QCOMPARE(q(textOf(removeBlocks(flow, {"model.blocks[2]"}))), changed(", {kind: dense_ffn}", ""));
    QCOMPARE(q(textOf(removeBlocks(flow, {"model.blocks[0]", "model.blocks[1]", "model.blocks[2]"}))), changed("[{kind: mamba}, {repeat: 2, blocks: [{kind: switch_moe}]}, {kind: dense_ffn}]", "[]"));
    QCOMPARE(q(textOf(removeBlocks(flow, {"model.blocks[1]", "model.blocks[2]"}))), changed(", {repeat: 2, blocks: [{kind: switch_moe}]}, {kind: dense_ffn}", ""));
    QCOMPARE(q(textOf(wrapBlocks(flow, {"model.blocks[0]", "model.blocks[1]"}, "repeat", 2))),
             changed("[{kind: mamba}, {repeat: 2, blocks: [{kind: switch_moe}]}", "[{repeat: 2, blocks: [{kind: mamba}, {repeat: 2, blocks: [{kind: switch_moe}]}]}"));
    QCOMPARE(q(textOf(unwrapBlock(flow, "model.blocks[1]"))), changed("{repeat: 2, blocks: [{kind: switch_moe}]}", "{kind: switch_moe}"));
    QCOMPARE(q(textOf(moveBlocks(flow, {"model.blocks[0]"}, "model.blocks", 3))), QString(flow.c_str()).replace("{kind: mamba}, ", "").replace("{kind: dense_ffn}]", "{kind: dense_ffn}, {kind: mamba}]"));
    const std::string tall = "model:\n  blocks: [\n    {kind: mamba},   # a, b\n    {kind: attention}   # c\n  ]\n";
    QCOMPARE(q(textOf(insertBlocks(tall, "model.blocks", 1, "dense_ffn"))), replaced(tall, "    {kind: attention}", "    {kind: dense_ffn},\n    {kind: attention}"));
    QCOMPARE(q(textOf(insertBlocks(tall, "model.blocks", 2, "dense_ffn"))), replaced(tall, "{kind: attention}", "{kind: attention},\n    {kind: dense_ffn}"));
  }

  void emptyAndMissingLists() {
    for (const char* blocks : {"  blocks: []\n", "  blocks:\n", "  blocks: [ ]   # none\n", ""}) {
      const std::string text = std::string("name: x\nmodel:\n  d_model: 64\n") + blocks + "train: {steps: 5}\n";
      auto edit = insertBlocks(text, "model.blocks", 0, "- {kind: mamba}\n- {kind: switch_moe}\n");
      QCOMPARE(shape(textOf(edit)), QStringLiteral("mamba switch_moe"));
      QCOMPARE(edit->selection.size(), std::size_t(2));
      QVERIFY2(edit->text.find("train: {steps: 5}\n") != std::string::npos, edit->text.c_str());
    }
    QCOMPARE(q(textOf(insertBlocks("model: {blocks: []}", "model.blocks", 0, "mamba"))), QStringLiteral("model: {blocks: [{kind: mamba}]}"));
    QCOMPARE(q(textOf(insertBlocks("model:\n  blocks:\n    - {kind: mamba}", "model.blocks", 1, "attention"))), QStringLiteral("model:\n  blocks:\n    - {kind: mamba}\n    - {kind: attention}"));
    QVERIFY(!insertBlocks("model: 3\n", "model.blocks", 0, "mamba"));
    QVERIFY(!insertBlocks("model:\n  blocks: 4\n", "model.blocks", 0, "mamba"));
    QVERIFY(!insertBlocks("{", "model.blocks", 0, "mamba"));
  }

  void windowsLineEndsAndTabs() {
    const std::string windows = q(kText).replace("\n", "\r\n").toStdString();
    const auto crlf = [](const std::string& s) { return q(s).replace("\n", "\r\n"); };
    QCOMPARE(q(textOf(insertBlocks(windows, "model.blocks", 1, "attention"))), crlf(textOf(insertBlocks(kText, "model.blocks", 1, "attention"))));
    QCOMPARE(q(textOf(wrapBlocks(windows, {"model.blocks[0]", "model.blocks[1]"}, "repeat", 3))), crlf(textOf(wrapBlocks(kText, {"model.blocks[0]", "model.blocks[1]"}, "repeat", 3))));
    QCOMPARE(q(textOf(removeBlocks(windows, {"model.blocks[1]"}))), crlf(textOf(removeBlocks(kText, {"model.blocks[1]"}))));
  }

  void clipboardTexts() {
    const auto copied = copyBlocks(kText, {"model.blocks[1]", "model.blocks[0]"});
    QVERIFY(copied);
    QCOMPARE(q(*copied), QStringLiteral("# mixes tokens\n- {kind: mamba}   # first\n# keeps experts\n- kind: switch_moe\n  experts: 16   # many\n"));
    QVERIFY(checkBlocks(*copied).items.empty());
    QVERIFY(checkBlocks("mamba").items.empty());
    for (const char* foreign : {"", "hello world", "{kind: nothing}", "- 3\n", "[[", "https://example.org/?a=b", "{\"a\": 1}", "int main() { return 0; }"})
      QVERIFY2(checkBlocks(foreign).hasErrors(), foreign);
  }

  void patterns_data() {
    QTest::addColumn<QString>("pattern");
    for (const char* p : {"M", "(ME)8", "MEMEM*EMEM", "M(M|E)4", "M3E", "((ME)2*)3", "(M|E|-)"}) QTest::newRow(p) << QString(p);
  }
  void patterns() {
    QFETCH(QString, pattern);
    auto blocks = patternBlocks(pattern.toStdString());
    QVERIFY2(blocks, blocks ? "" : blocks.faults().text().c_str());
    auto edit = insertBlocks("name: x\nmodel:\n  d_model: 64\n  blocks: []\n", "model.blocks", 0, *blocks);
    const auto spec = parseRunSpec(textOf(edit));
    QVERIFY2(spec, spec ? "" : spec.faults().text().c_str());
    QCOMPARE(q(patternText(*spec)), pattern);
  }

  void patternsKeepTheBlocksTheyName() {
    auto edit = setPattern(kText, "(ME)4*");
    QVERIFY2(q(textOf(edit)).contains("        # keeps experts\n        - kind: switch_moe\n          experts: 16   # many\n"), edit->text.c_str());
    QVERIFY(q(edit->text).contains("        # mixes tokens\n        - {kind: mamba}   # first\n"));
    QCOMPARE(shape(edit->text), QStringLiteral("repeat .mamba .switch_moe attention"));
    QVERIFY(q(edit->text).endsWith("train: {steps: 20}   # short\n"));
  }

  void patternsThatAreNone() {
    for (const char* wrong : {"", "(", "(ME", "ME)", "()", "M|E", "x", "M0", "(ME)99999", "(M|)"}) {
      const auto result = patternBlocks(wrong);
      QVERIFY2(!result, wrong);
      QVERIFY(result.faults().items.front().message.find("position") == 0);
    }
    QVERIFY(!patternBlocks(std::string(100, '(') + "M" + std::string(100, ')')));
    QVERIFY(!patternBlocks(std::string(100000, 'M')));
  }

  void faultsAreMended_data() {
    QTest::addColumn<QString>("blocks");
    QTest::addColumn<QString>("label");
    QTest::newRow("empty") << "[]" << "insert mamba";
    QTest::newRow("empty repeat") << "[{repeat: 2, blocks: []}]" << "insert mamba";
    QTest::newRow("heads") << "[{kind: attention, heads: 7}]" << "heads: 8";
    QTest::newRow("top_k") << "[{kind: topk_moe, experts: 4, top_k: 9}]" << "top_k: 4";
    QTest::newRow("dt") << "[{kind: mamba, dt_min: 0.2}]" << "dt_max: 0.2";
    QTest::newRow("narrow") << "[{kind: mamba, expand: 0.001}]" << "expand: 0.016";
  }
  void faultsAreMended() {
    QFETCH(QString, blocks);
    QFETCH(QString, label);
    const std::string text = "name: x\nmodel:\n  d_model: 64   # width\n  blocks: " + blocks.toStdString() + "\n";
    const DraftSpec draft = draftRunSpec(text);
    QVERIFY(draft.spec && draft.faults.hasErrors());
    QStringList labels;
    for (const Diagnostic& d : draft.faults.items) {
      const auto mending = mendFault(text, d);
      if (!mending) continue;
      labels << q(mending->label);
      const auto mended = parseRunSpec(mending->edit.text);
      QVERIFY2(mended, mended ? "" : (mending->edit.text + mended.faults().text()).c_str());
      QVERIFY(q(mending->edit.text).contains("# width"));
    }
    QVERIFY2(labels.contains(label), qUtf8Printable(labels.join('|')));
  }

  void everyPresetSurvives_data() {
    QTest::addColumn<QString>("name");
    for (const PresetInfo& p : listPresets()) QTest::newRow(p.name.c_str()) << q(p.name);
  }
  /// On every entry of every list: each gesture, and the gesture that takes it back. No line of other blocks is lost.
  void everyPresetSurvives() {
    QFETCH(QString, name);
    const RunSpec spec = loadRunSpec(name.toStdString()).value();
    const std::string& text = spec.text;
    std::vector<std::string> all;
    places(spec.blocks, all);
    for (const std::string& path : all) {
      const std::size_t open = path.rfind('[');
      const std::string list = path.substr(0, open);
      const std::size_t index = std::stoul(path.substr(open + 1));
      auto added = insertBlocks(text, list, index, "mamba");
      QVERIFY2(parseRunSpec(textOf(added)) || list.ends_with("parallel"), added->text.c_str());
      QCOMPARE(q(textOf(removeBlocks(added->text, added->selection))), q(text));
      auto copied = duplicateBlocks(text, {path});
      QVERIFY2(parseRunSpec(textOf(copied)), copied->text.c_str());
      QCOMPARE(q(textOf(removeBlocks(copied->text, copied->selection))), q(text));
      if (!list.ends_with("parallel")) {
        auto wrapped = wrapBlocks(text, {path}, "repeat", 2);
        QVERIFY2(parseRunSpec(textOf(wrapped)), wrapped->text.c_str());
        QCOMPARE(q(textOf(unwrapBlock(wrapped->text, wrapped->selection.front()))), q(text));
        auto moved = moveBlocks(text, {path}, "model.blocks", spec.blocks.size());
        QVERIFY2(parseRunSpec(textOf(moved)) || list != "model.blocks", moved->text.c_str());
        if (moved->text != text) {
          auto back = moveBlocks(moved->text, moved->selection, list, index);
          QCOMPARE(q(textOf(back)), q(text));
        }
      }
      if (auto bypassed = bypassBlocks(text, {path}, true); bypassed) {
        QVERIFY2(parseRunSpec(textOf(bypassed)), bypassed->text.c_str());
        QCOMPARE(q(textOf(bypassBlocks(bypassed->text, {path}, false))), q(text));
      } else {
        QVERIFY(bypassed.faults().text().find("a repeat cannot be bypassed") != std::string::npos);
      }
      auto removed = removeBlocks(text, {path});
      QStringList left = lines(textOf(removed)), before = lines(text);
      for (const QString& line : left)
        if (!line.endsWith("[]")) QVERIFY2(before.contains(line), qUtf8Printable(line));
    }
  }

  /// Chains of random gestures never make a text that cannot be read or edited, and lose no foreign comment.
  void longChains() {
    std::mt19937 random(7);
    for (const char* start : {"start/moe_mamba", "start/parallel_moe_mamba", "start/inner_moe_mamba", "paper/ratio/1_to_5"}) {
      std::string text = loadRunSpec(start)->text;
      const std::string last = text.substr(text.find("\ntrain:"));
      for (int i = 0; i < 60; ++i) {
        auto spec = parseRunSpec(text);
        std::vector<std::string> all;
        if (spec) places(spec->blocks, all);
        if (all.empty()) {
          text = textOf(insertBlocks(text, "model.blocks", 0, "- {kind: mamba}\n- {kind: switch_moe}\n"));
          continue;
        }
        const std::string one = all[random() % all.size()], other = all[random() % all.size()];
        const std::string list = other.substr(0, other.rfind('['));
        const auto attempt = [&](const Result<DesignEdit>& edit) {
          if (edit && parseRunSpec(edit->text)) text = edit->text;
        };
        switch (random() % 6) {
          case 0: attempt(insertBlocks(text, list, random() % 3, "- kind: mamba   # mine\n  d_state: 8\n")); break;
          case 1: attempt(removeBlocks(text, {one})); break;
          case 2: attempt(moveBlocks(text, {one, all[random() % all.size()]}, list, random() % 4)); break;
          case 3: attempt(wrapBlocks(text, {one}, random() % 2 ? "repeat" : "parallel", 2)); break;
          case 4: attempt(unwrapBlock(text, one)); break;
          default: attempt(duplicateBlocks(text, {one})); break;
        }
        QVERIFY2(q(text).endsWith(q(last)), text.c_str());
      }
    }
  }

  void largeTexts() {
    std::string text = "name: long\nmodel:\n  d_model: 64\n  blocks:\n";
    for (int i = 0; i < 10000; ++i) text += "    # block " + std::to_string(i) + "\n    - {kind: mamba, d_state: 8}\n";
    QElapsedTimer clock;
    clock.start();
    auto edit = insertBlocks(text, "model.blocks", 5000, "attention");
    QCOMPARE(textOf(edit).size(), text.size() + std::string("    - {kind: attention}\n").size());
    const auto inserted = clock.restart();
    QCOMPARE(q(textOf(removeBlocks(edit->text, edit->selection))), q(text));
    std::vector<std::string> many;
    for (int i = 0; i < 10000; i += 2) many.push_back("model.blocks[" + std::to_string(i) + "]");
    const auto removed = clock.restart();
    auto half = removeBlocks(text, many);
    QCOMPARE(q(textOf(half)).count("kind"), 5000);
    qInfo("10,000 blocks: insert %lld ms, remove %lld ms, remove 5,000 %lld ms", inserted, removed, clock.elapsed());
    // 5 MB of comments, and a nest as deep as a text may be.
    std::string big = kText;
    while (big.size() < 5'000'000) big += "# " + std::string(1000, 'x') + "\n";
    clock.restart();
    QVERIFY(textOf(insertBlocks(big, "model.blocks", 0, "mamba")).size() > big.size());
    qInfo("5 MB: insert %lld ms", clock.elapsed());
    std::string deep = kText;
    Result<DesignEdit> wrapped = wrapBlocks(deep, {"model.blocks[0]"}, "repeat", 2);
    int levels = 0;
    for (; wrapped && levels < 100; ++levels) {
      deep = wrapped->text;
      wrapped = wrapBlocks(deep, {"model.blocks[0]"}, "repeat", 2);
    }
    QVERIFY(levels > 5 && levels < 100);
    QVERIFY(wrapped.faults().text().find("nested deeper") != std::string::npos);
  }
};

QTEST_GUILESS_MAIN(TestEdit)
#include "tst_edit.moc"
