// SPDX-License-Identifier: GPL-3.0-or-later
// The headline figures are the non-embedding ones; embedding and head stand in the remark.
#include "app/pages/design/cost_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>

#include "app/models/figures.h"
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
  row->addStretch(1);
  note_ = new QLabel;
  note_->setProperty("role", "caption");
  note_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  row->addWidget(note_);
}

void CostBar::setPlan(const Plan* plan, const QString& precision, bool stale) {
  const auto set = [&](int i, const QString& figure, const QString& remark) {
    const Cell& cell = cells_[static_cast<std::size_t>(i)];
    cell.figure->setText(figure);
    cell.remark->setText(remark);
    cell.remark->setToolTip(remark);
  };
  note_->setText(plan && stale ? tr("figures of the last text\nwithout faults") : QString());
  if (!plan) {
    for (int i = 0; i < 5; ++i) set(i, QStringLiteral("–"), {});
    return;
  }
  set(0, shortCount(static_cast<double>(plan->nonEmbeddingTotal)), tr("%1 with embedding").arg(shortCount(static_cast<double>(plan->total.paramsTotal))));
  set(1, shortCount(static_cast<double>(plan->nonEmbeddingActive)), tr("%1 with embedding").arg(shortCount(static_cast<double>(plan->total.paramsActive))));
  set(2, shortCount(plan->flopsForward), tr("%1 with backward").arg(shortCount(plan->flopsTraining)));
  set(3, bytesText(plan->peakBytes), tr("%1 × %2, %3").arg(plan->batch).arg(plan->context).arg(precision == QLatin1String("bfloat16") ? QStringLiteral("bf16") : QStringLiteral("fp32")));
  set(4, bytesText(static_cast<double>(plan->stateBytesPerSequence)), tr("per sequence"));
}

QString CostBar::figure(int index) const { return cells_[static_cast<std::size_t>(index)].figure->text(); }

void CostBar::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  for (const Cell& cell : cells_) cell.remark->setVisible(width() >= 1120);  // below, the remark is the tool tip
  for (const Cell& cell : cells_)
    if (width() < 1120) cell.figure->setToolTip(cell.remark->text());
}

void CostBar::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.fillRect(rect(), theme.color(Tone::Surface));
  p.fillRect(QRect(0, 0, width(), 1), theme.color(Tone::Border));
}

}  // namespace serp::app
