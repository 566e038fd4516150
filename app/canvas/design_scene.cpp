// SPDX-License-Identifier: GPL-3.0-or-later
// From layout to items, and walking from card to card.
#include "app/canvas/design_scene.h"

#include <QPainter>
#include <cmath>

#include "app/canvas/card_item.h"
#include "app/canvas/wiring_item.h"
#include "app/style/theme.h"

namespace serp::app {

DesignScene::DesignScene(QObject* parent) : QGraphicsScene(parent) {
  setItemIndexMethod(NoIndex);  // rebuilt at every edit; a few dozen items
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void DesignScene::setLayout(const CanvasLayout& layout) {
  clear();
  cards_.clear();
  layout_ = layout;
  for (const CanvasCard& card : layout_.cards) {
    auto* item = new CardItem(card, layout_.shareX);
    int depth = 0;
    for (int at = card.parent; at >= 0; at = layout_.cards[static_cast<std::size_t>(at)].parent) ++depth;
    const bool above = card.kind == CanvasCard::Kind::Slot || card.kind == CanvasCard::Kind::Bar;
    item->setZValue(above ? 1 : card.kind == CanvasCard::Kind::Repeat ? -10 + depth : 0.1 * depth);
    addItem(item);
    cards_.insert(card.id, item);
  }
  // Wires run over frames and block faces but under slots, which are drawn as boxes on the wire.
  auto* lines = new WiringItem(layout_, WiringItem::Layer::Lines);
  lines->setZValue(0.95);
  addItem(lines);
  addItem(new WiringItem(layout_, WiringItem::Layer::Words));
  setSceneRect(QRectF(QPointF(), layout_.size));
  setFaults(diagnostics_);
  const QStringList keep = selection_;
  selection_.clear();
  selected_.clear();
  setSelection(keep);
}

void DesignScene::setFaults(const Diagnostics& diagnostics) {
  if (&diagnostics != &diagnostics_) diagnostics_ = diagnostics;
  QHash<QString, int>& counts = faultCounts_;
  counts.clear();
  for (const Diagnostic& d : diagnostics_.items) {
    if (d.severity != Severity::Error) continue;
    if (const int at = layout_.holderOf(QString::fromStdString(d.path)); at >= 0) ++counts[layout_.cards[static_cast<std::size_t>(at)].id];
  }
  for (auto it = cards_.cbegin(); it != cards_.cend(); ++it) it.value()->setFaults(counts.value(it.key()));
}

void DesignScene::select(const QString& id) { setSelection(id.isEmpty() ? QStringList() : QStringList(id)); }

void DesignScene::setSelection(const QStringList ids) {  // by value: it may be the present selection itself
  for (const QString& id : selection_)
    if (CardItem* old = cards_.value(id)) old->setChosen(false);
  selection_.clear();
  for (const QString& id : ids)
    if (CardItem* item = cards_.value(id); item && !selection_.contains(id)) {
      item->setChosen(true);
      selection_ << id;
    }
  selected_ = selection_.isEmpty() ? QString() : selection_.back();
}

CardItem* DesignScene::cardAt(QPointF position) const {
  CardItem* best = nullptr;
  for (CardItem* item : cards_)
    if (item->card().rect.contains(position) && (!best || item->card().rect.width() * item->card().rect.height() < best->card().rect.width() * best->card().rect.height()))
      best = item;
  return best;
}

QString DesignScene::reach(Step step) const {
  const auto& cards = layout_.cards;
  if (cards.empty()) return {};
  const int at = layout_.indexOf(selected_);
  if (at < 0) return cards.front().id;
  const auto level = [&](int i) { return cards[static_cast<std::size_t>(i)].parent; };
  const auto isInner = [&](int i) {  // slots and branches are entered, frames are walked through
    const int parent = level(i);
    return parent >= 0 && cards[static_cast<std::size_t>(parent)].kind != CanvasCard::Kind::Repeat;
  };
  const int count = static_cast<int>(cards.size());
  if (step == Step::Into) {
    for (int i = at + 1; i < count; ++i)
      if (level(i) == at) return cards[static_cast<std::size_t>(i)].id;
    return {};
  }
  if (step == Step::Out) return level(at) >= 0 ? cards[static_cast<std::size_t>(level(at))].id : QString();
  const int by = step == Step::Next ? 1 : -1;
  for (int i = at + by; i >= 0 && i < count; i += by) {
    if (isInner(at) ? level(i) == level(at) : !isInner(i)) return cards[static_cast<std::size_t>(i)].id;
  }
  return {};
}

void DesignScene::drawBackground(QPainter* painter, const QRectF& rect) {
  const Theme& theme = Theme::instance();
  painter->fillRect(rect, theme.color(Tone::Background));
  QPen pen(Theme::mix(theme.color(Tone::Background), theme.color(Tone::Border), 0.6), 1);
  pen.setCosmetic(true);
  painter->setPen(pen);
  constexpr double kDots = 16;
  if (rect.width() / kDots * (rect.height() / kDots) > 40000) return;  // zoomed far out: dots would only be grey
  std::vector<QPointF> points;
  for (double y = std::ceil(rect.top() / kDots) * kDots; y < rect.bottom(); y += kDots)
    for (double x = std::ceil(rect.left() / kDots) * kDots; x < rect.right(); x += kDots) points.emplace_back(x + 0.5, y + 0.5);
  painter->drawPoints(points.data(), static_cast<int>(points.size()));
}

}  // namespace serp::app
