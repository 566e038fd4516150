// SPDX-License-Identifier: GPL-3.0-or-later
// The legend of load maps: the colours from 0 over the fair share to 1.8 and more, and the hatch of what was not logged.
#pragma once

#include <QWidget>

namespace serp::app {

class LoadLegend final : public QWidget {
  Q_OBJECT
 public:
  explicit LoadLegend(QWidget* parent = nullptr);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;
};

}  // namespace serp::app
