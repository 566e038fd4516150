// SPDX-License-Identifier: GPL-3.0-or-later
// Tongue by expert: how much of each labelled kind of text an expert takes, over its fair share.
#pragma once

#include "app/routing_views/routing_view.h"

namespace serp::app {

class HeatmapView;
class NmiBars;

class TongueExpert final : public RoutingView {
  Q_OBJECT
 public:
  explicit TongueExpert(const RoutingContext& context);
  void refresh() override { showCursor(); }
  void showCursor() override;
  QString caption() const override { return caption_; }
  QString subtitle() const override;
  QString csv() const override;                  ///< load ratios, then the information of every layer
  const NmiBars& information() const { return *bars_; }

 private:
  void measure();
  HeatmapView* map_;
  NmiBars* bars_;
  std::shared_ptr<const RoutedText> measured_;
  std::size_t measuredLayer_ = 0;
  QString caption_;
};

}  // namespace serp::app
