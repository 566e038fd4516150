// SPDX-License-Identifier: GPL-3.0-or-later
// Labellings of the tokens, their information about the expert, and the bars.
#include "app/routing_views/nmi_bars.h"

#include <QHash>
#include <QPainter>
#include <algorithm>
#include <random>

#include "app/models/figures.h"
#include "app/routing_views/quantities.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kRow = 18, kBuckets = 8;

}  // namespace

int tokenClass(const QString& piece) {
  for (const QChar c : piece) {
    if (c.isSpace()) continue;
    if (c.isDigit()) return 3;
    if (c.isUpper()) return 2;
    if (c.isLetter()) return 1;
    return c.isPunct() || c.isSymbol() ? 4 : 5;
  }
  return 0;
}

std::vector<NmiRow> mutualInformationRows(const RoutedText& text, std::size_t layer) {
  if (layer >= text.expert.size()) return {};
  const auto& chosen = text.expert[layer];
  const std::size_t n = std::min(chosen.size(), text.pieces.size());
  if (n == 0) return {};
  std::vector<int> experts(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(n)), ids, classes, tongues, places;
  QHash<QString, int> known;
  for (std::size_t i = 0; i < n; ++i) {
    const QString piece = QString::fromStdString(text.pieces[i]);
    ids.push_back(known.contains(piece) ? known.value(piece) : *known.insert(piece, static_cast<int>(known.size())));
    classes.push_back(tokenClass(piece));
    places.push_back(static_cast<int>(i * kBuckets / n));
    if (i < text.labels.size()) tongues.push_back(text.labels[i]);
  }
  std::vector<NmiRow> rows;
  const auto add = [&](const QString& name, const std::vector<int>& labels) {
    NmiRow row{name, mutualInformation(labels, experts), 0};
    std::vector<int> other = experts;
    std::mt19937 random(1);                      // the same null every time: a number that flickers says nothing
    for (int k = 0; k < kShuffles; ++k) {
      std::shuffle(other.begin(), other.end(), random);
      row.shuffled += mutualInformation(labels, other) / kShuffles;
    }
    rows.push_back(std::move(row));
  };
  add(QObject::tr("token id"), ids);
  add(QObject::tr("token class"), classes);
  if (tongues.size() == n && !text.labelNames.empty()) add(QObject::tr("tongue"), tongues);
  add(QObject::tr("place in the text"), places);
  return rows;
}

NmiBars::NmiBars(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Normalised mutual information of the expert with properties of the token"));
  setToolTip(tr("Normalised mutual information of a token's expert with its id, its class (space, letter, capital, digit, mark), its tongue and its eighth of "
                "the text: 0 = tells nothing, 1 = tells all. The tick and the grey number are the mean after shuffling the experts %1 times.").arg(kShuffles));
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void NmiBars::setRows(std::vector<NmiRow> rows) {
  const bool grown = rows.size() != rows_.size();
  rows_ = std::move(rows);
  if (grown) updateGeometry();
  update();
}

QSize NmiBars::minimumSizeHint() const { return {160, rows_.empty() ? 0 : kRow * (static_cast<int>(rows_.size()) + 1)}; }

void NmiBars::paintEvent(QPaintEvent*) {
  if (rows_.empty()) return;
  const Theme& theme = Theme::instance();
  QPainter p(this);
  const int number = 58, first = std::min(150, width() * 2 / 5), barLeft = first + 2 * number + 16, barWidth = width() - barLeft - 4;
  p.setFont(theme.caption());
  p.setPen(theme.color(Tone::Muted));
  p.drawText(QRect(0, 0, first, kRow), Qt::AlignLeft | Qt::AlignVCenter, tr("NMI of the expert with"));
  p.drawText(QRect(first, 0, number, kRow), Qt::AlignRight | Qt::AlignVCenter, tr("measured"));
  p.drawText(QRect(first + number, 0, number, kRow), Qt::AlignRight | Qt::AlignVCenter, tr("shuffled"));
  int y = kRow;
  for (const NmiRow& row : rows_) {
    const bool above = row.measured > 1.5 * row.shuffled;
    p.setFont(theme.body());
    p.setPen(theme.color(Tone::Text));
    p.drawText(QRect(0, y, first, kRow), Qt::AlignLeft | Qt::AlignVCenter, QFontMetrics(theme.body()).elidedText(row.name, Qt::ElideRight, first - 4));
    QFont strong = theme.body();
    if (above) strong.setWeight(QFont::DemiBold);
    p.setFont(strong);
    p.setPen(theme.color(above ? Tone::Text : Tone::Muted));
    p.drawText(QRect(first, y, number, kRow), Qt::AlignRight | Qt::AlignVCenter, fixedText(row.measured, 3));
    p.setFont(theme.body());
    p.setPen(theme.color(Tone::Muted));
    p.drawText(QRect(first + number, y, number, kRow), Qt::AlignRight | Qt::AlignVCenter, fixedText(row.shuffled, 3));
    if (barWidth > 24) {
      const auto at = [&](double v) { return barLeft + static_cast<int>(std::clamp(v, 0.0, 1.0) * barWidth); };
      p.fillRect(QRect(barLeft, y + kRow / 2 - 2, barWidth, 4), theme.color(Tone::Raised));
      p.fillRect(QRect(barLeft, y + kRow / 2 - 2, at(row.measured) - barLeft, 4), theme.color(Tone::Attention));
      p.fillRect(QRect(at(row.shuffled), y + kRow / 2 - 5, 1, 10), theme.color(Tone::Text));
    }
    y += kRow;
  }
}

}  // namespace serp::app
