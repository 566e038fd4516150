// SPDX-License-Identifier: GPL-3.0-or-later
// The headline figures are the non-embedding ones; embedding and head stand in the remark.
#include "app/pages/design/cost_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>
#include <cmath>

#include "app/models/figures.h"
#include "app/pages/design/pinned.h"
#include "app/style/theme.h"

namespace serp::app {

CostBar::CostBar(QWidget* parent) : QWidget(parent) {
  setFixedHeight(56);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(16, 4, 16, 4);
  row->setSpacing(16);
  const QString captions[] = {tr("Total parameters"), tr("Active parameters"), tr("FLOPs / token"), tr("Memory, training"), tr("Decode state")};
  const QString tips[] = {tr("Parameters of all blocks and norms, without embedding and head"),
                          tr("Of these, the ones a single token visits: the router and top_k experts per expert layer"),
                          tr("Forward pass, embedding excluded, head included; training costs three times as much"),
                          tr("Weights, gradients, two moments of AdamW and estimated activations of one batch"),
                          tr("What one sequence keeps between tokens while text is generated")};
  for (int i = 0; i < 5; ++i) {
    if (i > 0) {
      auto* line = new QFrame;
      line->setProperty("role", "separator");
      line->setFixedSize(1, 40);
      row->addWidget(line);
    }
    Cell cell{new QLabel(captions[i]), new QLabel(QStringLiteral("–")), new QLabel};
    cell.caption->setProperty("role", "caption");
    cell.figure->setProperty("role", "figure");
    cell.remark->setProperty("role", "caption");
    cell.remark->setContentsMargins(0, 0, 0, 3);  // on the figure's base line
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    column->addWidget(cell.caption);
    auto* line = new QHBoxLayout;
    line->setSpacing(8);
    line->addWidget(cell.figure);
    line->addWidget(cell.remark, 0, Qt::AlignBottom);
    line->addStretch();
    column->addLayout(line);
    row->addLayout(column);
    for (QWidget* w : {static_cast<QWidget*>(cell.caption), static_cast<QWidget*>(cell.figure)}) w->setToolTip(tips[i]);
    cell.figure->setAccessibleName(captions[i]);
    cells_.push_back(cell);
  }
  note_ = new QLabel;
  note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);   // the figures come first; what does not fit is in the tool tip
  note_->setProperty("role", "caption");
  note_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  row->addWidget(note_, 1);
  equalise_ = new QPushButton(tr("Equalise"));
  equalise_->setAccessibleName(tr("Equalise with the pinned design"));
  equalise_->hide();
  connect(equalise_, &QPushButton::clicked, this, &CostBar::equaliseWanted);
  row->addWidget(equalise_);
  pin_ = new QToolButton;
  pin_->setText(tr("Compare  ▾"));
  pin_->setAccessibleName(tr("Compare costs with a pinned design"));
  pin_->setStyleSheet(QStringLiteral("QToolButton::menu-indicator { image: none; }"));
  pin_->setToolTip(tr("Pin a design to compare costs with; then widths can be solved to match it"));
  pin_->setPopupMode(QToolButton::InstantPopup);
  row->addWidget(pin_);
}

void CostBar::setPinned(Pinned* pinned) {
  pinned_ = pinned;
  auto* menu = new QMenu(pin_);
  connect(menu, &QMenu::aboutToShow, this, [this, menu] { pinned_->fill(menu); });
  pin_->setMenu(menu);
}

