// SPDX-License-Identifier: GPL-3.0-or-later
// Sorted bars of one layer's load ratios, with the fair line and the capacity line.
#pragma once

#include <QWidget>
#include <vector>

namespace serp::app {

class LoadBars final : public QWidget {
  Q_OBJECT
 public:
  explicit LoadBars(QWidget* parent = nullptr);
  /// `capacity` NaN: no limit. The chosen expert is drawn in the colour of text.
  void setLoads(std::vector<double> ratios, double capacity, int chosen, const QString& title);
  QSize sizeHint() const override { return {240, 140}; }
  QSize minimumSizeHint() const override { return {160, 112}; }

 Q_SIGNALS:
  void clicked(int expert);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  bool event(QEvent* event) override;

 private:
  struct Bar { int expert; QRectF rect; };
  static constexpr int kStep = 22, kCut = 16;    ///< px for a bar with a three-digit number below it; for the gap between busiest and idlest
  int fitting() const;
  std::vector<Bar> bars() const;
  QRectF plot() const;
  double top() const;                            ///< the ratio at the upper edge

  std::vector<double> ratios_;
  double capacity_ = 0;
  int chosen_ = -1;
  QString title_;
};

}  // namespace serp::app
