// SPDX-License-Identifier: GPL-3.0-or-later
// A plot as a file: pictures at their final size (never scaled up), and every logged point as CSV.
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QSvgGenerator>
#include <QTextStream>
#include <cmath>

#include "app/widgets/plot_impl.h"

namespace serp::app {
namespace {

QString quoted(QString field) {
  if (!field.contains(QLatin1Char(',')) && !field.contains(QLatin1Char('"'))) return field;
  return QLatin1Char('"') + field.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
}

}  // namespace

bool PlotView::exportTo(const QString& file, QSize size, QString* error) {
  const QString kind = QFileInfo(file).suffix().toLower();
  const auto fail = [&](const QString& why) {
    if (error) *error = QStringLiteral("%1: %2").arg(file, why);
    return false;
  };
  if (kind == QLatin1String("csv")) {
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly | QIODevice::Text)) return fail(out.errorString());
    QTextStream text(&out);
    text.setRealNumberPrecision(17);
    text << "curve," << quoted(impl_->xLabel.isEmpty() ? QStringLiteral("x") : impl_->xLabel) << ','
         << quoted(impl_->yLabel.isEmpty() ? QStringLiteral("y") : impl_->yLabel) << ",smoothed\n";
    for (const Impl::Curve& curve : impl_->curves) {
      if (!curve.visible) continue;
      const auto& x = curve.data.x();
      for (std::size_t i = 0; i < x.size(); ++i)
        text << quoted(curve.style.name) << ',' << x[i] << ',' << curve.data.y()[i] << ',' << curve.data.smoothed()[i] << '\n';
    }
    text.flush();
    return out.commit() || fail(out.errorString());
  }

  QCustomPlot* plot = impl_->plot;
  const QRect viewport = plot->viewport();
  const double cursor = std::exchange(impl_->overlay.cursor, std::numeric_limits<double>::quiet_NaN());
  // Thinned for the size of the picture, not for the widget's; a vector picture gets four times as many points.
  impl_->ranges();
  impl_->feed(kind == QLatin1String("png") ? size.width() : size.width() * 4);
  impl_->placeCursor();
  bool done = false;
  QString why = QStringLiteral("the picture cannot be written");
  if (kind == QLatin1String("png")) {
    done = plot->toPixmap(size.width(), size.height(), 1.0).save(file, "PNG");
  } else if (kind == QLatin1String("pdf")) {
    done = plot->savePdf(file, size.width(), size.height(), QCP::epAllowCosmetic, QStringLiteral("Serpentarium"), impl_->name);
  } else if (kind == QLatin1String("svg")) {
    QSvgGenerator svg;
    svg.setFileName(file);
    svg.setTitle(impl_->name);
    svg.setSize(size);
    svg.setViewBox(QRect(QPoint(), size));
    QCPPainter painter;
    if (painter.begin(&svg)) {
      painter.setMode(QCPPainter::pmVectorized);
      plot->toPainter(&painter, size.width(), size.height());
      done = painter.end();
    }
  } else {
    why = QStringLiteral("the ending must be .png, .svg, .pdf or .csv");
  }
  impl_->overlay.cursor = cursor;
  plot->setViewport(viewport);
  refresh();
  return done || fail(why);
}

}  // namespace serp::app
