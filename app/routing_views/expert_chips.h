// SPDX-License-Identifier: GPL-3.0-or-later
// A row of numbered chips, one per expert; a click pins an expert to a hue.
#pragma once

#include <QColor>
#include <QWidget>
#include <functional>

namespace serp::app {

class ExpertChips final : public QWidget {
  Q_OBJECT
 public:
  explicit ExpertChips(std::function<QColor(int)> hue, QWidget* parent = nullptr);
  void setExperts(int count, int chosen);
  QSize sizeHint() const override { return {200, 22}; }

 Q_SIGNALS:
  void clicked(int expert);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;

 private:
  double step() const;
  std::function<QColor(int)> hue_;
  int count_ = 0, chosen_ = -1;
};

}  // namespace serp::app
