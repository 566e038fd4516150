// SPDX-License-Identifier: GPL-3.0-or-later
// Load by step: one strip per layer, one row per expert, one column per window of steps.
#pragma once

#include "app/routing_views/routing_view.h"

namespace serp::app {

class HeatmapView;

class LoadByStep final : public RoutingView {
  Q_OBJECT
 public:
  explicit LoadByStep(const RoutingContext& context);
  void refresh() override;
  void showCursor() override;
  QString caption() const override;
  QString subtitle() const override { return tr("u = load ÷ fair share"); }
  QString csv() const override;
  bool exportPicture(const QString& file, QString* error) override;
  std::vector<QWidget*> headerWidgets() override;
  HeatmapView* map() const { return map_; }

 private:
  struct Row { int layer, expert; };
  void labelRows();
  void labelColumns();
  HeatmapView* map_;
  std::vector<Row> rows_;
  RoutingHistory::Columns columns_;
  int shownLayer_ = -1;                          ///< only this layer when all together have too many rows
};

}  // namespace serp::app
