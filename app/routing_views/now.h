// SPDX-License-Identifier: GPL-3.0-or-later
// Now: every layer's load at the cursor as a grid of numbers, and the current layer's experts sorted by load.
#pragma once

#include "app/routing_views/routing_view.h"

namespace serp::app {

class HeatmapView;
class LoadBars;

class NowView final : public RoutingView {
  Q_OBJECT
 public:
  explicit NowView(const RoutingContext& context);
  void refresh() override { showCursor(); }
  void showCursor() override;
  QString caption() const override;
  QString subtitle() const override;
  QString csv() const override;

 private:
  HeatmapView* grid_;
  LoadBars* bars_;
};

}  // namespace serp::app