void CostBar::showPinned(const Plan* plan) {
  const bool on = pinned_ && pinned_->isPinned() && plan && !stale_;
  equalise_->setVisible(on);
  showRemarks();
  if (!on) return;
  equalise_->setText(tr("Equalise with %1").arg(pinned_->title().left(20)));
  layout()->activate();
  const auto percent = [](double own, double other) {
    const double by = other > 0 ? (own / other - 1) * 100 : 0;
    return QStringLiteral("%1%2 %").arg(by < 0 ? QStringLiteral("−") : QStringLiteral("+")).arg(std::abs(by), 0, 'f', 1);
  };
  const Plan& other = *pinned_->plan();
  QString note = tr("against %1: active %2, FLOPs %3")
                     .arg(pinned_->title(), percent(static_cast<double>(plan->nonEmbeddingActive), static_cast<double>(other.nonEmbeddingActive)), percent(plan->flopsForward, other.flopsForward));
  const auto& offer = pinned_->offer();
  if (offer) {
    const EqualisedChange& first = offer->changes.front();
    note += QStringLiteral("\n%1 %2 → %3").arg(QString::fromStdString(first.key), QString::fromStdString(first.before), QString::fromStdString(first.after));
    if (offer->changes.size() > 1) note += tr(" in %1 places").arg(offer->changes.size());
  } else if (!pinned_->fault().isEmpty()) {
    note += QLatin1Char('\n') + pinned_->fault();
  }
  showNote(note);
  equalise_->setEnabled(offer.has_value());
}

void CostBar::setPlan(const Plan* plan, const QString& precision, bool stale) {
  const auto set = [&](int i, const QString& figure, const QString& remark) {
    const Cell& cell = cells_[static_cast<std::size_t>(i)];
    cell.figure->setText(figure);
    cell.remark->setText(remark);
    cell.remark->setToolTip(remark);
  };
  stale_ = stale;
  showNote(plan && stale ? tr("not all faults are mended:\nfigures may change") : QString());
  if (!plan) {
    equalise_->hide();
    for (int i = 0; i < 5; ++i) set(i, QStringLiteral("–"), {});
    return;
  }
  set(0, shortCount(static_cast<double>(plan->nonEmbeddingTotal)), tr("%1 with embedding").arg(shortCount(static_cast<double>(plan->total.paramsTotal))));
  set(1, shortCount(static_cast<double>(plan->nonEmbeddingActive)), tr("%1 with embedding").arg(shortCount(static_cast<double>(plan->total.paramsActive))));
  set(2, shortCount(plan->flopsForward), tr("%1 with backward").arg(shortCount(plan->flopsTraining)));
  set(3, bytesText(plan->peakBytes), tr("%1 × %2, %3").arg(plan->batch).arg(plan->context).arg(precision == QLatin1String("bfloat16") ? QStringLiteral("bf16") : QStringLiteral("fp32")));
  set(4, bytesText(static_cast<double>(plan->stateBytesPerSequence)), tr("per sequence"));
  cells_[3].caption->setToolTip(tr("Weights %1, gradients %1, optimizer %2, activations %3 (estimate)\nfor a batch of %4 sequences of %5 tokens")
                                    .arg(bytesText(plan->weightBytes), bytesText(plan->optimizerBytes), bytesText(plan->activationBytes))
                                    .arg(plan->batch).arg(plan->context));
  showPinned(plan);
}

QString CostBar::figure(int index) const { return cells_[static_cast<std::size_t>(index)].figure->text(); }

void CostBar::showNote(const QString& note) {
  full_ = note;
  note_->setToolTip(note);
  QStringList lines;
  for (const QString& line : note.split(QLatin1Char('\n'))) lines << note_->fontMetrics().elidedText(line, Qt::ElideRight, note_->width());
  note_->setText(lines.join(QLatin1Char('\n')));
}

/// In a narrow window, and beside a comparison, the remarks are tool tips.
void CostBar::showRemarks() {
  const bool room = width() >= (equalise_->isVisibleTo(this) ? 1640 : 1120);
  for (const Cell& cell : cells_) {
    cell.remark->setVisible(room);
    if (!room) cell.figure->setToolTip(cell.remark->text());
  }
}

void CostBar::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  showRemarks();
  QTimer::singleShot(0, this, [this] { showNote(full_); });   // once the note has its new width
}

void CostBar::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.fillRect(rect(), theme.color(Tone::Surface));
  p.fillRect(QRect(0, 0, width(), 1), theme.color(Tone::Border));
}

}  // namespace serp::app
