// SPDX-License-Identifier: GPL-3.0-or-later
// Paints how far a run is.
#include "app/widgets/progress_strip.h"

#include <QPainter>
#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {

ProgressStrip::ProgressStrip(QWidget* parent) : QWidget(parent) {
  setFixedHeight(24);
  setMinimumWidth(64);
  setAccessibleName(tr("Progress"));
  connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void ProgressStrip::setProgress(qint64 done, qint64 budget) {
  if (done == done_ && budget == budget_) return;
  done_ = done;
  budget_ = budget;
  setToolTip(budget > 0 ? tr("%1 of %2 steps; ticks are live edits, dots are checkpoints").arg(done).arg(budget) : QString());
  update();
}

void ProgressStrip::setMarks(std::vector<qint64> edits, std::vector<qint64> saves) {
  if (edits == edits_ && saves == saves_) return;
  edits_ = std::move(edits);
  saves_ = std::move(saves);
  update();
}

void ProgressStrip::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(Qt::NoPen);
  const double y = height() / 2.0 - 2, w = width();
  p.setBrush(theme.color(Tone::Border));
  p.drawRoundedRect(QRectF(0, y, w, 4), 2, 2);
  if (budget_ <= 0) return;
  const auto at = [&](qint64 step) { return w * static_cast<double>(std::min(step, budget_)) / static_cast<double>(budget_); };
  p.setBrush(theme.color(Tone::Accent));
  if (done_ > 0) p.drawRoundedRect(QRectF(0, y, std::max(4.0, at(done_)), 4), 2, 2);
  p.setBrush(theme.color(Tone::Muted));
  for (const qint64 step : saves_) p.drawEllipse(QPointF(std::clamp(at(step), 2.0, w - 2), y + 10), 1.5, 1.5);
  p.setRenderHint(QPainter::Antialiasing, false);
  for (const qint64 step : edits_) p.fillRect(QRectF(std::round(at(step)), y - 3, 1, 10), theme.color(Tone::Experts));
}

}  // namespace serp::app
