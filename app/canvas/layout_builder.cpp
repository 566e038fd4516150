// SPDX-License-Identifier: GPL-3.0-or-later
// Along the spine: tokens, embedding, blocks and repeats, norm, head, logits.
#include "app/canvas/layout_builder.h"

#include <algorithm>
#include <cmath>

#include "app/models/figures.h"

namespace serp::app {
namespace {

constexpr double kBarLeft = 24, kBlockLeft = 104, kGap = 16, kFrameHeader = 40;

QString text(const std::string& s) { return QString::fromStdString(s); }

}  // namespace

QString shapeText(std::int64_t width) { return QStringLiteral("[B, T, %1]").arg(width); }

int CanvasLayout::indexOf(const QString& id) const {
  for (std::size_t i = 0; i < cards.size(); ++i)
    if (cards[i].id == id) return static_cast<int>(i);
  return -1;
}

int CanvasLayout::holderOf(const QString& path) const {
  int best = -1;
  qsizetype length = -1;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const QString& own = cards[i].id;
    const bool inside = path == own || (path.startsWith(own) && (path[own.size()] == QLatin1Char('.') || path[own.size()] == QLatin1Char('[')));
    if (!inside || own.size() <= length) continue;
    best = static_cast<int>(i);
    length = own.size();
  }
  return best;
}

const CanvasGap* CanvasLayout::gapAt(QPointF at) const {
  const CanvasGap* best = nullptr;
  double nearest = 0;
  for (const CanvasGap& gap : gaps) {
    // Beside the line counts little: inside a frame the frame's own gaps are narrower, and so nearer.
    const double aside = std::max({0.0, gap.left - at.x(), at.x() - gap.right}), away = std::abs(gap.y - at.y()) + 0.25 * aside;
    if (best && away >= nearest) continue;
    best = &gap;
    nearest = away;
  }
  return best;
}

LayoutBuilder::LayoutBuilder(const RunSpec& spec, const Plan& plan, double width, const QSet<QString>& folded)
    : spec_(spec), plan_(plan), folded_(folded), width_(std::clamp(width, kMinCanvasWidth, kMaxCanvasWidth)) {
  for (int i = 0; i < 3; ++i) out_.shareX[i] = width_ - 300 + 76 * i;
  for (const PlanNode& node : plan.blocks) count(node);
}

void LayoutBuilder::count(const PlanNode& node) {
  Use& use = uses_[node.specPath];
  if (!use.node) use.node = &node;
  ++use.times;
  use.cost += node.cost;
  for (const PlanNode& child : node.children) count(child);
}

const LayoutBuilder::Use& LayoutBuilder::use(const std::string& specPath) const {
  static const Use none;
  const auto it = uses_.find(specPath);
  return it == uses_.end() ? none : it->second;
}

CanvasLayout LayoutBuilder::take() {
  word(kSpineX + 16, 26, QObject::tr("tokens"), CanvasWord::Look::Body);
  word(kSpineX + 62, 26, QStringLiteral("[B, T]"), CanvasWord::Look::Code);
  const QString heads[] = {QObject::tr("total"), QObject::tr("active"), QObject::tr("FLOPs")};
  for (int i = 0; i < 3; ++i) word(out_.shareX[i], 26, heads[i], CanvasWord::Look::Caption);
  out_.words.push_back({{out_.shareX[0] - 12, 26}, QObject::tr("share of"), CanvasWord::Look::Caption, 0, true});
  y_ = 40;

  const QString tokenizer = text(spec_.data.has("tokenizer") ? spec_.data.text("tokenizer") : std::string());
  bar(QStringLiteral("embedding"), QObject::tr("embedding"), QStringLiteral("%1 → %2 · %3").arg(plan_.vocab).arg(plan_.dModel).arg(tokenizer),
      plan_.embedding, 38);
  streamShape();
  list(spec_.blocks, "model.blocks", -1, 0);
  streamShape();
  const std::string finalNorm = spec_.model.has("final_norm") ? spec_.model.text("final_norm") : "none";
  if (finalNorm != "none") {
    bar(QStringLiteral("final_norm"), QObject::tr("norm"), text(finalNorm), plan_.finalNorm, 30);
    y_ += 20;
  }
  const bool tied = spec_.model.has("tie_embedding") && spec_.model.boolean("tie_embedding");
  bar(QStringLiteral("head"), QObject::tr("head"),
      QStringLiteral("%1 → %2 · %3").arg(plan_.dModel).arg(plan_.vocab).arg(tied ? QObject::tr("tied to the embedding") : QObject::tr("untied, no bias")),
      plan_.head, 38);
  word(kSpineX + 16, y_ + 22, QObject::tr("logits"), CanvasWord::Look::Body);
  word(kSpineX + 62, y_ + 22, shapeText(plan_.vocab), CanvasWord::Look::Code);
  wire({{kSpineX, 12}, {kSpineX, y_ + 30}});
  out_.size = QSizeF(width_, y_ + 48);  // room for the zoom buttons below the last card
  return std::move(out_);
}

