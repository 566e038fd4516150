// SPDX-License-Identifier: GPL-3.0-or-later
// Painting of the balance numbers; values past a limit are in red and keep their number.
#include "app/routing_views/balance_table.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kLabel = 58, kColumn = 36, kRows = 7;

QString cell(const Balance& b, int row) {
  switch (row) {
    case 1: return fixedText(b.variation, 2);
    case 2: return fixedText(b.maxViolation, 2);
    case 3: return fixedText(b.entropy, 2);
    case 4: return fixedText(100 * b.dead, 0);
    case 5: return fixedText(100 * b.drop, 1);
    case 6: return fixedText(100 * b.fill, 0);
    default: return {};
  }
}

bool alarming(const Balance& b, int row) { return (row == 2 && b.maxViolation > 1) || (row == 4 && b.dead > 0); }

}  // namespace

BalanceTable::BalanceTable(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Balance of each layer at the cursor"));
  setMouseTracking(true);
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void BalanceTable::setLayers(std::vector<Balance> layers, QStringList names, int current) {
  layers_ = std::move(layers);
  names_ = std::move(names);
  current_ = current;
  update();
}

int BalanceTable::fitting() const { return std::max(1, (width() - kLabel) / kColumn); }

int BalanceTable::firstShown() const {
  const int count = static_cast<int>(layers_.size());
  return std::clamp(current_ - fitting() / 2, 0, std::max(0, count - fitting()));
}

void BalanceTable::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  const int row = std::min(26, height() / kRows);
  const QString labels[] = {tr("layer"), tr("CV"), tr("MaxVio"), tr("entropy"), tr("dead %"), tr("drop %"), tr("fill %")};
  const int first = firstShown(), shown = std::min(fitting(), static_cast<int>(layers_.size()));
  const int current = current_ - first;
  if (current >= 0 && current < shown) {
    p.setPen(Qt::NoPen);
    p.setBrush(theme.color(Tone::Raised));
    p.drawRoundedRect(QRect(kLabel + current * kColumn + 1, 0, kColumn - 2, row * kRows), 4, 4);
  }
  for (int r = 0; r < kRows; ++r) {
    p.setFont(theme.caption());
    p.setPen(theme.color(Tone::Muted));
    p.drawText(QRect(0, r * row, kLabel, row), Qt::AlignLeft | Qt::AlignVCenter, labels[r]);
    for (int c = 0; c < shown; ++c) {
      const int layer = first + c;
      const Balance& b = layers_[static_cast<std::size_t>(layer)];
      QFont font = theme.caption();
      font.setBold(c == current);
      p.setFont(font);
      p.setPen(r > 0 && alarming(b, r) ? theme.color(Tone::Danger) : c == current ? theme.color(Tone::Text) : theme.color(Tone::Muted));
      const QString text = r == 0 ? names_.value(layer).section(QLatin1Char(' '), -1) : cell(b, r);
      p.drawText(QRect(kLabel + c * kColumn, r * row, kColumn - 5, row), Qt::AlignRight | Qt::AlignVCenter, text);
    }
    if (r == 0 && first > 0) p.drawText(QRect(kLabel - 12, 0, 12, row), Qt::AlignCenter, QStringLiteral("‹"));
    if (r == 0 && first + shown < static_cast<int>(layers_.size())) p.drawText(QRect(kLabel + shown * kColumn - 6, 0, 12, row), Qt::AlignCenter, QStringLiteral("›"));
    if (r > 0) p.fillRect(QRect(0, r * row, kLabel + shown * kColumn, 1), theme.grid());
  }
}

void BalanceTable::mousePressEvent(QMouseEvent* event) {
  const int column = static_cast<int>((event->position().x() - kLabel) / kColumn);
  if (event->position().x() >= kLabel && firstShown() + column < static_cast<int>(layers_.size())) Q_EMIT clicked(firstShown() + column);
}

bool BalanceTable::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    auto* help = static_cast<QHelpEvent*>(event);
    const QString tips[] = {tr("Expert layers in order of execution"),
                            tr("CV: standard deviation of the tokens per expert over their mean; 0 = all alike"),
                            tr("MaxVio: load of the busiest expert over fair share, minus 1; 0 = all alike"),
                            tr("Entropy of the router's probabilities, mean over tokens, in nats; ln E = undecided"),
                            tr("Experts that got no token in this window"),
                            tr("Tokens an expert was chosen for but had no slot for"),
                            tr("Slots that held a token; – without a capacity limit")};
    const int row = std::clamp(help->pos().y() / std::max(1, std::min(26, height() / kRows)), 0, kRows - 1);
    QToolTip::showText(help->globalPos(), tips[row], this);
    return true;
  }
  return QWidget::event(event);
}

}  // namespace serp::app
