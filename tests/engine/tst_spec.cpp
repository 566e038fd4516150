// SPDX-License-Identifier: GPL-3.0-or-later
// Reading strictly, editing in place, overriding: wrong designs are compared as text, edits are tried on every key of every preset.
#include <QDir>
#include <QFile>
#include <QTest>
#include <set>

#include "engine/api/catalog.h"
#include "engine/api/plan.h"
#include "engine/base/text.h"
#include "engine/spec/formula.h"
#include "engine/spec/overrides.h"

using namespace serp;

namespace {

const std::string kSmall = "name: x\nmodel:\n  d_model: 64\n  blocks:\n    - {kind: mamba}\n    - {kind: switch_moe, experts: 4}\n";

/// What a person sees of a design: the faults of reading it, else those of planning it, else nothing.
std::string faultsOf(const std::string& text, const std::string& file) {
  auto spec = parseRunSpec(text, file);
  if (!spec) return spec.faults().text();
  auto plan = planRun(*spec);
  return plan ? spec->notes.text() : plan.faults().text();
}

/// Another value that the key allows; empty where there is none to be had.
std::string otherValue(const Param& p, const ParamValue& now) {
  switch (p.type) {
    case ParamType::Integer: {
      const auto v = std::get<std::int64_t>(now);
      return std::to_string(static_cast<double>(v) + 1 <= p.maximum ? v + 1 : v - 1);
    }
    case ParamType::Real: {
      const double v = std::get<double>(now), half = p.minimum + (v - p.minimum) / 2;
      return numberText(v > p.minimum ? half : (p.minimum + p.maximum) / 2);
    }
    case ParamType::Boolean: return std::get<bool>(now) ? "false" : "true";
    case ParamType::Choice:
      for (const std::string& c : p.choices)
        if (c != std::get<std::string>(now)) return c;
      return {};
    case ParamType::Text: return "another";
    case ParamType::TextList: return "[one, two]";
    case ParamType::Slot:
    case ParamType::Graph: return {};
  }
  return {};
}

struct Key {
  std::string path;
  const Param* param;
  ParamValue now;
};

void keysOfBlocks(const std::vector<BlockSpec>& blocks, std::vector<Key>& keys);

void keysOfBlock(const BlockSpec& block, std::vector<Key>& keys) {
  const BlockInfo* info = findBlock(block.kind);
  for (const Param& p : info->schema) {
    if (p.type == ParamType::Slot || block.kind == "parallel") continue;
    const std::string name = block.kind == "repeat" ? "repeat" : p.name;
    if (block.params.has(p.name)) keys.push_back({block.path + "." + name, &p, block.params.value(p.name)});
    else if (p.formula.empty()) keys.push_back({block.path + "." + name, &p, p.fallback});
  }
  keysOfBlocks(block.children, keys);
  for (const auto& [slot, inner] : block.filled) keysOfBlock(inner, keys);
}

void keysOfBlocks(const std::vector<BlockSpec>& blocks, std::vector<Key>& keys) {
  for (const BlockSpec& block : blocks) keysOfBlock(block, keys);
}

/// Every key the design has or could have.
std::vector<Key> keysOf(const RunSpec& spec) {
  std::vector<Key> keys;
  for (const SectionInfo& s : sectionCatalog()) {
    const ParamSet& set = s.name.empty() ? spec.top : s.name == "model" ? spec.model : s.name == "train" ? spec.train : spec.data;
    for (const Param& p : s.schema)
      if (set.has(p.name)) keys.push_back({s.name.empty() ? p.name : s.name + "." + p.name, &p, set.value(p.name)});
  }
  keysOfBlocks(spec.blocks, keys);
  return keys;
}

std::size_t commonStart(const std::string& a, const std::string& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

/// Bytes of `before` that `after` has no longer: what is left between the longest common start and the longest common end.
std::size_t bytesLost(const std::string& before, const std::string& after) {
  const std::size_t start = commonStart(before, after);
  std::size_t end = 0;
  while (end < before.size() - start && end < after.size() - start && before[before.size() - 1 - end] == after[after.size() - 1 - end]) ++end;
  return before.size() - start - end;
}

}  // namespace

class TestSpec : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void wrongDesigns_data() {
    QTest::addColumn<QString>("base");
    const QDir folder(QStringLiteral(SERP_SOURCE_DIR "/tests/engine/wrong"));
    const QStringList files = folder.entryList({"*.yaml"}, QDir::Files, QDir::Name);
    QVERIFY(files.size() >= 40);
    for (const QString& file : files) QTest::newRow(qPrintable(file)) << folder.filePath(file.chopped(5));
  }
  void wrongDesigns() {
    QFETCH(QString, base);
    QFile text(base + ".yaml"), expected(base + ".txt");
    QVERIFY(text.open(QIODevice::ReadOnly) && expected.open(QIODevice::ReadOnly));
    const std::string found = faultsOf(text.readAll().toStdString(), QTest::currentDataTag());
    QCOMPARE(QString::fromStdString(found + "\n"), QString::fromUtf8(expected.readAll()));
  }

