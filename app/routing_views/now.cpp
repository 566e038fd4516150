// SPDX-License-Identifier: GPL-3.0-or-later
// The state at the cursor, all layers.
#include "app/routing_views/now.h"

#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "app/models/figures.h"
#include "app/routing_views/load_bars.h"
#include "app/routing_views/quantities.h"
#include "app/widgets/heatmap_view.h"

namespace serp::app {
namespace {

constexpr int kReadable = 17, kTallest = 40, kReadableRows = 12, kAxis = 20;  // px of a row with numbers in it, of the axis below

}  // namespace

NowView::NowView(const RoutingContext& context) : RoutingView(context), grid_(new HeatmapView(tr("Load by layer and expert"))), bars_(new LoadBars) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(8);
  column->addWidget(grid_, 1);
  column->addWidget(bars_, 2);
  grid_->setScale(HeatmapView::Scale::LoadRatio);
  grid_->setShowNumbers(true);
  grid_->setEmptyText(tr("No routing at this step."));
  connect(grid_, &HeatmapView::clicked, this, [this](int row, int expert) {
    if (expert < 0 || expert >= history().experts(row)) return;
    cursor().setLayer(row);
    cursor().setExpert(expert);
  });
  connect(bars_, &LoadBars::clicked, this, [this](int expert) { cursor().setExpert(expert); });
  grid_->setTip([this](int row, int expert, float u) {
    if (std::isnan(u)) return QString();
    return tr("%1, expert %2: u = %3").arg(history().layerName(row)).arg(expert).arg(fixedText(static_cast<double>(u), 2));
  });
}

void NowView::showCursor() {
  const RoutingFrame* frame = history().at(cursor().step());
  if (!frame) {
    grid_->setGrid(0, 0, {});
    bars_->setLoads({}, std::numeric_limits<double>::quiet_NaN(), -1, {});
    return;
  }
  int columns = 0;
  for (const RoutingLayer& layer : frame->layers) columns = std::max(columns, static_cast<int>(layer.assigned.size()));
  std::vector<float> values(frame->layers.size() * static_cast<std::size_t>(columns), std::numeric_limits<float>::quiet_NaN());
  QStringList names;
  for (std::size_t l = 0; l < frame->layers.size(); ++l) {
    const std::vector<double> u = loadRatios(frame->layers[l]);
    for (std::size_t e = 0; e < u.size(); ++e) values[l * static_cast<std::size_t>(columns) + e] = static_cast<float>(u[e]);
    names << history().layerName(static_cast<int>(l));
  }
  grid_->setRowLabels(names);
  grid_->setColumnLabels(expertLabels(columns, cursor().expert()));
  grid_->setGrid(static_cast<int>(frame->layers.size()), columns, std::move(values));
  grid_->setCursor(cursor().layer(), cursor().expert());
  const int layers = static_cast<int>(frame->layers.size());
  grid_->setMinimumHeight(std::clamp(layers, 1, kReadableRows) * kReadable + kAxis);
  grid_->setMaximumHeight(layers * kTallest + kAxis);
  const RoutingLayer* layer = history().layerAt(cursor().step(), cursor().layer());
  if (layer) bars_->setLoads(loadRatios(*layer), capacityRatio(*layer), cursor().expert(), history().layerName(cursor().layer()));
}

QString NowView::subtitle() const {
  const RoutingFrame* frame = history().at(cursor().step());
  return frame ? tr("u at step %1, all layers").arg(groupedCount(frame->step)) : QString();
}

QString NowView::caption() const {
  const RoutingLayer* layer = history().layerAt(cursor().step(), cursor().layer());
  if (!layer || layer->assigned.empty()) return {};
  const std::vector<double> u = loadRatios(*layer);
  std::size_t busiest = 0, idlest = 0;
  for (std::size_t e = 0; e < u.size(); ++e) {
    if (u[e] > u[busiest]) busiest = e;
    if (u[e] < u[idlest]) idlest = e;
  }
  return tr("In %1 expert %2 takes %3 × its fair share, expert %4 takes %5 ×.").arg(history().layerName(cursor().layer())).arg(busiest).arg(fixedText(u[busiest], 2)).arg(idlest).arg(fixedText(u[idlest], 2));
}

QString NowView::csv() const {
  QString out = QStringLiteral("step,layer,expert,assigned,kept,mean_gate,load_ratio\n");
  const RoutingFrame* frame = history().at(cursor().step());
  if (!frame) return out;
  for (const RoutingLayer& layer : frame->layers) {
    const std::vector<double> u = loadRatios(layer);
    for (std::size_t e = 0; e < u.size(); ++e)
      out += csvRow({QString::number(frame->step), csvText(layer.label), QString::number(e), csvNumber(layer.assigned[e]), csvNumber(e < layer.kept.size() ? layer.kept[e] : 0), csvNumber(e < layer.meanGate.size() ? static_cast<double>(layer.meanGate[e]) : NAN), csvNumber(u[e])});
  }
  return out;
}

}  // namespace serp::app
