// SPDX-License-Identifier: GPL-3.0-or-later
// Names at the ends of curves, in the right margin of a plot, pushed apart; published values as rings on the right edge.
#pragma once

#include <QColor>
#include <QString>
#include <functional>
#include <vector>

#include "app/widgets/qcp.h"

namespace serp::app {

struct DirectLabel {
  double x = 0, y = 0;                           ///< the curve's last point; for a published value only y counts
  QString text;
  std::function<QColor()> colour;
  bool published = false, strong = false;
};

/// An item of the plot, so that it is in exported pictures too. Belongs to the plot.
class DirectLabels final : public QCPAbstractItem {
 public:
  explicit DirectLabels(QCustomPlot* plot);
  void setLabels(std::vector<DirectLabel> labels) { labels_ = std::move(labels); }
  const std::vector<DirectLabel>& labels() const { return labels_; }
  double selectTest(const QPointF&, bool, QVariant*) const override { return -1; }

 protected:
  void draw(QCPPainter* painter) override;

 private:
  std::vector<DirectLabel> labels_;
};

}  // namespace serp::app
