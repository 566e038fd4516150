// SPDX-License-Identifier: GPL-3.0-or-later
// Building the form from the catalogue and filling it from spec and plan.
#include "app/pages/design/block_form.h"

#include <QLabel>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

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

/// The count of a repeat is declared as "count" and written as "repeat: 6".
Param repeatCount() {
  Param count = findBlock("repeat")->schema.front();
  count.name = "repeat";
  return count;
}

const BlockSpec* holding(const BlockSpec& block, int line) {
  // A block that ends at a line's first column does not reach into that line.
  const int last = block.endPlace.column <= 1 ? block.endPlace.line - 1 : block.endPlace.line;
  if (line < block.place.line || line > std::max(block.place.line, last)) return nullptr;
  if (const BlockSpec* inner = blockOnLine(block.children, line)) return inner;
  // A slot on lines of its own is meant; one on its owner's line is not.
  for (const auto& entry : block.filled)
    if (entry.second.place.line > block.place.line)
      if (const BlockSpec* inner = holding(entry.second, line)) return inner;
  return &block;
}

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

const BlockSpec* blockOnLine(const std::vector<BlockSpec>& blocks, int line) {
  for (const BlockSpec& block : blocks)
    if (const BlockSpec* found = holding(block, line)) return found;
  return nullptr;
}

BlockForm::BlockForm(QWidget* parent) : QWidget(parent), area_(new QScrollArea) {
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  area_->setWidgetResizable(true);
  area_->setFrameShape(QFrame::NoFrame);
  area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  area_->setAccessibleName(tr("Form of the selected part"));
  outer->addWidget(area_);
  connect(&Theme::instance(), &Theme::changed, this, [this] { id_ = QStringLiteral("?"); });  // colours stand in the texts: build anew
}

void BlockForm::showNothing(const QString& why) {
  rows_.clear();
  costs_ = nullptr;
  id_ = QStringLiteral("?");
  content_ = new QWidget;
  column_ = new QVBoxLayout(content_);
  column_->setContentsMargins(12, 8, 12, 8);
  explain(why);
  column_->addStretch(1);
  area_->setWidget(content_);
  Q_EMIT headed(tr("Form"), {}, {});
}

void BlockForm::show(const QString& id, const RunSpec& spec, const Plan& plan, const QStringList& others) {
  const BlockSpec* block = blockAt(spec.blocks, id.toStdString());
  const QString kind = block ? text(block->kind) : QString();
  if (!content_ || id != id_ || kind != kind_) {
    id_ = id;
    kind_ = kind;
    build(id, spec);
  }
  refresh(spec, plan, others);
}

void BlockForm::explain(const QString& summary) {
  auto* help = new QLabel(summary);
  help->setProperty("role", "caption");
  help->setWordWrap(true);
  help->setTextInteractionFlags(Qt::TextSelectableByMouse);
  column_->addWidget(help);
}

void BlockForm::caption(const QString& text) {
  auto* name = new QLabel(text);
  name->setProperty("role", "title");
  column_->addWidget(name);
}

void BlockForm::addRow(const Param& param, const QString& prefix) {
  auto* row = new ParamRow(param);
  connect(row, &ParamRow::edited, this, [this, prefix](const QString& name, const QString& yaml) {
    Q_EMIT edited(prefix.isEmpty() ? name : prefix + QLatin1Char('.') + name, yaml);
  });
  connect(row, &ParamRow::refused, this, &BlockForm::refused);
  connect(row, &ParamRow::resetWanted, this, [this, prefix](const QString& name) { Q_EMIT resetWanted(prefix + QLatin1Char('.') + name); });
  column_->addWidget(row);
  rows_.push_back({row, prefix});
}

void BlockForm::addSection(const std::string& name) {
  const SectionInfo& info = section(name);
  explain(text(info.summary));
  for (const Param& param : info.schema) addRow(param, text(name));
}

