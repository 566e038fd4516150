// SPDX-License-Identifier: GPL-3.0-or-later
// The look of a card: flat tints, 1 px lines, a 3 px stripe in the colour of the family, no shadows.
#include "app/canvas/card_item.h"

#include <QFontMetricsF>
#include <QCursor>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

QColor tone(Tone t) { return Theme::instance().color(t); }

QPen line(const QColor& color, Qt::PenStyle style = Qt::SolidLine) {
  QPen pen(color, 1, style);
  pen.setCosmetic(true);
  if (style == Qt::CustomDashLine) pen.setDashPattern({4, 3});
  return pen;
}

/// Draws and returns the x behind the text.
double words(QPainter& p, double x, double baseline, const QString& text, const QFont& font, const QColor& color, double room) {
  const QFontMetricsF metrics(font);
  p.setFont(font);
  p.setPen(color);
  const QString shown = metrics.elidedText(text, Qt::ElideRight, std::max(0.0, room));
  p.drawText(QPointF(x, baseline), shown);
  return x + metrics.horizontalAdvance(shown);
}

QRectF crisp(const QRectF& r) { return QRectF(std::round(r.x()) + 0.5, std::round(r.y()) + 0.5, std::round(r.width()) - 1, std::round(r.height()) - 1); }

}  // namespace

void paintChip(QPainter& p, const CanvasChip& chip, const QColor& hue) {
  const QColor fill = chip.tinted ? Theme::mix(tone(Tone::Raised), hue, 0.22) : tone(Tone::Raised);
  p.setPen(line(chip.tinted ? Theme::mix(tone(Tone::Border), hue, 0.5) : tone(Tone::Border)));
  p.setBrush(fill);
  p.drawRoundedRect(crisp(chip.rect), 4, 4);
  const QFont font = Theme::instance().caption();
  p.setFont(font);
  p.setPen(tone(chip.quiet ? Tone::Muted : Tone::Text));
  p.drawText(chip.rect, Qt::AlignCenter, QFontMetricsF(font).elidedText(chip.text, Qt::ElideRight, chip.rect.width() - 4));
}

CardItem::CardItem(const CanvasCard& card, const double* shareX) : card_(card) {
  for (int i = 0; i < 3; ++i) shareX_[i] = shareX[i];
  setZValue(card.parent < 0 ? 0 : 1);
  setCursor(Qt::PointingHandCursor);
  QString tip = card.title + (card.detail.isEmpty() ? QString() : QStringLiteral(": ") + card.detail);
  if (!card.help.isEmpty()) tip += QLatin1Char('\n') + card.help;
  if (card.times > 1) tip += QLatin1Char('\n') + QObject::tr("used %1 times").arg(card.times);
  setToolTip(tip);
}

QRectF CardItem::boundingRect() const { return card_.rect.adjusted(-6, card_.caption.isEmpty() ? -6 : -20, 6, 14); }

QPainterPath CardItem::shape() const {
  QPainterPath path;
  path.addRect(card_.rect);
  return path;
}

void CardItem::setChosen(bool chosen) {
  if (chosen == chosen_) return;
  chosen_ = chosen;
  update();
}

void CardItem::setFaults(int count) {
  if (count == faults_) return;
  faults_ = count;
  update();
}

void CardItem::paint(QPainter* painter, const QStyleOptionGraphicsItem*, QWidget*) {
  QPainter& p = *painter;
  if (card_.kind == CanvasCard::Kind::Slot) {
    paintSlot(p);
  } else {
    paintFrame(p);
    paintTitle(p);
    if (card_.hasShares) paintShares(p);
    paintChips(p);
  }
  if (chosen_) {
    p.setBrush(Qt::NoBrush);
    p.setPen(line(tone(Tone::Text)));
    p.drawRoundedRect(crisp(card_.rect.adjusted(-3, -3, 3, 3)), 9, 9);
  }
}

