// SPDX-License-Identifier: GPL-3.0-or-later
// Cells of 34 px height: the glyph, and under each run of two or more tokens the number of its expert.
#include "app/routing_views/text_canvas.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kRow = 34, kGlyph = 19;

/// Whitespace and control bytes get a sign of their own, so that every token can be seen.
QString visible(const std::string& piece) {
  QString out;
  for (const QChar c : QString::fromUtf8(piece.data(), static_cast<qsizetype>(piece.size()))) {
    if (c == QLatin1Char(' ')) out += QChar(0x00B7);
    else if (c == QLatin1Char('\n')) out += QChar(0x21B5);
    else if (c == QLatin1Char('\t')) out += QChar(0x21E5);
    else if (c.unicode() < 32 || c == QChar::ReplacementCharacter) out += QChar(0x25AF);
    else out += c;
  }
  return out.isEmpty() ? QString(QChar(0x25AF)) : out;
}

}  // namespace

TextCanvas::TextCanvas(QWidget* parent) : QAbstractScrollArea(parent) {
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setAccessibleName(tr("Text coloured by expert"));
  setMinimumHeight(3 * kRow);
  viewport()->setAutoFillBackground(false);
  connect(&Theme::instance(), &Theme::changed, this, [this] { viewport()->update(); });
}

double TextCanvas::cellWidth() const { return QFontMetricsF(Theme::instance().code()).horizontalAdvance(QLatin1Char('m')) + 1; }

void TextCanvas::setText(const RoutedText* text, int layer, int experts) {
  pieces_.clear();
  expert_.clear();
  weight_.clear();
  entropy_.clear();
  label_.clear();
  experts_ = experts;
  const auto l = static_cast<std::size_t>(std::max(0, layer));
  if (text && l < text->expert.size()) {
    for (std::size_t i = 0; i < text->pieces.size(); ++i) {
      pieces_.push_back(visible(text->pieces[i]));
      expert_.push_back(i < text->expert[l].size() ? text->expert[l][i] : -1);
      weight_.push_back(l < text->weight.size() && i < text->weight[l].size() ? text->weight[l][i] : 0.0f);
      entropy_.push_back(l < text->entropy.size() && i < text->entropy[l].size() ? text->entropy[l][i] : NAN);
      const bool named = i < text->labels.size() && text->labels[i] < text->labelNames.size();
      label_.push_back(named ? QString::fromStdString(text->labelNames[text->labels[i]]) : QString());
    }
  }
  layOut();
}

void TextCanvas::setChosen(int token, int expert) {
  if (token == token_ && expert == chosen_) return;
  if (token != token_)
    for (const Cell& cell : cells_)
      if (cell.token == token) {
        QScrollBar* bar = verticalScrollBar();
        if (cell.row * kRow < bar->value()) bar->setValue(cell.row * kRow);
        else if ((cell.row + 1) * kRow > bar->value() + viewport()->height()) bar->setValue((cell.row + 1) * kRow - viewport()->height());
        break;
      }
  token_ = token;
  chosen_ = expert;
  viewport()->update();
}

void TextCanvas::setPinned(const QVector<int>& experts) {
  pinned_ = experts;
  viewport()->update();
}

QColor TextCanvas::hue(int expert) const {
  if (expert < 0) return {};
  if (experts_ <= 8) return Theme::instance().expert(expert);
  const auto at = pinned_.indexOf(expert);
  return at < 0 ? QColor() : Theme::instance().expert(static_cast<int>(at));
}

void TextCanvas::layOut() {
  cells_.clear();
  rowStart_.clear();
  columns_ = std::max(8, static_cast<int>(viewport()->width() / cellWidth()));
  int row = 0, column = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const int length = std::min(columns_, static_cast<int>(pieces_[i].size()));
    if (column + length > columns_) {
      ++row;
      column = 0;
    }
    if (column == 0) rowStart_.push_back(cells_.size());
    cells_.push_back({static_cast<int>(i), row, column, length});
    column += length;
  }
  const int height = cells_.empty() ? 0 : (row + 1) * kRow;
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(kRow);
  verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
  viewport()->update();
}

void TextCanvas::resizeEvent(QResizeEvent* event) {
  QAbstractScrollArea::resizeEvent(event);
  layOut();
}

