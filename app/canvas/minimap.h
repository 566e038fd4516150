// SPDX-License-Identifier: GPL-3.0-or-later
// The whole design in a corner once it is long; a click or drag brings that part into the window.
#pragma once

#include <QWidget>

class QGraphicsView;

namespace serp::app {

struct CanvasLayout;

/// A child of the view. Shown by the view where a design has more than kMinimapBlocks blocks.
class Minimap final : public QWidget {
  Q_OBJECT
 public:
  explicit Minimap(QGraphicsView* view);
  QSize sizeHint() const override;
  void setLayout(const CanvasLayout& layout);      ///< draws the map once; the frame of the window is painted over it

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;

 private:
  void go(QPointF at);
  QGraphicsView* view_;
  QPixmap map_;
  QSizeF scene_;
  double scale_ = 1;
};

inline constexpr int kMinimapBlocks = 30;

}  // namespace serp::app