void CardItem::paintFrame(QPainter& p) const {
  const QRectF box = crisp(card_.rect);
  const bool frame = card_.kind == CanvasCard::Kind::Repeat;
  p.setPen(line(tone(Tone::Border)));
  if (frame && card_.times > 1) {  // two edges peeking out below: a stack
    for (const double shift : {8.0, 4.0}) {
      const double inset = shift * 1.25;
      p.setBrush(Qt::NoBrush);
      p.drawLine(QPointF(box.left() + inset + 4, box.bottom() + shift), QPointF(box.right() - inset - 4, box.bottom() + shift));
      p.drawLine(QPointF(box.left() + inset, box.bottom() + shift - 3), QPointF(box.left() + inset + 4, box.bottom() + shift));
      p.drawLine(QPointF(box.right() - inset, box.bottom() + shift - 3), QPointF(box.right() - inset - 4, box.bottom() + shift));
    }
  }
  if (frame) p.setBrush(Theme::mix(tone(Tone::Background), tone(Tone::Surface), 0.5));
  else p.setBrush(tone(card_.bypassed ? Tone::Background : Tone::Surface));
  if (card_.bypassed) p.setPen(line(tone(Tone::Muted), Qt::CustomDashLine));
  p.drawRoundedRect(box, metric::kRadius, metric::kRadius);
  p.setPen(line(tone(Tone::Border)));
  if (!card_.family.isEmpty()) {
    p.setPen(Qt::NoPen);
    p.setBrush(Theme::instance().family(card_.family));
    p.drawRect(QRectF(card_.rect.left(), card_.rect.top() + 3, 3, card_.rect.height() - 6));
  }
  const bool ruled = card_.kind == CanvasCard::Kind::Block && card_.rect.height() > 120;
  if (card_.folded) return;
  if (ruled || frame || card_.kind == CanvasCard::Kind::Parallel) {
    p.setPen(line(Theme::instance().grid()));
    if (!frame) p.drawLine(QPointF(box.left() + 3, box.top() + card_.titleHeight), QPointF(box.right(), box.top() + card_.titleHeight));
  }
}

double CardItem::paintFaults(QPainter& p, double x) const {
  if (faults_ == 0) return x;
  const QFont font = Theme::instance().caption();
  const QString shown = faults_ == 1 ? QObject::tr("1 fault") : QObject::tr("%1 faults").arg(faults_);
  const double width = QFontMetricsF(font).horizontalAdvance(shown) + 12;
  const QRectF tag(x, card_.rect.top() + card_.titleHeight / 2 - 8, width, 16);
  p.setPen(line(tone(Tone::Danger)));
  p.setBrush(Theme::mix(tone(Tone::Surface), tone(Tone::Danger), 0.14));
  p.drawRoundedRect(crisp(tag), 4, 4);
  p.setFont(font);
  p.setPen(tone(Tone::Danger));
  p.drawText(tag, Qt::AlignCenter, shown);
  return x + width + 10;
}

void CardItem::paintTitle(QPainter& p) const {
  const Theme& theme = Theme::instance();
  const bool bar = card_.kind == CanvasCard::Kind::Bar, frame = card_.kind == CanvasCard::Kind::Repeat;
  const double baseline = card_.rect.top() + card_.titleHeight / 2 + 5;
  const double end = card_.hasShares ? shareX_[0] - 10 : card_.rect.right() - (card_.foldable ? 30 : 10);
  double x = bar || frame ? kSpineX + 16 : card_.rect.left() + 15;
  x = words(p, x, baseline, card_.title, theme.title(), tone(card_.bypassed ? Tone::Muted : Tone::Text), end - x) + 8;
  if (frame) {
    const QRectF box = countBox();
    p.setPen(line(tone(Tone::Border)));
    p.setBrush(tone(Tone::Background));
    p.drawRoundedRect(crisp(box), 4, 4);
    p.setFont(theme.body());
    p.setPen(tone(Tone::Text));
    p.drawText(box, Qt::AlignCenter, QStringLiteral("× %1").arg(card_.count));
    p.setPen(tone(Tone::Muted));
    p.drawText(lessBox(), Qt::AlignCenter, QStringLiteral("−"));
    p.drawText(moreBox(), Qt::AlignCenter, QStringLiteral("+"));
    x = box.right() + 12;
  }
  if (bar) x = std::max(x, kSpineX + 116);
  if (card_.foldable) {
    const QPointF c = foldBox().center();
    p.setPen(QPen(tone(Tone::Muted), 1.2));
    if (card_.folded) p.drawPolyline(QPolygonF({c + QPointF(-2, -4), c + QPointF(2, 0), c + QPointF(-2, 4)}));
    else p.drawPolyline(QPolygonF({c + QPointF(-4, -2), c + QPointF(0, 2), c + QPointF(4, -2)}));
  }
  double tagRoom = 0;
  if (faults_ > 0) tagRoom = QFontMetricsF(theme.caption()).horizontalAdvance(QStringLiteral("00 faults")) + 22;
  x = words(p, x, baseline, card_.detail, theme.caption(), tone(Tone::Muted), end - tagRoom - x) + 10;
  paintFaults(p, x);
}

