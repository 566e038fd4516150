// SPDX-License-Identifier: GPL-3.0-or-later
// The one-line caption under a view: cut with an ellipsis where it does not fit, whole on hover; gone while it is empty.
#pragma once

#include <QLabel>
#include <QPainter>
#include <QStyle>

namespace serp::app {

class Caption final : public QLabel {
 public:
  explicit Caption(QWidget* parent = nullptr) : QLabel(parent) {
    setProperty("role", "caption");
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  }
  void say(const QString& text) {
    if (text == this->text()) return;
    setText(text);
    setToolTip(text);
    setVisible(!text.isEmpty());
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    const QRect room = contentsRect();
    style()->drawItemText(&painter, room, Qt::AlignLeft | Qt::AlignVCenter, palette(), isEnabled(), fontMetrics().elidedText(text(), Qt::ElideRight, room.width()), foregroundRole());
  }
};

}  // namespace serp::app
