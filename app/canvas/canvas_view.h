// SPDX-License-Identifier: GPL-3.0-or-later
// The window onto the canvas: fits the width, zooms, walks along the wires, selects, drags; it tells what is wanted and edits nothing.
#pragma once

#include <QGraphicsView>
#include <QSet>
#include <QTimer>
#include <functional>

#include "app/canvas/drop_target.h"
#include "engine/api/diagnostic.h"
#include "engine/api/plan.h"
#include "engine/api/spec.h"

class QLabel;
class QPushButton;
class QRubberBand;

namespace serp::app {

class BlockSearch;
class DesignScene;
class DropMarks;
class Minimap;

/// A new design is laid out only while the view is visible.
class CanvasView final : public QGraphicsView {
  Q_OBJECT
 public:
  explicit CanvasView(QWidget* parent = nullptr);
  ~CanvasView() override;
  void setDesign(const RunSpec& spec, const Plan& plan);
  void setFaults(const Diagnostics& diagnostics);
  void clearDesign(const QString& why);             ///< shown instead of a drawing
  void select(const QString& id);                   ///< does not emit
  void setSelection(const QStringList& ids);        ///< does not emit
  DesignScene& designScene() { return *scene_; }
  const DesignScene& designScene() const { return *scene_; }
  void setZoom(double factor);                      ///< 1 = 100 %; stays until resetZoom()
  void resetZoom();                                 ///< the layout as wide as the window, at 100 % or a little less
  double zoom() const { return zoom_; }
  void fit();                                       ///< the whole design in the window
  void setFolded(const QString& id, bool folded);
  void foldAll(bool folded);
  BlockSearch* search() const { return search_; }
  Minimap* minimap() const { return minimap_; }
  /// One line about what a drop would do ("replaces linear 256 → 128, active +15.9 k").
  void describeDropsBy(std::function<QString(const Dragged&, const DropTarget&)> words) { describe_ = std::move(words); }
  bool isDragging() const { return marks_ != nullptr; }
  DropTarget dropTarget() const;                    ///< while something is dragged
  double lastLayoutMs() const { return layoutMs_; }

 Q_SIGNALS:
  void selectionMoved(const QString& id);           ///< by mouse or key; empty: nothing
  void selectionChanged(const QStringList& ids);    ///< the same with all of them
  void activated(const QString& id);                ///< Enter or double click
  void dropped(const Dragged& dragged, const DropTarget& target, bool copy);
  void searchWanted(const QString& typed);
  void countWanted(const QString& id, int by);      ///< a click on the − or + of a repeat

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dragMoveEvent(QDragMoveEvent* event) override;
  void dragLeaveEvent(QDragLeaveEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  enum class Press { None, Card, Empty, Pan };
  void layOutNow();
  void placeControls();
  void choose(const QString& id);
  void chooseAll(const QStringList& ids);
  void scale(double factor);
  double room() const;                              ///< width for the layout; room for the scroll bar is kept, seen or not
  void startDrag(const Dragged& dragged, const QString& label);
  void dragTo(QPoint at);
  void endDrag();
  bool showsMap() const;                            ///< a long design, and room beside the smallest layout
  void showHint(const QString& words);

  DesignScene* scene_;
  QWidget* controls_;
  QPushButton* percent_;
  QLabel *hint_, *empty_;
  BlockSearch* search_;
  Minimap* minimap_;
  QRubberBand* band_ = nullptr;
  DropMarks* marks_ = nullptr;                      ///< owned by the scene
  Dragged dragged_;
  QString dragLabel_;
  std::function<QString(const Dragged&, const DropTarget&)> describe_;
  RunSpec spec_;
  Plan plan_;
  QSet<QString> folded_;
  Press press_ = Press::None;
  QPoint pressedAt_;
  int blocks_ = 0;                                  ///< in the text, repeats not counted out
  bool hasDesign_ = false, stale_ = false, ownZoom_ = true;   ///< ownZoom_: nobody has set another
  double zoom_ = 1, layoutMs_ = 0;
  double laidOut_ = 0;                              ///< the width the present layout was made for
};

}  // namespace serp::app