void BlockForm::build(const QString& id, const RunSpec& spec) {
  rows_.clear();
  costs_ = nullptr;
  content_ = new QWidget;
  column_ = new QVBoxLayout(content_);
  column_->setContentsMargins(12, 8, 8, 8);
  column_->setSpacing(2);
  const BlockSpec* block = blockAt(spec.blocks, id.toStdString());
  if (block) {
    const BlockInfo* info = findBlock(block->kind);
    const bool repeat = block->kind == "repeat";
    Q_EMIT headed(repeat ? tr("Repeat") : text(block->kind), id, info ? QString::fromLatin1(familyName(info->family)) : QString());
    if (info) explain(text(info->summary));
    if (repeat) addRow(repeatCount(), id);
    else if (info)
      for (const Param& param : info->schema)
        if (param.type != ParamType::Slot && param.type != ParamType::Graph) addRow(param, id);  // those are drawn, not typed
    if (!repeat) {
      costs_ = new QLabel;
      costs_->setTextFormat(Qt::RichText);
      column_->addSpacing(8);
      column_->addWidget(costs_);
    }
  } else if (id == QLatin1String("embedding") || id == QLatin1String("final_norm") || id == QLatin1String("head")) {
    Q_EMIT headed(id == QLatin1String("final_norm") ? tr("norm") : id, QStringLiteral("model"), QStringLiteral("dense"));
    addSection("model");
  } else if (id.contains(QLatin1Char('.'))) {
    const QString name = id.section(QLatin1Char('.'), -1);
    const BlockSpec* owner = blockAt(spec.blocks, id.chopped(name.size() + 1).toStdString());
    const BlockInfo* info = owner ? findBlock(owner->kind) : nullptr;
    QString help, holds;
    if (info)
      for (const Param& param : info->schema)
        if (text(param.name) == name) help = text(param.help), holds = text(param.slotKind);
    Q_EMIT headed(name, id, QStringLiteral("dense"));
    explain(tr("A slot: %1. It holds the default, %2.").arg(help, holds));
    if (owner) explain(tr("To put another block here, type its name on the canvas, or drag one from the palette onto the slot of this %1.").arg(text(owner->kind)));
  } else {
    Q_EMIT headed(tr("Design"), tr("nothing selected: all sections"), {});
    for (const char* name : {"", "model", "train", "data"}) {
      if (*name) column_->addSpacing(12), caption(QString::fromLatin1(name));
      addSection(name);
    }
  }
  column_->addStretch(1);
  alignLabels();
  area_->setWidget(content_);
}

void BlockForm::alignLabels() {
  int width = 96;
  for (const Bound& bound : rows_) width = std::max(width, bound.row->labelWidth());
  for (const Bound& bound : rows_) bound.row->setLabelWidth(std::min(width, std::max(96, this->width() * 36 / 100)));
}

void BlockForm::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  alignLabels();
}

void BlockForm::refresh(const RunSpec& spec, const Plan& plan, const QStringList& others) {
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
    const std::string key = block->kind == "repeat" ? "count" : param.name;
    if (block->params.has(key)) bound.row->show(block->params.value(key), false);
    else if (node && node->params.has(param.name)) bound.row->show(node->params.value(param.name), true);
    bool mixed = false;
    for (const QString& id : others) {
      const PlanNode* other = nodeAt(plan.blocks, id.toStdString());
      mixed = mixed || (node && other && other->kind == node->kind && other->params.has(param.name) && node->params.has(param.name) &&
                        other->params.value(param.name) != node->params.value(param.name));
    }
    bound.row->setMixed(mixed);
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
  costs_->setText(QStringLiteral("<table width='100%' cellspacing='3'>%1</table>").arg(rows));
}

void BlockForm::focusFirst() {
  if (!rows_.empty()) rows_.front().row->field()->setFocus(Qt::TabFocusReason);  // as Tab does: the value is selected, typing replaces it
}

ParamRow* BlockForm::row(const QString& name) const {
  for (const Bound& bound : rows_)
    if (text(bound.row->param().name) == name) return bound.row;
  return nullptr;
}

}  // namespace serp::app
