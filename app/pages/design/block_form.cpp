// SPDX-License-Identifier: GPL-3.0-or-later
// Building the form from the catalogue and filling it from spec and plan.
#include "app/pages/design/block_form.h"

#include <QLabel>
#include <QScrollArea>
#include <QVBoxLayout>

#include "app/models/figures.h"
#include "app/pages/design/param_row.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

QString text(const std::string& s) { return QString::fromStdString(s); }

const PlanNode* nodeAt(const std::vector<PlanNode>& nodes, const std::string& path) {
  for (const PlanNode& node : nodes) {
    if (node.specPath == path) return &node;
    if (const PlanNode* inner = nodeAt(node.children, path)) return inner;
  }
  return nullptr;
}

int timesAt(const std::vector<PlanNode>& nodes, const std::string& path) {
  int count = 0;
  for (const PlanNode& node : nodes) count += (node.specPath == path) + timesAt(node.children, path);
  return count;
}

const BlockSpec* inFilled(const BlockSpec& block, const std::string& path) {
  if (block.path == path) return &block;
  for (const auto& entry : block.filled)
    if (const BlockSpec* inner = inFilled(entry.second, path)) return inner;
  return nullptr;
}

const Param kRepeat = integer("repeat", 1, 100000, 1, "how often the blocks inside run, each time with weights of its own");

}  // namespace

const BlockSpec* blockAt(const std::vector<BlockSpec>& blocks, const std::string& path) {
  for (const BlockSpec& block : blocks) {
    if (block.path == path) return &block;
    if (const BlockSpec* inner = blockAt(block.children, path)) return inner;
    for (const auto& entry : block.filled)
      if (const BlockSpec* inner = inFilled(entry.second, path)) return inner;
  }
  return nullptr;
}

BlockForm::BlockForm(QWidget* parent) : QWidget(parent), area_(new QScrollArea) {
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  area_->setWidgetResizable(true);
  area_->setFrameShape(QFrame::NoFrame);
  area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  outer->addWidget(area_);
}

void BlockForm::show(const QString& id, const RunSpec& spec, const Plan& plan) {
  const BlockSpec* block = blockAt(spec.blocks, id.toStdString());
  const QString kind = block ? text(block->kind) : QString();
  if (!content_ || id != id_ || kind != kind_) {
    id_ = id;
    kind_ = kind;
    build(id, spec);
  }
  refresh(spec, plan);
}

void BlockForm::heading(const QString& title, const QString& path, const QString& family, const QString& summary) {
  auto* name = new QLabel;
  const QColor hue = family.isEmpty() ? Theme::instance().color(Tone::Muted) : Theme::instance().family(family);
  name->setText(QStringLiteral("<span style='color:%1'>■</span>&nbsp; <b>%2</b>").arg(hue.name(), title.toHtmlEscaped()));
  column_->addWidget(name);
  if (!path.isEmpty()) {
    auto* place = new QLabel(path);
    place->setFont(Theme::instance().code());
    place->setStyleSheet(QStringLiteral("color: %1;").arg(Theme::instance().color(Tone::Muted).name()));
    place->setTextInteractionFlags(Qt::TextSelectableByMouse);
    place->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    column_->addWidget(place);
  }
  if (!summary.isEmpty()) {
    auto* help = new QLabel(summary);
    help->setProperty("role", "caption");
    help->setWordWrap(true);
    column_->addWidget(help);
  }
}

void BlockForm::addRow(const Param& param, const QString& prefix) {
  auto* row = new ParamRow(param);
  connect(row, &ParamRow::edited, this, [this, prefix](const QString& name, const QString& yaml) {
    Q_EMIT edited(prefix.isEmpty() ? name : prefix + QLatin1Char('.') + name, yaml);
  });
  column_->addWidget(row);
  rows_.push_back({row, prefix});
}

void BlockForm::addSection(const std::string& name) {
  const SectionInfo& info = section(name);
  heading(name.empty() ? tr("design") : text(name), {}, {}, text(info.summary));
  for (const Param& param : info.schema) addRow(param, text(name));
  column_->addSpacing(12);
}