void LayoutBuilder::bar(const QString& id, const QString& title, const QString& detail, const Cost& cost, double height) {
  CanvasCard card;
  card.kind = CanvasCard::Kind::Bar;
  card.id = id;
  card.path = QStringLiteral("model");
  card.title = title;
  card.detail = detail;
  card.family = QStringLiteral("dense");
  card.rect = QRectF(kBarLeft, y_, width_ - 2 * kBarLeft, height);
  card.titleHeight = height;
  card.hasShares = true;
  const auto part = [](double own, double all) { return all > 0 ? own / all : 0; };
  card.total = part(static_cast<double>(cost.paramsTotal), static_cast<double>(plan_.total.paramsTotal));
  card.active = part(static_cast<double>(cost.paramsActive), static_cast<double>(plan_.total.paramsActive));
  card.flops = part(cost.flopsPerToken, plan_.flopsForward);
  out_.cards.push_back(std::move(card));
  y_ += height;
}

void LayoutBuilder::streamShape() {
  word(kSpineX + 16, y_ + 20, shapeText(plan_.dModel), CanvasWord::Look::Code);
  y_ += 32;
}

void LayoutBuilder::gap(const std::string& list, std::size_t index, double y, double left, double right, bool branch) {
  out_.gaps.push_back({text(list), static_cast<int>(index), y, left, right, branch});
}

double LayoutBuilder::hole(const QString& words, double left, double right, double top) {
  out_.holes.push_back({QRectF(left, top, right - left, 44), words, false, true});
  return 44;
}

void LayoutBuilder::list(const std::vector<BlockSpec>& blocks, const std::string& path, int parent, int depth) {
  const double left = kBarLeft + 8.0 * depth, right = width_ - 40 - 8.0 * std::max(0, std::min(depth, 2) - 1);
  if (blocks.empty()) {
    gap(path, 0, y_ + 22, kBlockLeft, right, false);
    y_ += hole(QObject::tr("Empty: drop a block here, or type its name"), kBlockLeft, right, y_);
    return;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i > 0) y_ += kGap + 6;
    // Entries that cannot be read are left out of the drawing: their numbers are skipped.
    const std::size_t open = blocks[i].path.rfind('[');
    const std::size_t index = open == std::string::npos ? i : static_cast<std::size_t>(std::stoul(blocks[i].path.substr(open + 1)));
    gap(path, index, y_ - (i > 0 ? (kGap + 6) / 2 : 5), left, right, false);
    if (blocks[i].kind == "repeat") repeat(blocks[i], parent, depth);
    else residual(blocks[i], parent, depth);
    if (i + 1 == blocks.size()) gap(path, index + 1, y_ + (depth > 0 ? 7 : 6), left, right, false);
  }
}

void LayoutBuilder::repeat(const BlockSpec& block, int parent, int depth) {
  const double inset = 8.0 * std::min(depth, 2);
  CanvasCard card;
  card.kind = CanvasCard::Kind::Repeat;
  card.id = card.path = text(block.path);
  card.title = QObject::tr("Repeat");
  card.times = static_cast<int>(block.params.has("count") ? block.params.integer("count") : 1);
  card.count = card.times;
  card.titleHeight = kFrameHeader;
  card.parent = parent;
  card.foldable = true;
  card.folded = isFolded(block.path);
  const double top = y_;
  const auto index = out_.cards.size();
  out_.cards.push_back(card);
  if (card.folded) {
    y_ += kFrameHeader;
  } else {
    y_ += kFrameHeader + 8;
    list(block.children, block.path + ".blocks", static_cast<int>(index), depth + 1);
    y_ += 18;
  }
  Cost inside;
  const std::string prefix = block.path + ".";
  for (const auto& [path, use] : uses_)
    if (path.starts_with(prefix) && use.node && use.node->slot.empty() && use.node->path.find(".mixer") == std::string::npos) inside += use.cost;
  CanvasCard& placed = out_.cards[index];
  placed.rect = QRectF(kBarLeft + inset, top, width_ - 2 * (kBarLeft + inset), y_ - top);
  if (card.folded) placed.detail = QObject::tr("%n block(s) · ", nullptr, static_cast<int>(block.children.size()));
  placed.detail += QObject::tr("%1 total · %2 active").arg(shortCount(static_cast<double>(inside.paramsTotal)),
                                                           shortCount(static_cast<double>(inside.paramsActive)));
  y_ += 8;  // the edges of the stack
}

void LayoutBuilder::residual(const BlockSpec& spec, int parent, int depth) {
  const Use& used = use(spec.path);
  if (!used.node) return;  // repeat: 0 does not pass the reader; nothing is drawn of what never runs
  const double left = kBlockLeft, right = width_ - 40 - 8.0 * std::max(0, std::min(depth, 2) - 1);
  const BlockPorts ports = block(*used.node, left, right, y_, parent);
  dot(kSpineX, ports.in);
  wire({{kSpineX, ports.in}, {left, ports.in}});
  pill(used.node->norm, kSpineX + 10, ports.in);
  if (used.node->bypassed) {            // nothing comes back: the stream passes by
    out_.nodes.push_back({CanvasNode::Kind::Times, {left - 12, ports.out}});
  } else {
    wire({{left, ports.out}, {kSpineX + 8, ports.out}});
    out_.nodes.push_back({CanvasNode::Kind::Plus, {kSpineX, ports.out}});
  }
  y_ = ports.bottom;
}

void LayoutBuilder::pill(const std::string& norm, double x, double y) {
  if (norm.empty() || norm == "none") return;
  out_.pills.push_back({QRectF(x, y - 9, 28, 18), norm == "rms_norm" ? QStringLiteral("RMS") : QStringLiteral("LN"), false});
}

CanvasLayout layOut(const RunSpec& spec, const Plan& plan, double width, const QSet<QString>& folded) {
  return LayoutBuilder(spec, plan, width, folded).take();
}

}  // namespace serp::app
