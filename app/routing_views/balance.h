// SPDX-License-Identifier: GPL-3.0-or-later
// Balance: six numbers per layer at the cursor, three of them as curves over steps, and an alarm for idle experts.
#pragma once

#include <QHash>
#include <QSet>

#include "app/routing_views/routing_view.h"

class QLabel;
class QPushButton;

namespace serp::app {

class BalanceTable;
class PlotView;

class BalanceView final : public RoutingView {
  Q_OBJECT
 public:
  explicit BalanceView(const RoutingContext& context);
  void refresh() override;
  void showCursor() override;
  QString caption() const override;
  QString subtitle() const override { return tr("numbers at the cursor; strong line and column: the current layer"); }
  QString csv() const override;

 private:
  struct Alarm { int layer = -1, expert = -1; std::int64_t idle = 0; };
  void fillCurves();
  void findAlarm();

  BalanceTable* table_;
  PlotView* plots_[3];
  QWidget* alarmRow_;
  QLabel* alarmText_;
  Alarm alarm_;
  QSet<QString> muted_;
  int drawnLayer_ = -1;
};

}  // namespace serp::app
