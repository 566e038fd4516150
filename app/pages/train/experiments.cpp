// SPDX-License-Identifier: GPL-3.0-or-later
// The one-click experiments: small edits of the design's text, read strictly like any other text.
#include "app/pages/train/experiments.h"

#include <QCoreApplication>
#include <QRegularExpression>
#include <QStringList>
#include <algorithm>

namespace serp::app {
namespace {

QString tr(const char* text) { return QCoreApplication::translate("Experiments", text); }

/// The keys of a one-line block that another kind also knows, as they were written.
QString keysIn(const QString& inside, const QStringList& known) {
  QString out;
  for (const QString& part : inside.split(QLatin1Char(','), Qt::SkipEmptyParts))
    if (known.contains(part.section(QLatin1Char(':'), 0, 0).trimmed())) out += QStringLiteral(", ") + part.trimmed();
  return out;
}

/// Replaces every one-line block `{kind: KIND …}`; an empty result means there is none.
template <class Make>
QString replaced(const QString& text, const char* kind, Make make) {
  const QRegularExpression block(QStringLiteral("\\{\\s*kind:\\s*%1\\b([^{}]*)\\}").arg(QLatin1String(kind)));
  QString out;
  qsizetype at = 0;
  auto hits = block.globalMatch(text);
  if (!hits.hasNext()) return {};
  while (hits.hasNext()) {
    const auto hit = hits.next();
    out += text.mid(at, hit.capturedStart() - at) + make(hit.captured(1));
    at = hit.capturedEnd();
  }
  return out + text.mid(at);
}

double balanceOf(const std::vector<BlockSpec>& blocks) {
  for (const BlockSpec& block : blocks) {
    if (block.params.has("balance")) return block.params.real("balance");
    if (const double inner = balanceOf(block.children); inner >= 0) return inner;
    if (const BlockInfo* info = findBlock(block.kind))
      for (const Param& param : info->schema)
        if (param.name == "balance") return std::get<double>(param.fallback);
  }
  return -1;
}

void finish(Experiment& e, const RunSpec& base, const QString& text, const char* suffix, const std::vector<std::pair<std::string, std::string>>& more = {}) {
  auto overrides = base.overrides;
  overrides.insert(overrides.end(), more.begin(), more.end());
  overrides.emplace_back("name", base.name + suffix);
  auto spec = parseRunSpec(text.toStdString(), {}, overrides);
  if (spec) e.spec = std::move(spec).value();
  else e.missing = QString::fromStdString(spec.faults().text());
}

}  // namespace

std::vector<Experiment> experimentsOn(const RunSpec& base) {
  const QString text = QString::fromStdString(base.text);
  std::vector<Experiment> out(3);

  Experiment& off = out[0];
  off.kind = Experiment::Kind::BalanceOff;
  off.title = tr("Balancing off");
  off.sentence = tr("Nothing makes the experts share the work.");
  if (const double balance = balanceOf(base.blocks); balance >= 0) {
    off.change = QStringLiteral("balance: %1 → 0").arg(balance);
    finish(off, base, text, "_unbalanced", {{"**.balance", "0"}});
  } else {
    off.missing = tr("This design has no expert layer.");
  }

  Experiment& two = out[1];
  two.kind = Experiment::Kind::TwoExperts;
  two.title = tr("Two experts per token");
  two.sentence = tr("Each token visits its two best experts.");
  two.change = QStringLiteral("switch_moe → topk_moe, top_k: 2");
  const QString both = replaced(text, "switch_moe", [](const QString& keys) {
    return QStringLiteral("{kind: topk_moe, top_k: 2, activation: relu, gated: false%1}")
        .arg(keysIn(keys, {"experts", "d_expert", "balance", "z_loss", "jitter"}));
  });
  if (both.isEmpty()) two.missing = tr("This design has no switch_moe written on one line.");
  else finish(two, base, both, "_top2");

  Experiment& attention = out[2];
  attention.kind = Experiment::Kind::Attention;
  attention.title = tr("Attention instead of Mamba");
  attention.sentence = tr("It looks back at every token and keeps no state.");
  attention.change = QStringLiteral("mamba → attention");
  const auto heads = std::max<std::int64_t>(1, base.model.has("d_model") ? base.model.integer("d_model") / 32 : 1);
  const QString looked = replaced(text, "mamba", [heads](const QString&) { return QStringLiteral("{kind: attention, heads: %1}").arg(heads); });
  if (looked.isEmpty()) attention.missing = tr("This design has no mamba written on one line.");
  else finish(attention, base, looked, "_attention");
  return out;
}

}  // namespace serp::app
