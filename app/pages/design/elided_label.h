// SPDX-License-Identifier: GPL-3.0-or-later
// A one-line label that ends in an ellipsis where it has too little room.
#pragma once

#include <QLabel>
#include <QPainter>

namespace serp::app {

class ElidedLabel final : public QLabel {
 public:
  /// `wholeOrNothing`: shows nothing instead of a part.
  explicit ElidedLabel(const QString& text, bool wholeOrNothing = false, QWidget* parent = nullptr) : QLabel(text, parent), whole_(wholeOrNothing) {
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    setMinimumWidth(0);
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    if (whole_ && fontMetrics().horizontalAdvance(text()) > width()) return;
    QPainter p(this);
    p.setFont(font());
    p.setPen(palette().color(foregroundRole()));
    p.drawText(rect(), alignment() | Qt::AlignVCenter, fontMetrics().elidedText(text(), Qt::ElideRight, width()));
  }

 private:
  bool whole_;
};

}  // namespace serp::app
