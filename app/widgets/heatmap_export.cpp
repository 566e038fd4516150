// SPDX-License-Identifier: GPL-3.0-or-later
// A heat map as a picture of any size, or as numbers.
#include <QFileInfo>
#include <QPainter>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <QTextStream>
#include <cmath>

#include "app/style/theme.h"
#include "app/widgets/heatmap_view.h"

namespace serp::app {

bool HeatmapView::exportTo(const QString& file, QSize size, QString* error) {
  const QString kind = QFileInfo(file).suffix().toLower();
  const auto fail = [&](const QString& why) {
    if (error) *error = QStringLiteral("%1: %2").arg(file, why);
    return false;
  };
  const auto paint = [&](QPaintDevice* device) {
    QPainter painter;
    if (!painter.begin(device)) return false;
    painter.fillRect(QRect(QPoint(), size), Theme::instance().color(Tone::Surface));
    draw(painter, size);
    imageWidth_ = -1;
    return painter.end();
  };
  if (kind == QLatin1String("csv")) {
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly | QIODevice::Text)) return fail(out.errorString());
    QTextStream text(&out);
    text << "row,column,value\n";
    for (int r = 0; r < rows_; ++r)
      for (int c = 0; c < columns_; ++c) {
        text << '"' << (r < rowLabels_.size() ? rowLabels_[r] : QString::number(r)) << "\","
             << (c < columnLabels_.size() && !columnLabels_[c].isEmpty() ? columnLabels_[c] : QString::number(c)) << ',';
        if (std::isfinite(value(r, c))) text << value(r, c);
        text << '\n';
      }
    text.flush();
    return out.commit() || fail(out.errorString());
  }
  if (kind == QLatin1String("png")) {
    QImage image(size, QImage::Format_RGB32);
    return (paint(&image) && image.save(file, "PNG")) || fail(QStringLiteral("the picture cannot be written"));
  }
  if (kind == QLatin1String("svg")) {
    QSvgGenerator svg;
    svg.setFileName(file);
    svg.setSize(size);
    svg.setViewBox(QRect(QPoint(), size));
    svg.setTitle(accessibleName());
    return paint(&svg) || fail(QStringLiteral("the picture cannot be written"));
  }
  if (kind == QLatin1String("pdf")) {
    QPdfWriter pdf(file);
    pdf.setResolution(96);
    pdf.setPageSize(QPageSize(QSizeF(size) * 72.0 / 96.0, QPageSize::Point));
    pdf.setPageMargins({});
    return paint(&pdf) || fail(QStringLiteral("the picture cannot be written"));
  }
  return fail(QStringLiteral("the ending must be .png, .svg, .pdf or .csv"));
}

}  // namespace serp::app