QRectF CardItem::countBox() const {
  if (card_.kind != CanvasCard::Kind::Repeat) return {};
  const Theme& theme = Theme::instance();
  const double x = kSpineX + 24 + QFontMetricsF(theme.title()).horizontalAdvance(card_.title);
  const double width = QFontMetricsF(theme.body()).horizontalAdvance(QStringLiteral("× %1").arg(card_.count)) + 52;
  return QRectF(x + 2, card_.rect.top() + card_.titleHeight / 2 - 11, width, 22);
}

QRectF CardItem::lessBox() const {
  const QRectF box = countBox();
  return box.isEmpty() ? QRectF() : QRectF(box.left(), box.top(), 22, box.height());
}

QRectF CardItem::moreBox() const {
  const QRectF box = countBox();
  return box.isEmpty() ? QRectF() : QRectF(box.right() - 22, box.top(), 22, box.height());
}

QRectF CardItem::foldBox() const {
  if (!card_.foldable) return {};
  return QRectF(card_.rect.right() - 24, card_.rect.top() + card_.titleHeight / 2 - 10, 20, 20);
}

void CardItem::paintShares(QPainter& p) const {
  const Theme& theme = Theme::instance();
  const double y = card_.rect.top() + card_.titleHeight / 2;
  const double shares[] = {card_.total, card_.active, card_.flops};
  const QColor hues[] = {tone(Tone::Dense), tone(Tone::Accent), tone(Tone::Attention)};
  for (int i = 0; i < 3; ++i) {
    p.setPen(Qt::NoPen);
    p.setBrush(tone(Tone::Border));
    p.drawRect(QRectF(shareX_[i], y - 2, 24, 4));
    p.setBrush(hues[i]);
    p.drawRect(QRectF(shareX_[i], y - 2, 24 * std::min(1.0, shares[i]), 4));
    words(p, shareX_[i] + 30, y + 4, percentText(shares[i]), theme.caption(), tone(Tone::Muted), 60);
  }
}

void CardItem::paintChips(QPainter& p) const {
  const QColor hue = Theme::instance().family(card_.family);
  for (const CanvasChip& chip : card_.chips) paintChip(p, chip, hue);
}

void CardItem::paintSlot(QPainter& p) const {
  const Theme& theme = Theme::instance();
  const QColor hue = theme.family(card_.family);
  const QRectF box = crisp(card_.rect);
  words(p, card_.rect.left(), card_.rect.top() - 8, card_.caption, theme.caption(), card_.filled ? hue : tone(Tone::Muted), 160);
  p.setPen(line(card_.filled ? hue : tone(Tone::Muted), Qt::CustomDashLine));
  p.setBrush(card_.filled ? Theme::mix(tone(Tone::Surface), hue, 0.14) : tone(Tone::Surface));
  p.drawRoundedRect(box, 4, 4);
  p.setPen(Qt::NoPen);
  p.setBrush(hue);
  p.drawRect(QRectF(box.left() + 6, box.top() + 6, 3, box.height() - 12));
  const double x = box.left() + 16, room = box.right() - x - 4;
  const QString both = (card_.title + QLatin1Char(' ') + card_.detail).trimmed();
  if (!card_.filled && QFontMetricsF(theme.caption()).horizontalAdvance(both) <= room) {
    words(p, x, box.center().y() + 4, both, theme.caption(), tone(Tone::Text), room);
  } else {  // a block of the design's own, or too little room for one line
    words(p, x, box.center().y() - 3, card_.title, card_.filled ? theme.title() : theme.caption(), tone(Tone::Text), room);
    words(p, x, box.center().y() + 12, card_.detail, theme.caption(), tone(Tone::Muted), room);
  }
  if (faults_ > 0) {
    p.setPen(line(tone(Tone::Danger)));
    p.setBrush(Qt::NoBrush);
    p.drawRoundedRect(box, 4, 4);
  }
}

}  // namespace serp::app
