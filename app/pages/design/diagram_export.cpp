// SPDX-License-Identifier: GPL-3.0-or-later
// SVG as it is; the other formats are rendered from it.
#include "app/pages/design/diagram_export.h"

#include <QPainter>
#include <QPdfWriter>
#include <QSvgRenderer>
#include <algorithm>

#include "app/pages/picture.h"

namespace serp::app {

bool writeDiagram(const Plan& plan, const QString& file, QString* error) {
  const QByteArray svg = QByteArray::fromStdString(planSvg(plan));
  if (file.endsWith(QLatin1String(".svg"), Qt::CaseInsensitive)) return writeText(QString::fromUtf8(svg), file, error);
  QSvgRenderer renderer(svg);
  const QSize size = renderer.defaultSize();
  if (file.endsWith(QLatin1String(".pdf"), Qt::CaseInsensitive)) {
    QPdfWriter pdf(file);
    pdf.setPageSize(QPageSize(QSizeF(size) * 0.75, QPageSize::Point));   // 96 pixels are 72 points
    pdf.setPageMargins(QMarginsF());
    pdf.setTitle(QString::fromStdString(plan.name));
    QPainter p;
    if (!p.begin(&pdf)) return *error = QObject::tr("%1 cannot be written").arg(file), false;
    renderer.render(&p);
    return p.end();
  }
  // Twice the size, for screens and slides; a very long design as large as a picture may be.
  const double scale = std::min(2.0, 30000.0 / std::max(1, size.height()));
  QImage image((QSizeF(size) * scale).toSize(), QImage::Format_ARGB32_Premultiplied);
  image.fill(Qt::white);
  QPainter p(&image);
  renderer.render(&p);
  p.end();
  if (image.save(file)) return true;
  *error = QObject::tr("%1 cannot be written").arg(file);
  return false;
}

}  // namespace serp::app
