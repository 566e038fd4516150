// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of widgets: pixels at the screen's ratio, or vectors.
#include "app/pages/picture.h"

#include <QBuffer>
#include <QFileDialog>
#include <QFileInfo>
#include <QPainter>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <QToolButton>

#include "app/session/notices.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

bool writeBytes(const QByteArray& bytes, const QString& file, QString* error) {
  QSaveFile out(file);
  const bool done = out.open(QIODevice::WriteOnly) && out.write(bytes) == bytes.size() && out.commit();
  if (!done && error) *error = QObject::tr("%1 was not written: %2").arg(file, out.errorString());
  return done;
}

bool render(QWidget& widget, QPaintDevice& device) {
  QPainter painter;
  if (!painter.begin(&device)) return false;
  painter.fillRect(widget.rect(), Theme::instance().color(Tone::Surface));
  widget.render(&painter, {}, {}, QWidget::DrawChildren | QWidget::IgnoreMask);
  return painter.end();
}

}  // namespace

bool writePicture(QWidget& widget, const QString& file, QString* error) {
  const QString kind = QFileInfo(file).suffix().toLower();
  const QSize size = widget.size();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  bool drawn = false;
  if (kind == QLatin1String("png")) {
    drawn = widget.grab().save(&buffer, "PNG");
  } else if (kind == QLatin1String("svg")) {
    QSvgGenerator svg;
    svg.setOutputDevice(&buffer);
    svg.setSize(size);
    svg.setViewBox(QRect(QPoint(), size));
    svg.setTitle(widget.accessibleName());
    drawn = render(widget, svg);
  } else if (kind == QLatin1String("pdf")) {
    QPdfWriter pdf(&buffer);
    pdf.setResolution(96);
    pdf.setPageSize(QPageSize(QSizeF(size) * 72.0 / 96.0, QPageSize::Point));
    pdf.setPageMargins({});
    drawn = render(widget, pdf);
  } else {
    if (error) *error = QObject::tr("%1: the ending must be .png, .svg or .pdf").arg(file);
    return false;
  }
  if (!drawn) {
    if (error) *error = QObject::tr("%1: the picture could not be drawn").arg(file);
    return false;
  }
  return writeBytes(bytes, file, error);
}

bool writeText(const QString& text, const QString& file, QString* error) { return writeBytes(text.toUtf8(), file, error); }

QToolButton* exportButton(const QString& what, Notices* notices, std::function<bool(const QString& file, QString* error)> write) {
  auto* button = new QToolButton;
  button->setIcon(Theme::instance().icon(QStringLiteral("export")));
  button->setIconSize({14, 14});
  button->setFixedSize(24, 24);
  button->setFocusPolicy(Qt::TabFocus);
  button->setToolTip(QObject::tr("Saves the picture (PNG, SVG, PDF) or the numbers (CSV)"));
  button->setAccessibleName(QObject::tr("Export: %1").arg(what));
  QObject::connect(button, &QToolButton::clicked, button, [button, what, notices, write = std::move(write)] {
    QString chosen;
    QString file = QFileDialog::getSaveFileName(button->window(), QObject::tr("Export: %1").arg(what), {},
                                                QObject::tr("Pictures (*.png *.svg *.pdf);;Numbers (*.csv)"), &chosen);
    if (file.isEmpty()) return;
    if (QFileInfo(file).suffix().isEmpty()) file += chosen.contains(QStringLiteral("csv")) ? QStringLiteral(".csv") : QStringLiteral(".png");
    QString wrong;
    const bool done = write(file, &wrong);
    if (!notices) return;
    if (done) notices->success(QObject::tr("%1 was written").arg(file));
    else notices->error(wrong);
  });
  return button;
}

}  // namespace serp::app
