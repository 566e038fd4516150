// SPDX-License-Identifier: GPL-3.0-or-later
// A widget as a picture file, and the small button in a panel's header that offers picture and numbers.
#pragma once

#include <QString>
#include <functional>

class QToolButton;
class QWidget;

namespace serp::app {

class Notices;

/// PNG, SVG or PDF by the file's ending, as large as the widget is. False: `error` says why; an old file stands.
bool writePicture(QWidget& widget, const QString& file, QString* error = nullptr);
/// Text as UTF-8, whole or not at all.
bool writeText(const QString& text, const QString& file, QString* error = nullptr);

/// Asks where to, then calls `write`, which chooses by the ending (.png, .svg, .pdf, .csv); says how it went.
QToolButton* exportButton(const QString& what, Notices* notices, std::function<bool(const QString& file, QString* error)> write);

}  // namespace serp::app
