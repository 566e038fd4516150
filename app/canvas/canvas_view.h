// SPDX-License-Identifier: GPL-3.0-or-later
// The window onto the canvas: fits the width, zooms, walks along the wires with the arrow keys.
#pragma once

#include <QGraphicsView>
#include <QTimer>

#include "engine/api/diagnostic.h"
#include "engine/api/plan.h"
#include "engine/api/spec.h"

class QLabel;
class QPushButton;

namespace serp::app {

class DesignScene;

/// Read-only for now: it selects, it does not edit. A new design is laid out only while the view is visible.
class CanvasView final : public QGraphicsView {
  Q_OBJECT
 public:
  explicit CanvasView(QWidget* parent = nullptr);
  void setDesign(const RunSpec& spec, const Plan& plan);
  void setFaults(const Diagnostics& diagnostics);
  void clearDesign(const QString& why);             ///< shown instead of a drawing
  void select(const QString& id);                   ///< does not emit
  DesignScene& designScene() { return *scene_; }
  void setZoom(double factor);                      ///< 1 = 100 %; stays until resetZoom()
  void resetZoom();                                 ///< the layout as wide as the window, at 100 % or a little less
  double zoom() const { return zoom_; }
  void fit();                                       ///< the whole design in the window

 Q_SIGNALS:
  void selectionMoved(const QString& id);           ///< by mouse or key; empty: nothing
  void activated(const QString& id);                ///< Enter or double click

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;

 private:
  void layOutNow();
  void placeControls();
  void choose(const QString& id);
  void scale(double factor);
  double room() const;                              ///< width for the layout; room for the scroll bar is kept, seen or not

  DesignScene* scene_;
  QWidget* controls_;
  QPushButton* percent_;
  QLabel *hint_, *empty_;
  RunSpec spec_;
  Plan plan_;
  bool hasDesign_ = false, stale_ = false, ownZoom_ = true;   ///< ownZoom_: nobody has set another
  double zoom_ = 1;
  double laidOut_ = 0;                              ///< the width the present layout was made for
};

}  // namespace serp::app
