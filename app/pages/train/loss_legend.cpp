// SPDX-License-Identifier: GPL-3.0-or-later
// A row of signs with their names.
#include "app/pages/train/loss_legend.h"

#include <QPainter>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kSign = 14, kGap = 4, kBetween = 8;
const char* const kNames[] = {QT_TR_NOOP("raw"), QT_TR_NOOP("smoothed"), QT_TR_NOOP("held-out"), QT_TR_NOOP("live edit")};

}  // namespace

LossLegend::LossLegend(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Legend"));
  setAccessibleDescription(tr("faint line: raw; line: smoothed; disc: held-out; dashed upright: live edit"));
  connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

QSize LossLegend::sizeHint() const {
  const QFontMetrics metrics(Theme::instance().caption());
  int width = 0;
  for (const char* name : kNames) width += kSign + kGap + metrics.horizontalAdvance(tr(name)) + kBetween;
  return {width, 20};
}

void LossLegend::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.setFont(theme.caption());
  const QFontMetrics metrics(theme.caption());
  const QColor hue = theme.curve(0), surface = theme.color(Tone::Surface);
  double x = 0;
  const double y = height() / 2;
  for (int i = 0; i < 4; ++i) {
    p.setRenderHint(QPainter::Antialiasing, i == 2);
    p.setBrush(Qt::NoBrush);
    if (i < 2) {
      p.setPen(QPen(i == 0 ? Theme::mix(surface, hue, 0.38) : hue, 1));
      p.drawLine(QPointF(x, y), QPointF(x + kSign, y));
    } else if (i == 2) {
      p.setPen(QPen(hue, 1));
      p.drawEllipse(QPointF(x + kSign / 2.0, y + 0.5), 3.5, 3.5);
    } else {
      QPen pen(theme.color(Tone::Experts), 1);
      pen.setDashPattern({2, 3});
      p.setPen(pen);
      p.drawLine(QPointF(x + kSign / 2.0, y - 6), QPointF(x + kSign / 2.0, y + 6));
    }
    p.setPen(theme.color(Tone::Muted));
    const QString name = tr(kNames[i]);
    p.drawText(QRectF(x + kSign + kGap, 0, metrics.horizontalAdvance(name) + 2, height()), Qt::AlignLeft | Qt::AlignVCenter, name);
    x += kSign + kGap + metrics.horizontalAdvance(name) + kBetween;
  }
}

}  // namespace serp::app
