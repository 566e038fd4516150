// SPDX-License-Identifier: GPL-3.0-or-later
// Axis ticks as people read them: 250, 1,000, 1.5 M; on a log axis 1, 1.2, 1.5, 2, 3 … or 1, 2, 5, or decades.
#pragma once

#include "app/widgets/qcp.h"

namespace serp::app {

/// Labels for both kinds of axis, and the ticks of a log axis.
class PlotTicker final : public QCPAxisTicker {
 public:
  explicit PlotTicker(bool logarithmic, int wanted) : logarithmic_(logarithmic) { setTickCount(wanted); }
  static QString label(double value, double step);

 protected:
  double getTickStep(const QCPRange& range) override;
  QVector<double> createTickVector(double step, const QCPRange& range) override;
  QVector<double> createSubTickVector(int, const QVector<double>&) override { return {}; }
  QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;

 private:
  bool logarithmic_;
  double step_ = 0;
};

}  // namespace serp::app
