// SPDX-License-Identifier: GPL-3.0-or-later
// What is done on the canvas, done to the document: one gesture, one edit of the text, one undo step.
#pragma once

#include <QObject>
#include <QStringList>

#include "app/canvas/drop_target.h"
#include "app/session/workspace.h"
#include "engine/api/diagnostic.h"
#include "engine/api/edit.h"

namespace serp::app {

class CanvasView;

/// GUI thread only. Acts on the view's selection; what cannot be done is said in a notice and changes nothing.
class CanvasEditor final : public QObject {
  Q_OBJECT
 public:
  CanvasEditor(Workspace& workspace, CanvasView* view, QObject* parent = nullptr);

  /// Where a new block goes: into the selected slot or empty container, behind the selected block, else to the end.
  DropTarget placeForNew() const;
  void add(const QString& kind) { insert(kind, placeForNew()); }
  void insert(const QString& kind, const DropTarget& target);
  void drop(const Dragged& dragged, const DropTarget& target, bool copy);
  void search(const QString& typed);
  void cut();
  bool copy();
  void paste();
  void duplicate();
  void remove();
  void move(int by);                      ///< -1 up, 1 down along the wire, into and out of repeats
  void wrap(const char* container);       ///< "repeat" or "parallel"
  void unwrap();
  void bypass();                          ///< on for all selected unless all are bypassed already
  void changeCount(const QString& path, int by);
  void selectAll();
  void setPattern(const QString& pattern);
  /// The same key of all selected blocks of one kind, or of one of them alone.
  void setKey(const QString& path, const QString& key, const QString& value);
  void unsetKey(const QString& path);
  /// Words about a drop: what it replaces and what it costs.
  QString describe(const Dragged& dragged, const DropTarget& target) const;

 private:
  QStringList blocks() const;             ///< of the selection, those that stand in the text
  std::vector<std::string> paths() const;
  bool apply(Result<DesignEdit> edit);
  Result<DesignEdit> edited(const Dragged& dragged, const DropTarget& target, bool copy) const;
  int lengthOf(const QString& list) const;
  std::string text() const;
  Workspace& workspace_;
  CanvasView* view_;
};

}  // namespace serp::app
