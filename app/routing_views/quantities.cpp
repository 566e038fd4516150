// SPDX-License-Identifier: GPL-3.0-or-later
// Quantities of routing; tested against numbers computed by hand.
#include "app/routing_views/quantities.h"

#include <QLocale>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace serp::app {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

std::vector<double> loadRatios(const RoutingLayer& layer) {
  const double all = sum(layer.assigned), experts = static_cast<double>(layer.assigned.size());
  std::vector<double> out(layer.assigned.size(), kNaN);
  if (all > 0)
    for (std::size_t e = 0; e < out.size(); ++e) out[e] = experts * layer.assigned[e] / all;
  return out;
}

Balance balanceOf(const RoutingLayer& layer) {
  Balance b;
  b.entropy = layer.entropy;
  const double assigned = sum(layer.assigned), kept = sum(layer.kept), experts = static_cast<double>(layer.assigned.size());
  if (assigned <= 0 || experts == 0) {
    b.variation = b.maxViolation = b.dead = b.drop = b.fill = kNaN;
    return b;
  }
  const double mean = assigned / experts;
  double squares = 0, largest = 0, dead = 0;
  for (const double a : layer.assigned) {
    squares += (a - mean) * (a - mean);
    largest = std::max(largest, a);
    dead += a == 0;
  }
  b.variation = std::sqrt(squares / experts) / mean;
  b.maxViolation = largest / mean - 1;
  b.dead = dead / experts;
  b.drop = (assigned - kept) / assigned;
  b.fill = layer.capacityFactor > 0 ? kept / (assigned * layer.capacityFactor) : kNaN;
  return b;
}

std::int64_t idleSteps(const std::vector<std::shared_ptr<const RoutingFrame>>& frames, std::size_t at, std::size_t layer, std::size_t expert) {
  if (frames.empty()) return 0;
  at = std::min(at, frames.size() - 1);
  const std::int64_t now = frames[at]->step;
  for (std::size_t i = at + 1; i-- > 0;) {
    const RoutingFrame& frame = *frames[i];
    if (layer >= frame.layers.size() || expert >= frame.layers[layer].assigned.size()) break;
    if (frame.layers[layer].assigned[expert] > 0) return now - frame.step;
  }
  return now - frames.front()->step + frames.front()->steps;
}

double capacityRatio(const RoutingLayer& layer) { return layer.capacityFactor > 0 ? layer.capacityFactor : kNaN; }

std::vector<std::vector<double>> labelRatios(const RoutedText& text, std::size_t layer, int experts) {
  const std::size_t columns = static_cast<std::size_t>(std::max(0, experts));
  std::vector<std::vector<double>> out(text.labelNames.size(), std::vector<double>(columns, 0.0));
  std::vector<double> totals(out.size(), 0.0);
  if (layer >= text.expert.size()) return out;
  const auto& chosen = text.expert[layer];
  for (std::size_t i = 0; i < std::min(chosen.size(), text.labels.size()); ++i) {
    const std::size_t label = text.labels[i];
    if (label >= out.size() || chosen[i] < 0 || static_cast<std::size_t>(chosen[i]) >= columns) continue;
    out[label][static_cast<std::size_t>(chosen[i])] += 1;
    totals[label] += 1;
  }
  for (std::size_t t = 0; t < out.size(); ++t)
    for (double& cell : out[t]) cell = totals[t] > 0 ? static_cast<double>(columns) * cell / totals[t] : kNaN;
  return out;
}

double mutualInformation(const std::vector<int>& a, const std::vector<int>& b) {
  const std::size_t n = std::min(a.size(), b.size());
  if (n == 0) return 0;
  std::map<int, double> pa, pb;
  std::map<std::pair<int, int>, double> pab;
  for (std::size_t i = 0; i < n; ++i) {
    pa[a[i]] += 1;
    pb[b[i]] += 1;
    pab[{a[i], b[i]}] += 1;
  }
  const double all = static_cast<double>(n);
  const auto entropy = [all](const std::map<int, double>& p) {
    double h = 0;
    for (const auto& entry : p) h -= entry.second / all * std::log(entry.second / all);
    return h;
  };
  const double ha = entropy(pa), hb = entropy(pb);
  if (ha <= 0 || hb <= 0) return 0;
  double information = 0;
  for (const auto& [pair, count] : pab) information += count / all * std::log(count * all / (pa[pair.first] * pb[pair.second]));
  return information / std::sqrt(ha * hb);
}

QStringList expertLabels(int experts, int chosen) {
  int step = 1;
  for (const int wider : {2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256})
    if (experts > 16 * step) step = wider;
  QStringList out;
  for (int e = 0; e < experts; ++e) {
    const bool crowded = chosen >= 0 && step > 1 && e != chosen && std::abs(e - chosen) < step;
    out << (e == chosen || (e % step == 0 && !crowded) ? QString::number(e) : QString());
  }
  return out;
}

QString csvNumber(double value) { return std::isfinite(value) ? QString::number(value, 'g', QLocale::FloatingPointShortest) : QString(); }

QString csvText(const std::string& text) {
  QString out = QString::fromStdString(text);
  if (!out.contains(QLatin1Char(',')) && !out.contains(QLatin1Char('"')) && !out.contains(QLatin1Char('\n'))) return out;
  return QLatin1Char('"') + out.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
}

QString csvRow(const QStringList& cells) { return cells.join(QLatin1Char(',')) + QLatin1Char('\n'); }

}  // namespace serp::app
