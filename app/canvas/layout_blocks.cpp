// SPDX-License-Identifier: GPL-3.0-or-later
// Inside the blocks: Mamba's two lanes and three slots, routers with their experts, chains of primitives, parallel branches.
#include <algorithm>

#include "app/canvas/layout_builder.h"

namespace serp::app {
namespace {

QString text(const std::string& s) { return QString::fromStdString(s); }
QString arrow(std::int64_t in, std::int64_t out) { return QStringLiteral("%1 → %2").arg(in).arg(out); }

std::int64_t whole(const PlanNode& node, const char* key, std::int64_t missing) {
  return node.params.has(key) ? node.params.integer(key) : missing;
}

QString choiceOf(const PlanNode& node, const char* key) { return node.params.has(key) ? text(node.params.text(key)) : QString(); }

const PlanNode* filling(const PlanNode& node, const std::string& slot) {
  for (const PlanNode& child : node.children)
    if (child.slot == slot) return &child;
  return nullptr;
}

/// Upper bound of a shape's width in the code font, so that the layout needs no font.
double codeWidth(const QString& text) { return 7.5 * static_cast<double>(text.size()); }

}  // namespace

QString blockDetail(const PlanNode& node) {
  QStringList parts;
  const auto add = [&](const char* key, const QString& form) {
    if (node.params.has(key)) parts << form.arg(text(valueText(node.params.value(key))));
  };
  if (node.family == Family::Experts) {
    add("experts", QObject::tr("%1 experts"));
    if (node.kind == "switch_moe") parts << QStringLiteral("top-1");
    add("top_k", QStringLiteral("top-%1"));
    add("d_expert", QStringLiteral("d_expert %1"));
    add("capacity_factor", QObject::tr("capacity %1"));
    return parts.join(QStringLiteral(" · "));
  }
  if (node.kind == "parallel") {
    const bool gated = node.params.has("combine") && node.params.text("combine") == "gate";
    return (gated ? QObject::tr("gated sum of %1 branches") : QObject::tr("sum of %1 branches")).arg(node.children.size());
  }
  const BlockInfo* info = findBlock(node.kind);
  if (!info) return {};
  for (const Param& p : info->schema) {
    if (parts.size() == 3) break;
    if (p.type == ParamType::Integer || p.type == ParamType::Choice) add(p.name.c_str(), text(p.name) + QStringLiteral(" %1"));
    else if (p.type == ParamType::Real && p.name == "expand") add("expand", QStringLiteral("expand %1"));
  }
  return parts.join(QStringLiteral(" · "));
}

int LayoutBuilder::card(CanvasCard::Kind kind, const PlanNode& node, QRectF rect, int parent) {
  CanvasCard card;
  card.kind = kind;
  card.id = card.path = text(node.specPath);
  card.title = text(node.kind);
  card.detail = blockDetail(node);
  card.family = QString::fromLatin1(familyName(node.family));
  if (const BlockInfo* info = findBlock(node.kind)) card.help = text(info->summary);
  card.rect = rect;
  card.parent = parent;
  const Use& used = use(node.specPath);
  card.times = used.times;
  card.bypassed = node.bypassed;
  card.foldable = kind != CanvasCard::Kind::Slot;
  card.folded = card.foldable && isFolded(node.specPath);
  if (node.bypassed) card.detail = QObject::tr("bypassed: the stream passes by");
  card.hasShares = kind != CanvasCard::Kind::Slot;
  const auto part = [](double own, double all) { return all > 0 ? own / all : 0; };
  card.total = part(static_cast<double>(used.cost.paramsTotal), static_cast<double>(plan_.total.paramsTotal));
  card.active = part(static_cast<double>(used.cost.paramsActive), static_cast<double>(plan_.total.paramsActive));
  card.flops = part(used.cost.flopsPerToken, plan_.flopsForward);
  out_.cards.push_back(std::move(card));
  return static_cast<int>(out_.cards.size()) - 1;
}

BlockPorts LayoutBuilder::block(const PlanNode& node, double left, double right, double top, int parent) {
  if (isFolded(node.specPath)) return titleOnly(node, left, right, top, parent);
  if (node.kind == "parallel") return parallel(node, left, right, top, parent);
  if (node.kind == "mamba") return mamba(node, left, right, top, parent);
  if (node.family == Family::Experts && node.params.has("experts")) return experts(node, left, right, top, parent);
  if (node.kind == "attention") {
    return chain(node, {QObject::tr("q k v %1").arg(arrow(node.in, 3 * node.in)), QObject::tr("%1 heads").arg(whole(node, "heads", 1)),
                        QObject::tr("causal softmax"), QObject::tr("out %1").arg(arrow(node.in, node.out))},
                 left, right, top, parent);
  }
  if (node.kind == "dense_ffn" || node.kind == "gated_ffn") {
    const auto hidden = whole(node, "d_ff", 0);
    const QString first = QObject::tr("linear %1").arg(arrow(node.in, hidden));
    const QString act = node.params.has("activation") ? choiceOf(node, "activation") : QStringLiteral("SiLU");
    return chain(node, {node.kind == "gated_ffn" ? QStringLiteral("2 × ") + first : first, node.kind == "gated_ffn" ? act + QStringLiteral(" × gate") : act,
                        QObject::tr("linear %1").arg(arrow(hidden, node.out))},
                 left, right, top, parent);
  }
  return chain(node, {}, left, right, top, parent);
}

BlockPorts LayoutBuilder::titleOnly(const PlanNode& node, double left, double right, double top, int parent) {
  card(node.kind == "parallel" ? CanvasCard::Kind::Parallel : CanvasCard::Kind::Block, node, QRectF(left, top, right - left, 36), parent);
  out_.cards.back().titleHeight = 36;
  return {top + 10, top + 28, top + 36};
}

BlockPorts LayoutBuilder::mamba(const PlanNode& node, double left, double right, double top, int parent) {
  const BlockInfo* info = findBlock(node.kind);
  const int self = card(CanvasCard::Kind::Block, node, QRectF(left, top, right - left, 250), parent);
  const auto inner = static_cast<std::int64_t>((node.params.has("expand") ? node.params.real("expand") : 2.0) * static_cast<double>(node.in));
  const double lane1 = top + 74, lane2 = top + 146, lane3 = top + 212;
  const double spare = std::max(0.0, (right - left) - 496);   // given to the gaps between the boxes
  const double tight = std::clamp((496 - (right - left)) / 76, 0.0, 1.0);   // inside parallel there may be less than is needed
  const double slotLeft = left + 46 - 10 * tight, slotWidth = 112 + std::min(spare * 0.1, 16.0) - 4 * tight;
  const double gap = 40 + std::min(spare * 0.3, 110.0) - 26 * tight, small = 12 + spare * 0.1 - 5 * tight;
  const double slotRight = slotLeft + slotWidth;

  const auto param = [&](const char* name) -> const Param& {
    for (const Param& p : info->schema)
      if (p.name == name) return p;
    return info->schema.front();
  };
  slot(node, param("conv_proj"), node.in, inner, QRectF(slotLeft, lane1 - 20, slotWidth, 40), self);
  slot(node, param("gate_proj"), node.in, inner, QRectF(slotLeft, lane2 - 20, slotWidth, 40), self);

  double x = slotRight + gap;
  const auto box = [&](const QString& name, double boxWidth, double y, bool tinted) {
    out_.cards[static_cast<std::size_t>(self)].chips.push_back({QRectF(x, y - 16, boxWidth, 32), name, tinted});
    const double boxRight = x + boxWidth;
    x = boxRight + small;
    return boxRight;
  };
  const double convLeft = x, convRight = box(QObject::tr("conv1d k %1").arg(whole(node, "d_conv", 4)), 78 - 8 * tight, lane1, false);
  const double siluLeft = x, siluRight = box(QStringLiteral("SiLU"), 44, lane1, false);
  const double scanLeft = x, scanRight = box(QObject::tr("selective scan"), 100 - 12 * tight, lane1, true);
  const double crossX = std::min(scanRight + 26 + small, right - 44 + 16 * tight), turnX = right - 20 + 8 * tight;
  const double splitX = left + 22 - 5 * tight;
  wire({{left, lane1}, {slotLeft, lane1}});
  dot(splitX, lane1);
  wire({{splitX, lane1}, {splitX, lane2}, {slotLeft, lane2}});
  wire({{slotRight, lane1}, {convLeft, lane1}});
  wire({{convRight, lane1}, {siluLeft, lane1}}, false);
  wire({{siluRight, lane1}, {scanLeft, lane1}}, false);
  wire({{scanRight, lane1}, {crossX - 8, lane1}});
  out_.nodes.push_back({CanvasNode::Kind::Times, {crossX, lane1}});
  x = siluLeft;
  const double gateRight = box(QStringLiteral("SiLU"), 44, lane2, false);
  wire({{slotRight, lane2}, {siluLeft, lane2}});
  wire({{gateRight, lane2}, {crossX, lane2}, {crossX, lane1 + 8}});
  LayoutBuilder::word(scanLeft + 30, lane2 - 6, QObject::tr("gate"), CanvasWord::Look::Caption);
  if (gap >= codeWidth(shapeText(inner)) + 20) {
    LayoutBuilder::word(slotRight + 6, lane1 - 6, shapeText(inner), CanvasWord::Look::Code);
    LayoutBuilder::word(slotRight + 6, lane2 - 6, shapeText(inner), CanvasWord::Look::Code);
  }

  const double outWidth = filling(node, "out_proj") ? 184 : slotWidth, outLeft = slotRight + gap - 20;
  slot(node, param("out_proj"), inner, node.out, QRectF(outLeft, lane3 - 20, outWidth, 40), self);
  wire({{crossX + 8, lane1}, {turnX, lane1}, {turnX, lane3}, {outLeft + outWidth, lane3}});
  wire({{outLeft, lane3}, {left, lane3}}, false);
  if (turnX - outLeft - outWidth >= codeWidth(shapeText(inner)) + 28) LayoutBuilder::word(outLeft + outWidth + 14, lane3 - 6, shapeText(inner), CanvasWord::Look::Code);
  out_.words.push_back({{outLeft - 8, lane3 - 6}, shapeText(node.out), CanvasWord::Look::Code, 0, true});
  return {lane1, lane3, top + 250};
}

void LayoutBuilder::slot(const PlanNode& owner, const Param& param, std::int64_t in, std::int64_t out, QRectF rect, int parent) {
  if (const PlanNode* inside = filling(owner, param.name)) {
    const int index = card(CanvasCard::Kind::Slot, *inside, rect, parent);
    CanvasCard& placed = out_.cards[static_cast<std::size_t>(index)];
    placed.caption = text(param.name);
    placed.filled = true;
    const auto experts = whole(*inside, "experts", 0), hidden = whole(*inside, "d_expert", 0);
    placed.detail = experts > 0 ? QStringLiteral("E %1 · d_expert %2").arg(experts).arg(hidden) : arrow(inside->in, inside->out);
    return;
  }
  CanvasCard card;
  card.kind = CanvasCard::Kind::Slot;
  card.id = card.path = text(owner.specPath + "." + param.name);
  card.title = text(param.slotKind);
  card.detail = in > 0 ? arrow(in, out) : QString();
  card.caption = text(param.name);
  card.help = text(param.help);
  const BlockInfo* info = findBlock(param.slotKind);
  card.family = QString::fromLatin1(familyName(info ? info->family : Family::Dense));
  card.rect = rect;
  card.parent = parent;
  card.times = use(owner.specPath).times;
  out_.cards.push_back(std::move(card));
}

double LayoutBuilder::slotRow(const PlanNode& node, double left, double right, double top, int parent) {
  const BlockInfo* info = findBlock(node.kind);
  double x = left + 16;
  bool any = false;
  if (info)
    for (const Param& p : info->schema) {
      if (p.type != ParamType::Slot || x + 124 > right) continue;
      slot(node, p, 0, 0, QRectF(x, top + 18, 116, 36), parent);
      x += 132;
      any = true;
    }
  return any ? 66 : 0;
}

BlockPorts LayoutBuilder::experts(const PlanNode& node, double left, double right, double top, int parent) {
  const int self = card(CanvasCard::Kind::Block, node, QRectF(left, top, right - left, 86), parent);
  const auto count = node.params.integer("experts"), k = whole(node, "top_k", 1);
  const double y = top + 56, routerLeft = left + 16, routerWidth = 118, chip = 24, step = 28;
  auto& chips = out_.cards[static_cast<std::size_t>(self)].chips;
  chips.push_back({QRectF(routerLeft, y - 15, routerWidth, 30), QObject::tr("router %1").arg(arrow(node.in, count)), false});
  const double first = routerLeft + routerWidth + 18, last = right - 76;
  const int room = std::max(2, static_cast<int>((last - first + step - chip) / step));
  const bool all = count <= room;
  const int shown = all ? static_cast<int>(count) : std::max(1, room - 2);   // the chip of the rest is wider
  double x = first;
  for (int e = 0; e < shown; ++e, x += step) chips.push_back({QRectF(x, y - 14, chip, 28), QString::number(e), false, true});
  if (!all) chips.push_back({QRectF(x, y - 14, chip + 22, 28), QStringLiteral("+ %1").arg(count - shown), false, true});
  wire({{routerLeft + routerWidth, y}, {first, y}});
  const double labelX = all ? x + 8 : x + chip + 30;
  const bool chooses = node.kind == "expert_choice";
  LayoutBuilder::word(labelX, y - 3, chooses ? QObject::tr("experts") : QObject::tr("%1 of %2").arg(k).arg(count), CanvasWord::Look::Caption, right - labelX - 6);
  LayoutBuilder::word(labelX, y + 11, chooses ? QObject::tr("choose") : QObject::tr("per token"), CanvasWord::Look::Caption, right - labelX - 6);
  return {top + 27, top + 59, top + 86};
}

BlockPorts LayoutBuilder::chain(const PlanNode& node, const QStringList& steps, double left, double right, double top, int parent) {
  const int self = card(CanvasCard::Kind::Block, node, QRectF(left, top, right - left, steps.isEmpty() ? 64 : 80), parent);
  const double slots = slotRow(node, left, right, top + 30, self);
  double bottom = top + (slots > 0 ? 30 + slots : steps.isEmpty() ? 64 : 80);
  if (slots == 0 && !steps.isEmpty()) {
    const double y = top + 52, room = right - left - 32, gap = 22;
    const double boxWidth = std::min(150.0, (room - gap * static_cast<double>(steps.size() - 1)) / static_cast<double>(steps.size()));
    double x = left + 16;
    for (qsizetype i = 0; i < steps.size(); ++i, x += boxWidth + gap) {
      out_.cards[static_cast<std::size_t>(self)].chips.push_back({QRectF(x, y - 15, boxWidth, 30), steps[i], i == 1});
      if (i > 0) wire({{x - gap, y}, {x, y}});
    }
  }
  out_.cards[static_cast<std::size_t>(self)].rect.setBottom(bottom);
  return {top + 22, bottom - 18, bottom};
}

BlockPorts LayoutBuilder::parallel(const PlanNode& node, double left, double right, double top, int parent) {
  const int self = card(CanvasCard::Kind::Parallel, node, QRectF(left, top, right - left, 40), parent);
  const bool own = node.params.has("norms") && node.params.text("norms") == "own";   // then each branch has a pill of its own
  const double inX = left + 14, outX = left + 30, branchLeft = left + (own ? 66 : 46), branchRight = right - 12;
  double y = top + 42, firstIn = 0, lastIn = 0, firstOut = 0;
  const std::string list = node.specPath + ".parallel";
  if (node.children.empty()) {
    gap(list, 0, y + 22, branchLeft, branchRight, true);
    y += hole(QObject::tr("Empty: drop a branch here"), branchLeft, branchRight, y);
    out_.cards[static_cast<std::size_t>(self)].rect.setBottom(y + 12);
    return {y - 34, y - 12, y + 12};
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const PlanNode& child = node.children[i];
    const std::size_t index = static_cast<std::size_t>(std::stoul(child.specPath.substr(child.specPath.rfind('[') + 1)));
    gap(list, index, y - 7, branchLeft, branchRight, true);
    const BlockPorts ports = block(child, branchLeft, branchRight, y, self);
    if (firstIn == 0) firstIn = ports.in, firstOut = ports.out;
    lastIn = ports.in;
    wire({{inX, ports.in}, {branchLeft, ports.in}});
    if (own) pill(child.norm, inX + 14, ports.in);
    wire({{branchLeft, ports.out}, {outX, ports.out}}, false);
    dot(inX, ports.in);
    dot(outX, ports.out);
    y = ports.bottom + 14;
    if (i + 1 == node.children.size()) gap(list, index + 1, y - 7, branchLeft, branchRight, true);
  }
  const double sum = y + 8, bottom = y + 26;
  wire({{left, firstIn}, {inX, firstIn}}, false);
  wire({{inX, firstIn}, {inX, lastIn}}, false);
  wire({{outX, firstOut}, {outX, sum - 8}}, false);
  out_.nodes.push_back({CanvasNode::Kind::Plus, {outX, sum}});
  wire({{outX - 8, sum}, {left, sum}}, false);
  out_.cards[static_cast<std::size_t>(self)].rect.setBottom(bottom);
  return {firstIn, sum, bottom};
}

}  // namespace serp::app
