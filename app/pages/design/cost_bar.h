// SPDX-License-Identifier: GPL-3.0-or-later
// What the design costs, in one line under the canvas.
#pragma once

#include <QWidget>
#include <vector>

#include "engine/api/plan.h"

class QLabel;

namespace serp::app {

/// Caption, figure, remark for each: total, active, FLOPs per token, memory, decode state.
class CostBar final : public QWidget {
  Q_OBJECT
 public:
  explicit CostBar(QWidget* parent = nullptr);
  /// Null: dashes. `precision` as the design names it; stale: the figures belong to the last text without faults.
  void setPlan(const Plan* plan, const QString& precision, bool stale);
  QString figure(int index) const;

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  struct Cell { QLabel *caption, *figure, *remark; };
  std::vector<Cell> cells_;
  QLabel* note_;
};

}  // namespace serp::app
