// SPDX-License-Identifier: GPL-3.0-or-later
// What the signs in the loss plot mean: raw, smoothed, held-out, live edit.
#pragma once

#include <QWidget>

namespace serp::app {

class LossLegend final : public QWidget {
  Q_OBJECT
 public:
  explicit LossLegend(QWidget* parent = nullptr);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;
};

}  // namespace serp::app
