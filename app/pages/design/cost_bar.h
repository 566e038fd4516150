// SPDX-License-Identifier: GPL-3.0-or-later
// What the design costs, in one line under the canvas.
#pragma once

#include <QWidget>
#include <vector>

#include "engine/api/plan.h"

class QLabel;
class QPushButton;
class QToolButton;

namespace serp::app {

class Pinned;

/// Caption, figure, remark for each: total, active, FLOPs per token, memory, decode state.
class CostBar final : public QWidget {
  Q_OBJECT
 public:
  explicit CostBar(QWidget* parent = nullptr);
  /// Null: dashes. `precision` as the design names it; stale: the figures belong to the last text without faults.
  void setPlan(const Plan* plan, const QString& precision, bool stale);
  QString figure(int index) const;
  /// Compares with a pinned design and offers to cost as much. Once, before the first setPlan().
  void setPinned(Pinned* pinned);
  QPushButton* equaliseButton() const { return equalise_; }
  QToolButton* pinButton() const { return pin_; }

 Q_SIGNALS:
  void equaliseWanted();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void showPinned(const Plan* plan);
  void showNote(const QString& note);
  void showRemarks();
  struct Cell { QLabel *caption, *figure, *remark; };
  std::vector<Cell> cells_;
  QLabel* note_;
  QString full_;
  QPushButton* equalise_;
  QToolButton* pin_;
  Pinned* pinned_ = nullptr;
  bool stale_ = false;
};

}  // namespace serp::app