void TextCanvas::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(viewport());
  if (pieces_.empty()) {
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Muted));
    return p.drawText(viewport()->rect().adjusted(16, 0, -16, 0), Qt::AlignCenter | Qt::TextWordWrap, emptyText_), void();
  }
  const double width = cellWidth();
  const int offset = verticalScrollBar()->value();
  const int first = offset / kRow, last = (offset + viewport()->height()) / kRow;
  const QColor surface = theme.color(Tone::Surface), text = theme.color(Tone::Text), muted = theme.color(Tone::Muted);
  for (int row = first; row <= last && static_cast<std::size_t>(row) < rowStart_.size(); ++row) {
    const std::size_t begin = rowStart_[static_cast<std::size_t>(row)];
    const std::size_t end = static_cast<std::size_t>(row) + 1 < rowStart_.size() ? rowStart_[static_cast<std::size_t>(row) + 1] : cells_.size();
    const double y = row * kRow - offset;
    p.setFont(theme.code());
    for (std::size_t i = begin; i < end; ++i) {
      const Cell& cell = cells_[i];
      const auto t = static_cast<std::size_t>(cell.token);
      const QRectF box(std::floor(cell.column * width), y, std::ceil(cell.length * width), kGlyph);
      const QColor h = hue(expert_[t]);
      const bool strong = chosen_ >= 0 && expert_[t] == chosen_;
      const double amount = 0.15 + 0.5 * std::clamp(static_cast<double>(weight_[t]), 0.0, 1.0);
      if (h.isValid()) p.fillRect(box, strong ? Theme::mix(surface, h, 0.85) : Theme::mix(surface, h, amount));
      else p.fillRect(box, strong ? Theme::mix(surface, text, 0.45) : Theme::mix(surface, muted, 0.12 + 0.12 * static_cast<double>(weight_[t])));
      p.setPen(strong && h.isValid() ? (h.lightness() > 140 ? QColor(theme.color(Tone::Background).lightness() < 128 ? theme.color(Tone::Background) : text) : text) : text);
      p.drawText(box, Qt::AlignCenter, pieces_[t].left(cell.length));
      if (cell.token == token_) {
        p.setPen(text);
        p.setBrush(Qt::NoBrush);
        p.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5));
      }
    }
    p.setFont(theme.caption());
    for (std::size_t i = begin; i < end;) {  // runs of the same expert
      std::size_t stop = i + 1;
      const int expert = expert_[static_cast<std::size_t>(cells_[i].token)];
      while (stop < end && expert_[static_cast<std::size_t>(cells_[stop].token)] == expert) ++stop;
      const double left = cells_[i].column * width, right = (cells_[stop - 1].column + cells_[stop - 1].length) * width;
      if (expert >= 0 && right - left >= 2 * width - 0.5) {
        const QColor h = hue(expert);
        p.setPen(expert == chosen_ ? text : h.isValid() ? Theme::mix(text, h, 0.55) : muted);
        p.drawText(QRectF(left - 8, y + kGlyph - 1, right - left + 16, kRow - kGlyph - 1), Qt::AlignHCenter | Qt::AlignTop, QString::number(expert));
      }
      i = stop;
    }
  }
}

int TextCanvas::tokenAt(QPoint position) const {
  const int row = (position.y() + verticalScrollBar()->value()) / kRow, column = static_cast<int>(position.x() / cellWidth());
  if (row < 0 || static_cast<std::size_t>(row) >= rowStart_.size()) return -1;
  for (std::size_t i = rowStart_[static_cast<std::size_t>(row)]; i < cells_.size() && cells_[i].row == row; ++i)
    if (column >= cells_[i].column && column < cells_[i].column + cells_[i].length) return cells_[i].token;
  return -1;
}

void TextCanvas::mousePressEvent(QMouseEvent* event) {
  if (const int token = tokenAt(event->pos()); token >= 0) Q_EMIT tokenClicked(token);
}

bool TextCanvas::viewportEvent(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    auto* help = static_cast<QHelpEvent*>(event);
    const int token = tokenAt(help->pos());
    if (token < 0) {
      QToolTip::hideText();
      return true;
    }
    const auto t = static_cast<std::size_t>(token);
    QString tip = tr("“%1” at %2: expert %3, weight %4").arg(pieces_[t]).arg(token).arg(expert_[t]).arg(fixedText(static_cast<double>(weight_[t]), 2));
    if (std::isfinite(entropy_[t])) tip += tr(", entropy %1 nats").arg(fixedText(static_cast<double>(entropy_[t]), 2));
    if (!label_[t].isEmpty()) tip += QStringLiteral("\n") + label_[t];
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
  }
  return QAbstractScrollArea::viewportEvent(event);
}

}  // namespace serp::app
