// SPDX-License-Identifier: GPL-3.0-or-later
// Painting of the load legend.
#include "app/routing_views/load_legend.h"

#include <QFontMetrics>
#include <QPainter>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kBar = 96, kHatch = 14, kGap = 6;
constexpr double kTop = 1.8;                     // the map's colours end here

QString notLogged() { return QObject::tr("not logged"); }

}  // namespace

LoadLegend::LoadLegend(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
  setAccessibleName(tr("Colours: blue below the fair share, amber above it, hatched where nothing was logged"));
  setToolTip(accessibleName());
  connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

QSize LoadLegend::sizeHint() const {
  const QFontMetrics metrics(Theme::instance().caption());
  return {metrics.horizontalAdvance(QStringLiteral("0")) + kBar + metrics.horizontalAdvance(QStringLiteral("1.8+")) + kHatch + metrics.horizontalAdvance(notLogged()) + 5 * kGap, 24};
}

void LoadLegend::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  const QFontMetrics metrics(theme.caption());
  p.setFont(theme.caption());
  int x = 0;
  const auto word = [&](const QString& text) {
    p.setPen(theme.color(Tone::Muted));
    const int width = metrics.horizontalAdvance(text);
    p.drawText(QRect(x, 0, width + 2, height()), Qt::AlignLeft | Qt::AlignVCenter, text);
    x += width + kGap;
  };
  word(QStringLiteral("0"));
  const int top = height() / 2 - 4;
  for (int i = 0; i < kBar; ++i) p.fillRect(QRect(x + i, top, 1, 8), theme.load(kTop * i / (kBar - 1)));
  const int fair = x + static_cast<int>(kBar / kTop);
  p.fillRect(QRect(fair, top - 3, 1, 14), theme.color(Tone::Muted));   // 1 = the fair share
  x += kBar + kGap;
  word(QStringLiteral("1.8+"));
  x += kGap;
  const QRect hatch(x, top, kHatch, 8);
  p.fillRect(hatch, QBrush(Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.55), Qt::BDiagPattern));
  p.setPen(theme.color(Tone::Border));
  p.drawRect(hatch);
  x += kHatch + kGap;
  word(notLogged());
}

}  // namespace serp::app
