// SPDX-License-Identifier: GPL-3.0-or-later
// One line of text that gives way before the widgets beside it do, and says with … that it did.
#pragma once

#include <QLabel>
#include <QPainter>

namespace serp::app {

/// The whole text is its tool tip as long as it does not fit.
class ElidedLabel final : public QLabel {
 public:
  explicit ElidedLabel(const QString& text = {}, QWidget* parent = nullptr) : QLabel(text, parent) {
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    setMinimumWidth(0);
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter p(this);
    p.setFont(font());
    p.setPen(palette().color(foregroundRole()));
    const QString shown = fontMetrics().elidedText(text(), Qt::ElideRight, width());
    p.drawText(rect(), alignment(), shown);
    if (toolTip().isEmpty() != (shown == text())) setToolTip(shown == text() ? QString() : text());
  }
};

}  // namespace serp::app
