// SPDX-License-Identifier: GPL-3.0-or-later
// Axis ticks as people read them.
#include "app/widgets/plot_ticker.h"

#include <algorithm>
#include <cmath>

namespace serp::app {

QString PlotTicker::label(double value, double step) {
  static const QLocale plain(QLocale::English, QLocale::UnitedStates);
  const double size = std::abs(value);
  if (size < 1e-300) return QStringLiteral("0");
  const struct { double unit; const char* letter; } kUnits[] = {{1e18, " E"}, {1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}};
  for (const auto& u : kUnits)
    if (size >= u.unit) return QString::number(value / u.unit, 'g', 4) + QLatin1String(u.letter);
  if (size >= 1000) return plain.toString(value, 'f', 0);
  if (size < 1e-3 || (step > 0 && step < 1e-3)) return QString::number(value, 'e', 1).replace(QStringLiteral(".0e"), QStringLiteral("e")).replace(QStringLiteral("e-0"), QStringLiteral("e-"));
  // As many decimals as the step needs: 0.5 beside 1.0, but 250 without any.
  const int decimals = step > 0 ? std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 6) : 0;
  return step > 0 ? plain.toString(value, 'f', decimals) : QString::number(value, 'g', 3);
}

double PlotTicker::getTickStep(const QCPRange& range) { return step_ = QCPAxisTicker::getTickStep(range); }

QVector<double> PlotTicker::createTickVector(double step, const QCPRange& range) {
  if (!logarithmic_ || range.lower <= 0) return QCPAxisTicker::createTickVector(step, range);
  const double decades = std::log10(range.upper / range.lower);
  static const std::vector<double> kFine = {1, 1.2, 1.5, 2, 3, 4, 5, 6, 8}, kCoarse = {1, 2, 5}, kThree = {1, 3}, kOne = {1};
  const double room = tickCount() / std::max(decades, 1e-9);  // ticks per decade that fit
  if (room > 40) return QCPAxisTicker::createTickVector(step, range);
  step_ = 0;
  const std::vector<double>& mantissas = room >= 6 ? kFine : room >= 3 ? kCoarse : room >= 2 ? kThree : kOne;
  const int skip = std::max(1, static_cast<int>(std::ceil(1.0 / std::max(room, 1e-9))));
  QVector<double> ticks;
  for (int k = static_cast<int>(std::floor(std::log10(range.lower))); k <= std::ceil(std::log10(range.upper)); ++k) {
    if (k % skip != 0) continue;
    for (const double m : mantissas)
      if (const double t = m * std::pow(10.0, k); t >= range.lower * 0.999 && t <= range.upper * 1.001) ticks.push_back(t);
  }
  return ticks;
}

QString PlotTicker::getTickLabel(double tick, const QLocale&, QChar, int) { return label(tick, logarithmic_ ? step_ : std::max(step_, 0.0)); }

}  // namespace serp::app