void BlockForm::build(const QString& id, const RunSpec& spec) {
  rows_.clear();
  costs_ = nullptr;
  content_ = new QWidget;
  column_ = new QVBoxLayout(content_);
  column_->setContentsMargins(12, 8, 12, 8);
  column_->setSpacing(2);
  const BlockSpec* block = blockAt(spec.blocks, id.toStdString());
  if (block && block->kind == "repeat") {
    heading(tr("Repeat"), id, {}, tr("The blocks inside run one after another, this many times."));
    addRow(kRepeat, id);
  } else if (block) {
    const BlockInfo* info = findBlock(block->kind);
    heading(text(block->kind), id, info ? QString::fromLatin1(familyName(info->family)) : QString(), info ? text(info->summary) : QString());
    if (info)
      for (const Param& param : info->schema)
        if (param.type != ParamType::Slot) addRow(param, id);
    costs_ = new QLabel;
    costs_->setTextFormat(Qt::RichText);
    column_->addSpacing(8);
    column_->addWidget(costs_);
  } else if (id == QLatin1String("embedding") || id == QLatin1String("final_norm") || id == QLatin1String("head")) {
    addSection("model");
  } else if (!id.isEmpty() && id.contains(QLatin1Char('.'))) {
    const QString name = id.section(QLatin1Char('.'), -1);
    const BlockSpec* owner = blockAt(spec.blocks, id.chopped(name.size() + 1).toStdString());
    const BlockInfo* info = owner ? findBlock(owner->kind) : nullptr;
    QString help, holds;
    if (info)
      for (const Param& param : info->schema)
        if (text(param.name) == name) help = text(param.help), holds = text(param.slotKind);
    heading(name, id, QStringLiteral("dense"), tr("A slot: %1. It holds %2.").arg(help, holds));
    auto* hint = new QLabel(tr("To put another block here, add to the %1 block in the text:\n%2: {kind: switch_moe, experts: 8}").arg(owner ? text(owner->kind) : QString(), name));
    hint->setWordWrap(true);
    hint->setProperty("role", "caption");
    hint->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column_->addSpacing(8);
    column_->addWidget(hint);
  } else {
    for (const char* name : {"", "model", "train", "data"}) addSection(name);
  }
  column_->addStretch(1);
  area_->setWidget(content_);
}

void BlockForm::refresh(const RunSpec& spec, const Plan& plan) {
  for (const Bound& bound : rows_) {
    const Param& param = bound.row->param();
    const std::string prefix = bound.prefix.toStdString();
    const ParamSet* set = prefix.empty() ? &spec.top : prefix == "model" ? &spec.model : prefix == "train" ? &spec.train : prefix == "data" ? &spec.data : nullptr;
    if (set) {
      if (prefix.empty() && param.name == "name") bound.row->show(ParamValue(spec.name), false);
      else if (set->has(param.name)) bound.row->show(set->value(param.name), false);
      continue;
    }
    const BlockSpec* block = blockAt(spec.blocks, prefix);
    const PlanNode* node = nodeAt(plan.blocks, prefix);
    if (!block) continue;
    const bool given = block->params.has(param.name);
    if (given) bound.row->show(block->params.value(param.name), false);
    else if (node && node->params.has(param.name)) bound.row->show(node->params.value(param.name), true);
  }
  if (costs_) showCosts(plan, id_.toStdString());
}

void BlockForm::showCosts(const Plan& plan, const std::string& path) {
  const PlanNode* node = nodeAt(plan.blocks, path);
  if (!node) return costs_->clear();
  const int times = timesAt(plan.blocks, path);
  const QString muted = Theme::instance().color(Tone::Muted).name();
  QString rows;
  const auto row = [&](const QString& name, const QString& one, const QString& all) {
    rows += QStringLiteral("<tr><td style='color:%1'>%2</td><td align='right' style='padding-left:24px'>%3</td>"
                           "<td align='right' style='padding-left:24px'>%4</td></tr>").arg(muted, name, one, all);
  };
  const auto number = [&](const QString& name, double each) {
    row(name, groupedCount(static_cast<std::int64_t>(each)), times > 1 ? groupedCount(static_cast<std::int64_t>(each * times)) : QString());
  };
  row({}, QStringLiteral("<span style='color:%1'>%2</span>").arg(muted, times > 1 ? tr("each") : QString()),
      times > 1 ? QStringLiteral("<span style='color:%1'>× %2</span>").arg(muted).arg(times) : QString());
  number(tr("total parameters"), static_cast<double>(node->cost.paramsTotal));
  number(tr("active parameters"), static_cast<double>(node->cost.paramsActive));
  number(tr("FLOPs / token"), node->cost.flopsPerToken);
  if (node->cost.stateBytes > 0) row(tr("decode state"), bytesText(static_cast<double>(node->cost.stateBytes)), times > 1 ? bytesText(static_cast<double>(node->cost.stateBytes * times)) : QString());
  if (node->params.has("experts") && node->params.has("capacity_factor") && node->params.real("capacity_factor") > 0) {
    const double tokens = static_cast<double>(plan.batch * plan.context), k = node->params.has("top_k") ? static_cast<double>(node->params.integer("top_k")) : 1.0;
    row(tr("slots per expert"), groupedCount(static_cast<std::int64_t>(tokens * k * node->params.real("capacity_factor") / static_cast<double>(node->params.integer("experts")))), {});
  }
  costs_->setText(QStringLiteral("<table cellspacing='3'>%1</table>").arg(rows));
}

void BlockForm::focusFirst() {
  if (!rows_.empty()) rows_.front().row->field()->setFocus(Qt::OtherFocusReason);
}

ParamRow* BlockForm::row(const QString& name) const {
  for (const Bound& bound : rows_)
    if (text(bound.row->param().name) == name) return bound.row;
  return nullptr;
}

}  // namespace serp::app