  void hugeOnesAreRefusedAtOnce_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("says");
    const std::string head = "name: x\nmodel:\n  blocks: ";
    const auto row = [](const char* name, const std::string& text, const char* says) { QTest::newRow(name) << QByteArray::fromStdString(text) << says; };
    row("five megabytes of blocks", head + "\n" + [] {
      std::string blocks;
      while (blocks.size() < 5'000'000) blocks += "    - {kind: mamba, d_state: 16}\n";
      return blocks;
    }(), "more than 200000 values");
    row("five megabytes of one word", "name: " + std::string(5'000'000, 'a') + "\n", "found a text of 5000000 bytes, at most 4096");
    row("five megabytes of comment", "#" + std::string(5'000'000, '#'), "the design is empty");
    row("nine megabytes", std::string(9 << 20, ' '), "at most 8.00 MiB are read");
    row("deep lists", head + std::string(100'000, '['), "nested deeper than 48 levels");
    row("deep maps", head + [] {
      std::string text;
      for (int i = 0; i < 5000; ++i) text += "{a: ";
      return text;
    }(), "nested deeper than 48 levels");
    row("deep slots", head + "[" + [] {
      std::string text;
      for (int i = 0; i < 60; ++i) text += "{kind: mamba, out_proj: ";
      return text + "{kind: mamba}" + std::string(60, '}') + "]\n";
    }(), "nested deeper than 48 levels");
    row("many keys", "train:\n" + [] {
      std::string text;
      for (int i = 0; i < 3000; ++i) text += "  key" + std::to_string(i) + ": 1\n";
      return text;
    }(), "more than 1000 keys in one map");
    row("a number of a million slashes", head + "[{kind: mamba, expand: 1" + [] {
      std::string text;
      for (int i = 0; i < 1'000'000; ++i) text += "/1";
      return text;
    }() + "}]\n", "expected number above 0");
    row("a key of a megabyte", head + "[{kind: mamba, " + std::string(1 << 20, 'k') + ": 1}]\n", "a key must be a word");
  }
  void hugeOnesAreRefusedAtOnce() {
    QFETCH(QByteArray, text);
    QFETCH(QString, says);
    auto spec = parseRunSpec(text.toStdString(), "huge.yaml");
    QVERIFY(!spec);
    QCOMPARE(spec.faults().exit, ExitCode::BadConfiguration);
    const QString found = QString::fromStdString(spec.faults().text());
    QVERIFY2(found.contains(says), qPrintable(found.left(400)));
    for (const Diagnostic& d : spec.faults().items) QVERIFY2(d.message.size() < 2000, "a message quotes too much of the text");
  }

  void everyCutOfADesignIsReadOrRefused() {  // no prefix and no single wrong byte may crash or hang the reader
    const std::string text = loadRunSpec("paper/inner/conv_gate_out_alternate").value().text;
    for (std::size_t n = 0; n <= text.size(); ++n) faultsOf(text.substr(0, n), "cut.yaml");
    for (std::size_t i = 0; i < text.size(); ++i)
      for (const char c : {'\0', '\t', '{', ']', ':', '"', '&', '*', '-', '\xC3', '9', '\n'}) {
        std::string wrong = text;
        wrong[i] = c;
        for (const auto& spec = parseRunSpec(wrong, "byte.yaml"); const Diagnostic& d : spec ? Diagnostics().items : spec.faults().items)
          QVERIFY2(d.line >= 1 && d.column >= 1, d.text().c_str());
      }
  }

  void editsKeepEveryOtherByte_data() {
    QTest::addColumn<QString>("name");
    for (const PresetInfo& p : listPresets()) QTest::newRow(p.name.c_str()) << QString::fromStdString(p.name);
  }
  /// For every key: the edited text lost nothing but the old value, and means the same as --set of the same key.
  void editsKeepEveryOtherByte() {
    QFETCH(QString, name);
    const RunSpec spec = loadRunSpec(name.toStdString()).value();
    int edits = 0;
    for (const Key& key : keysOf(spec)) {
      const std::string value = otherValue(*key.param, key.now);
      if (value.empty()) continue;
      auto edited = withValue(spec.text, key.path, value);
      QVERIFY2(edited, (key.path + (edited ? "" : ": " + edited.faults().text())).c_str());
      QVERIFY2(bytesLost(spec.text, *edited) <= valueText(key.now).size() + 4, key.path.c_str());
      auto read = parseRunSpec(*edited, "edited.yaml"), set = parseRunSpec(spec.text, "set.yaml", {{key.path, value}});
      QCOMPARE(bool(read), bool(set));  // some values are legal for the key, but not for the design: both say so
      if (!read) {
        QCOMPARE(read.faults().items.size(), set.faults().items.size());
        continue;
      }
      QCOMPARE(resolvedText(*read), resolvedText(*set));
      QVERIFY2(resolvedText(*read) != resolvedText(spec), (key.path + ": " + value + " changed nothing").c_str());
      auto back = withValue(*edited, key.path, valueText(key.now));
      QVERIFY(back);
      QCOMPARE(resolvedText(parseRunSpec(*back).value()), resolvedText(spec));
      ++edits;
    }
    QVERIFY2(edits > 45, std::to_string(edits).c_str());
  }

  void editsAmongCommentsAndBlanks() {
    const std::string text = "# top\nname: x   # the name\n\nmodel:   \n  d_model: 64 # width\n  blocks:\n    # first\n    - kind: mamba\n      d_state: 8   # small\n"
                             "    - { kind: switch_moe , experts: 4 }  # few\ntrain: {steps: 10}\n";
    const auto edit = [&](const char* path, const char* value) {
      auto result = withValue(text, path, value);
      return result ? QString::fromStdString(*result) : QString::fromStdString(result.faults().text());
    };
    const QString before = QString::fromStdString(text);
    QCOMPARE(edit("name", "long name"), QString(before).replace("name: x ", "name: long name "));
    QCOMPARE(edit("model.d_model", "128"), QString(before).replace("64 # width", "128 # width"));
    QCOMPARE(edit("model.blocks[0].d_state", "16"), QString(before).replace("d_state: 8 ", "d_state: 16 "));
    QCOMPARE(edit("model.blocks[1].experts", "8"), QString(before).replace("experts: 4 ", "experts: 8 "));
    QCOMPARE(edit("model.blocks[1].balance", "0.1"), QString(before).replace("experts: 4 }", "experts: 4, balance: 0.1 }"));
    QCOMPARE(edit("train.batch", "4"), QString(before).replace("{steps: 10}", "{steps: 10, batch: 4}"));
    QCOMPARE(edit("data.context", "32"), before + "data:\n  context: 32\n");
    QVERIFY(edit("model.blocks[2].experts", "8").contains("no such place"));
    QVERIFY(edit("model.blocks[0]x", "8").contains("not a path"));
  }

  void overridesReachAnyKey() {
    const auto resolved = [](const std::vector<std::pair<std::string, std::string>>& set) {
      auto spec = parseRunSpec(kSmall, "small.yaml", set);
      return QString::fromStdString(spec ? resolvedText(*spec) : spec.faults().text());
    };
    QVERIFY(resolved({{"model.blocks[1].experts", "8"}}).contains("experts: 8"));
    QVERIFY(resolved({{"train.steps", "7"}, {"train.steps", "9"}}).contains("  steps: 9\n"));  // the last one holds
    QVERIFY(resolved({{"data.source", "[a, b]"}}).contains("source: [a, b]"));
    QVERIFY(resolved({{"data.source", "../some file.txt"}}).contains("source: [../some file.txt]"));
    QVERIFY(resolved({{"model.blocks[0].out_proj.bias", "true"}}).contains("out_proj: {kind: linear, bias: true}"));
    QVERIFY(resolved({{"model.blocks[0].out_proj", "{kind: switch_moe}"}}).contains("out_proj: {kind: switch_moe"));
    QVERIFY(resolved({{"model.blocks[2].experts", "8"}}).contains("--set: model.blocks[2].experts: model.blocks has 2 entries, counted from 0"));
    QVERIFY(resolved({{"model.blocks[1].expert", "8"}}).contains("did you mean \"experts\"?"));
    QVERIFY(resolved({{"trian.steps", "8"}}).contains("--set: trian.steps: there is no trian"));
    QVERIFY(resolved({{"train.steps", "many"}}).contains("--set: train.steps: found \"many\", expected integer 1..1000000000 steps"));
    QVERIFY(resolved({{"train..steps", "8"}}).contains("not a path"));
    QVERIFY(resolved({{"train.steps", "[1"}}).contains("not valid YAML"));
    QVERIFY(resolved({{"train.steps", "*a"}}).contains("--set"));
  }

  void starsReachEveryKeyOfAName() {
    for (const PresetInfo& p : listPresets()) {
      const RunSpec spec = loadRunSpec(p.name).value();
      const QString before = QString::fromStdString(resolvedText(spec));
      auto changed = loadRunSpec(p.name, {{"**.experts", "7"}});
      QCOMPARE(bool(changed), before.contains("experts: "));
      if (!changed) {
        QVERIFY(QString::fromStdString(changed.faults().text()).contains("no block or section of this design has the key \"experts\""));
        continue;
      }
      const QString after = QString::fromStdString(resolvedText(*changed));
      QCOMPARE(after.count(" experts: 7,"), before.count(" experts: "));
      QCOMPARE(after.count(" experts: "), before.count(" experts: "));
    }
    auto both = parseRunSpec(kSmall, {}, {{"**.seed", "5"}});
    QCOMPARE(both->train.integer("seed"), std::int64_t{5});
    QCOMPARE(both->data.integer("seed"), std::int64_t{5});
    QVERIFY(QString::fromStdString(parseRunSpec(kSmall, {}, {{"**.expert", "5"}}).faults().text()).contains("did you mean \"experts\"?"));
  }

  void pathsAreTakenApart() {
    QVERIFY(splitPath("a.b[3].c") && splitPath("a.b[3].c")->size() == 4);
    for (const char* bad : {"", ".", "a.", ".a", "a..b", "[0]", "a[", "a[]", "a[x]", "a[-1]", "a[0]b", "a[0].", "a[99999999999999999999]"}) QVERIFY2(!splitPath(bad), bad);
  }

  void defaultsAreLegal() {  // the catalogue itself: every default lies in its range, every formula has a value
    const FormulaNames names = [](std::string_view name) -> std::optional<double> {
      static const std::set<std::string, std::less<>> known = {"d_model", "d_in", "d_out", "context", "expand", "heads"};
      return known.count(name) != 0 ? std::optional<double>(64) : std::nullopt;
    };
    const auto check = [&](const std::string& where, const ParamSchema& schema) {
      for (const Param& p : schema) {
        const std::string name = where + "." + p.name;
        QVERIFY2(!p.help.empty() && p.help.back() != '.', name.c_str());
        for (const std::string& formula : {p.formula, p.slotIn, p.slotOut})
          if (!formula.empty()) QVERIFY2(evaluateFormula(formula, names), (name + ": " + formula).c_str());
        if (p.type == ParamType::Slot) QVERIFY2(findBlock(p.slotKind), name.c_str());
        if (!p.formula.empty() || (p.type != ParamType::Integer && p.type != ParamType::Real)) continue;
        const double value = p.type == ParamType::Integer ? static_cast<double>(std::get<std::int64_t>(p.fallback)) : std::get<double>(p.fallback);
        QVERIFY2(value >= p.minimum && value <= p.maximum && (!p.minimumOpen || value > p.minimum), name.c_str());
      }
    };
    for (const SectionInfo& s : sectionCatalog()) check(s.name, s.schema);
    for (const BlockInfo& b : blockCatalog()) check(b.kind, b.schema);
  }

  void everyBlockStandsAloneWithItsDefaults() {
    for (const BlockInfo& b : blockCatalog()) {
      if (b.family == Family::Container) continue;
      const std::string found = faultsOf("name: x\nmodel:\n  d_model: 64\n  blocks: [{kind: " + b.kind + "}]\n", "alone.yaml");
      QVERIFY2(found.empty() || !b.causal, found.c_str());
    }
  }

  void whatIsNotCausalIsRemarkedAndCanBeMadeCausal() {
    const auto notes = [](const std::string& rest) { return parseRunSpec("name: x\nmodel:\n  d_model: 64\n  blocks: [{kind: expert_choice" + rest + "}]\n")->notes; };
    QVERIFY(notes(", group: sequence").items.size() == 1 && notes(", group: sequence").items[0].severity == Severity::Warning);
    QVERIFY(notes(", group: batch").items.empty());
  }
};

QTEST_GUILESS_MAIN(TestSpec)
#include "tst_spec.moc"
