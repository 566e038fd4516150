// SPDX-License-Identifier: GPL-3.0-or-later
// Paints a design as a column of cards on a spine.
#include "app/pages/train/stack_sketch.h"

#include <QPainter>
#include <algorithm>
#include <numeric>

#include "app/models/figures.h"
#include "app/style/theme.h"
#include "engine/api/catalog.h"

namespace serp::app {
namespace {

constexpr int kTitle = 20, kLine = 16, kPad = 7, kGap = 16, kBars = 36;
constexpr double kSpine = 16, kIndent = 44;

const PlanNode* nodeAt(const std::vector<PlanNode>& nodes, const std::string& specPath) {
  for (const PlanNode& node : nodes) {
    if (node.specPath == specPath) return &node;
    if (const PlanNode* inner = nodeAt(node.children, specPath)) return inner;
  }
  return nullptr;
}

std::int64_t whole(const PlanNode& node, const char* key) { return node.params.has(key) ? node.params.integer(key) : 0; }

/// One or two sentences about a block, from its resolved numbers.
QStringList sentences(const PlanNode& node) {
  if (node.kind == "mamba") {
    const auto inner = static_cast<std::int64_t>((node.params.has("expand") ? node.params.real("expand") : 2.0) * static_cast<double>(node.in));
    return {QObject::tr("remembers: a running state"),
            QObject::tr("%1 × %2 numbers, whatever the length").arg(inner).arg(whole(node, "d_state"))};
  }
  if (node.family == Family::Experts) {
    if (node.kind == "expert_choice") return {QObject::tr("each of %1 experts picks its tokens").arg(whole(node, "experts"))};
    return {QObject::tr("routes: %1 of %2 experts per token").arg(std::max<std::int64_t>(1, whole(node, "top_k"))).arg(whole(node, "experts"))};
  }
  if (node.family == Family::Attention)
    return {QObject::tr("looks back at every token"), QObject::tr("%1 heads; its memory grows with the text").arg(whole(node, "heads"))};
  if (node.family == Family::Dense) return {QObject::tr("works on each token alone")};
  return {};
}

}  // namespace

StackSketch::StackSketch(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Architecture"));
  setMinimumSize(200, 160);
  connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void StackSketch::setDesign(const RunSpec& spec, const Plan& plan) {
  parts_.clear();
  shape_ = QStringLiteral("[%1, %2, %3]").arg(plan.batch).arg(plan.context).arg(plan.dModel);
  parts_.push_back({Part::Kind::Bar, tr("embedding"), {tr("%1 → %2, one vector per token").arg(plan.vocab).arg(plan.dModel)}, {}, false});
  addBlocks(spec.blocks, plan);
  const bool norm = plan.finalNorm.paramsTotal > 0;
  parts_.push_back({Part::Kind::Bar, norm ? tr("norm, head") : tr("head"), {tr("%1 → %2, the next token").arg(plan.dModel).arg(plan.vocab)}, {}, false});
  setAccessibleDescription(QString::fromStdString(plan.pattern));
  update();
}

void StackSketch::addBlocks(const std::vector<BlockSpec>& blocks, const Plan& plan) {
  for (const BlockSpec& block : blocks) {
    if (block.kind == "repeat") {
      const auto times = block.params.has("count") ? block.params.integer("count") : 0;
      parts_.push_back({Part::Kind::RepeatBegin, times > 0 ? tr("Repeat × %1").arg(times) : tr("Repeat"), {}, {}, false});
      addBlocks(block.children, plan);
      parts_.push_back({Part::Kind::RepeatEnd, {}, {}, {}, false});
      continue;
    }
    Part part;
    const PlanNode* node = nodeAt(plan.blocks, block.path);
    part.title = QString::fromStdString(block.kind);
    Family family = node ? node->family : Family::Dense;
    if (node) part.lines = sentences(*node);
    if (block.kind == "parallel") {
      QStringList names;
      for (const BlockSpec& child : block.children) names << QString::fromStdString(child.kind);
      part.title = tr("parallel");
      part.lines = {names.join(QStringLiteral(" + ")), tr("their outputs are added")};
      for (const BlockSpec& child : block.children)
        if (const BlockInfo* info = findBlock(child.kind); info && info->family == Family::Experts) part.experts = true;
    }
    for (const auto& [slot, filled] : block.filled) {
      part.lines << tr("%1 is %2").arg(QString::fromStdString(slot), QString::fromStdString(filled.kind));
      if (const BlockInfo* info = findBlock(filled.kind); info && info->family == Family::Experts) part.experts = true;
    }
    part.experts |= family == Family::Experts;
    part.hue = Theme::instance().family(QString::fromLatin1(familyName(family)));
    parts_.push_back(std::move(part));
  }
}

void StackSketch::setLoad(const RoutingFrame* frame) {
  load_.clear();
  if (frame && !frame->layers.empty()) {
    const RoutingLayer& layer = frame->layers.back();
    const double sum = std::accumulate(layer.assigned.begin(), layer.assigned.end(), 0.0);
    for (const double n : layer.assigned) load_.push_back(sum > 0 ? n * static_cast<double>(layer.experts) / sum : 0);
    loadName_ = QString::fromStdString(layer.label);
  }
  update();
}

double StackSketch::heightOf(const Part& part, int detail) const {
  switch (part.kind) {
    case Part::Kind::RepeatBegin: return 26;
    case Part::Kind::RepeatEnd: return 8;
    default: break;
  }
  const int lines = std::min<int>(static_cast<int>(part.lines.size()), detail >= 2 ? 9 : detail);
  const bool bars = part.experts && !load_.empty() && detail >= 1;
  return kTitle + lines * kLine + 2 * kPad + (bars ? kBars + 16 : 0);
}

double StackSketch::total(int detail) const {
  double sum = 12;
  for (const Part& part : parts_) sum += heightOf(part, detail) + (part.kind == Part::Kind::RepeatBegin || part.kind == Part::Kind::RepeatEnd ? 4 : kGap);
  return sum;
}

void StackSketch::paintLoad(QPainter& p, const QRectF& area) const {
  const Theme& theme = Theme::instance();
  const double fair = area.height() * 0.55, pitch = area.width() / static_cast<double>(load_.size());
  for (std::size_t e = 0; e < load_.size(); ++e) {
    const double h = std::clamp(load_[e] * fair, 1.0, area.height());
    const double left = std::round(area.left() + static_cast<double>(e) * pitch);
    p.fillRect(QRectF(left, std::round(area.bottom() - h), std::max(1.0, std::floor(pitch) - (pitch >= 4 ? 2 : 0)), std::round(h)),
               load_.size() <= 8 ? theme.expert(static_cast<int>(e)) : theme.color(Tone::Experts));
  }
  QPen pen(theme.color(Tone::Text), 1);
  pen.setDashPattern({4, 3});
  p.setPen(pen);
  p.drawLine(QPointF(area.left(), std::round(area.bottom() - fair)), QPointF(area.right(), std::round(area.bottom() - fair)));
}

void StackSketch::paintEvent(QPaintEvent*) {
  if (parts_.empty()) return;
  const Theme& theme = Theme::instance();
  QPainter p(this);
  int detail = 2;
  while (detail > 0 && total(detail) > height()) --detail;
  const double spare = std::max(0.0, height() - total(detail)) / static_cast<double>(parts_.size());
  const double gap = kGap + std::min(spare, 16.0);
  const QPen wire(theme.color(Tone::Muted), 1);
  double y = 4, bottom = y;
  QRectF frame;
  int skipped = 0;
  double firstBar = 0, lastBar = height();
  std::vector<std::pair<double, double>> merges;     // where a residual block leaves and joins the spine
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    const double h = heightOf(part, detail);
    const bool last = i + 1 == parts_.size();
    if (!last && y + h + heightOf(parts_.back(), detail) + 2 * gap > height()) {
      skipped += part.kind == Part::Kind::Block ? 1 : 0;
      continue;
    }
    if (last && skipped > 0) {
      p.setFont(theme.caption());
      p.setPen(theme.color(Tone::Muted));
      p.drawText(QRectF(kIndent, y - gap, width() - kIndent, gap), Qt::AlignLeft | Qt::AlignVCenter, tr("and %n more", nullptr, skipped));
    }
    if (part.kind == Part::Kind::RepeatBegin) {
      frame = QRectF(0.5, y + 0.5, width() - 5, 0);
      p.setFont(theme.title());
      p.setPen(theme.color(Tone::Text));
      p.drawText(QRectF(kIndent, y + 4, width() - kIndent - 8, 20), Qt::AlignLeft | Qt::AlignVCenter, part.title);
      y += h + 4;
      continue;
    }
    if (part.kind == Part::Kind::RepeatEnd) {
      frame.setBottom(std::round(bottom + 12) + 0.5);
      p.setRenderHint(QPainter::Antialiasing);
      p.setBrush(Qt::NoBrush);
      p.setPen(QPen(theme.color(Tone::Border), 1));
      p.drawRoundedRect(frame, 6, 6);
      p.setRenderHint(QPainter::Antialiasing, false);
      p.drawLine(QPointF(frame.left() + 6, frame.bottom() + 3.5), QPointF(frame.right() + 1, frame.bottom() + 3.5));  // a stack: one more edge below
      y = frame.bottom() + gap * 0.7 + 4;
      continue;
    }
    const bool block = part.kind == Part::Kind::Block;
    const QRectF card(block ? kIndent : 0.5, std::round(y) + 0.5, width() - (block ? kIndent + 13 : 5), h);
    p.setRenderHint(QPainter::Antialiasing);
    p.setPen(QPen(theme.color(Tone::Border), 1));
    p.setBrush(theme.color(Tone::Raised));
    p.drawRoundedRect(card, 6, 6);
    p.setRenderHint(QPainter::Antialiasing, false);
    p.fillRect(QRectF(card.left(), card.top() + 4, 3, card.height() - 8), block ? part.hue : theme.color(Tone::Dense));
    const double left = card.left() + (block ? 14 : kIndent - 1);
    double line = card.top() + kPad - 1;
    p.setFont(theme.title());
    p.setPen(theme.color(Tone::Text));
    p.drawText(QRectF(left, line, card.right() - left - 6, kTitle), Qt::AlignLeft | Qt::AlignVCenter, part.title);
    line += kTitle;
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Muted));
    const QFontMetrics metrics(theme.caption());
    for (int k = 0; k < std::min<int>(static_cast<int>(part.lines.size()), detail >= 2 ? 9 : detail); ++k, line += kLine)
      p.drawText(QRectF(left, line, card.right() - left - 6, kLine), Qt::AlignLeft | Qt::AlignVCenter,
                 metrics.elidedText(part.lines[k], Qt::ElideRight, static_cast<int>(card.right() - left - 6)));
    if (part.experts && !load_.empty() && detail >= 1) {
      paintLoad(p, QRectF(left, line + 4, card.right() - left - 10, kBars));
      p.setFont(theme.caption());
      p.setPen(theme.color(Tone::Muted));
      p.drawText(QRectF(left, line + 4 + kBars, card.right() - left - 6, 16), Qt::AlignLeft | Qt::AlignVCenter,
                 metrics.elidedText(tr("load, %1; dashed: fair").arg(loadName_), Qt::ElideRight, static_cast<int>(card.right() - left - 6)));
    }
    if (!block && i == 0) firstBar = card.bottom();
    if (!block && last) lastBar = card.top();
    if (block) merges.emplace_back(card.top() + std::min(14.0, h * 0.2), card.bottom() - std::min(12.0, h * 0.22));
    bottom = card.bottom();
    y = card.bottom() + gap;
  }
  // The spine with a branch dot and a ⊕ per residual block; bars sit on it and hide it.
  p.setRenderHint(QPainter::Antialiasing);
  for (const auto& [from, to] : merges) {
    p.setPen(wire);
    p.drawLine(QPointF(kSpine, from), QPointF(kIndent, from));
    p.drawLine(QPointF(kSpine, to), QPointF(kIndent, to));
    p.setBrush(theme.color(Tone::Text));
    p.setPen(Qt::NoPen);
    p.drawEllipse(QPointF(kSpine, from), 2.5, 2.5);
  }
  if (!merges.empty()) {
    p.setRenderHint(QPainter::Antialiasing, false);
    p.setPen(wire);
    const double x = kSpine;
    double at = firstBar;
    for (const auto& [from, to] : merges) {
      p.drawLine(QPointF(x, at), QPointF(x, to - 7));
      at = to + 7;
    }
    p.drawLine(QPointF(x, at), QPointF(x, lastBar - 1));
    for (int i = 0; i < 4; ++i) p.drawLine(QPointF(x - i, lastBar - 1 - i), QPointF(x + i, lastBar - 1 - i));  // arrow head
    p.setRenderHint(QPainter::Antialiasing);
    for (const auto& [from, to] : merges) {
      p.setPen(QPen(theme.color(Tone::Text), 1));
      p.setBrush(theme.color(Tone::Surface));
      p.drawEllipse(QPointF(x, to), 7, 7);
      p.drawLine(QPointF(x - 4, to), QPointF(x + 4, to));
      p.drawLine(QPointF(x, to - 4), QPointF(x, to + 4));
    }
  }
}

}  // namespace serp::app
