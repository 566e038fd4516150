// SPDX-License-Identifier: GPL-3.0-or-later
// Frames to a grid of load ratios; a click sets step, layer and expert.
#include "app/routing_views/load_by_step.h"

#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "app/models/figures.h"
#include "app/routing_views/load_legend.h"
#include "app/routing_views/quantities.h"
#include "app/session/series_store.h"
#include "app/widgets/heatmap_view.h"

namespace serp::app {
namespace {

constexpr int kMostRows = 192, kMostColumns = 1200;
constexpr std::int64_t kIdleSteps = 50;         // shorter silences are chance

}  // namespace

LoadByStep::LoadByStep(const RoutingContext& context) : RoutingView(context), map_(new HeatmapView(tr("Load of each expert by step"))) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->addWidget(map_);
  map_->setScale(HeatmapView::Scale::LoadRatio);
  map_->setEmptyText(tr("The first window of routing statistics has not been written yet."));
  connect(map_, &HeatmapView::clicked, this, [this](int row, int columnIndex) {
    if (row < 0 || static_cast<std::size_t>(row) >= rows_.size()) return;
    cursor().setFollowLive(false);
    cursor().setLayer(rows_[static_cast<std::size_t>(row)].layer);
    cursor().setExpert(rows_[static_cast<std::size_t>(row)].expert);
    if (const RoutingFrame* frame = history().at(columns_.stepOf(columnIndex))) cursor().setStep(frame->step);
  });
  map_->setTip([this](int row, int columnIndex, float value) -> QString {
    if (row < 0 || static_cast<std::size_t>(row) >= rows_.size()) return {};
    const Row& at = rows_[static_cast<std::size_t>(row)];
    const QString place = tr("%1, expert %2, step %3").arg(history().layerName(at.layer)).arg(at.expert).arg(groupedCount(columns_.stepOf(columnIndex)));
    return std::isnan(value) ? tr("%1: not logged").arg(place) : tr("%1: u = %2").arg(place, fixedText(static_cast<double>(value), 2));
  });
}

void LoadByStep::refresh() {
  std::size_t all = 0;
  for (std::size_t l = 0; l < history().layers(); ++l) all += static_cast<std::size_t>(history().experts(static_cast<int>(l)));
  shownLayer_ = all > kMostRows ? cursor().layer() : -1;
  rows_.clear();
  std::vector<int> breaks;
  for (int l = 0; l < static_cast<int>(history().layers()); ++l) {
    if (shownLayer_ >= 0 && l != shownLayer_) continue;
    if (!rows_.empty()) breaks.push_back(static_cast<int>(rows_.size()));
    for (int e = 0; e < history().experts(l); ++e) rows_.push_back({l, e});
  }
  columns_ = history().columns(kMostColumns);
  const std::size_t width = columns_.ranges.size();
  std::vector<float> values(rows_.size() * width, std::numeric_limits<float>::quiet_NaN());
  const auto& frames = history().frames();
  for (std::size_t c = 0; c < width; ++c) {
    const auto [first, last] = columns_.ranges[c];
    if (first == last) continue;
    std::size_t row = 0;
    for (int l = 0; l < static_cast<int>(history().layers()); ++l) {
      if (shownLayer_ >= 0 && l != shownLayer_) continue;
      const auto experts = static_cast<std::size_t>(history().experts(l));
      RoutingLayer sum;
      sum.assigned.assign(experts, 0.0);
      for (std::size_t i = first; i < last; ++i) {
        if (static_cast<std::size_t>(l) >= frames[i]->layers.size()) continue;
        const auto& assigned = frames[i]->layers[static_cast<std::size_t>(l)].assigned;
        for (std::size_t e = 0; e < std::min(experts, assigned.size()); ++e) sum.assigned[e] += assigned[e];
      }
      const std::vector<double> u = loadRatios(sum);
      for (std::size_t e = 0; e < experts; ++e) values[(row + e) * width + c] = static_cast<float>(u[e]);
      row += experts;
    }
  }
  map_->setRowBreaks(breaks);
  map_->setGrid(static_cast<int>(rows_.size()), static_cast<int>(width), std::move(values));
  std::vector<int> flags;
  for (const RunEvent& event : history().store().events())
    if (event.kind == EventKind::LiveEdit) flags.push_back(columns_.columnOf(event.step));
  map_->setFlags(flags);
  showCursor();
}

void LoadByStep::labelColumns() {
  // Round steps only, and the cursor's own, which its neighbours make room for.
  const int count = static_cast<int>(columns_.ranges.size());
  QStringList labels;
  for (int c = 0; c < count; ++c) labels << QString();
  if (count == 0) return map_->setColumnLabels(labels);
  const double span = std::max(1.0, columns_.stepsPerColumn * (count - 1));
  const double rough = span / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
  const double step = std::max(1.0, (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10) * power);
  const int cursorColumn = columns_.columnOf(cursor().step() < 0 ? history().frames().back()->step : cursor().step());
  for (double at = std::ceil(static_cast<double>(columns_.firstStep) / step) * step; at <= static_cast<double>(columns_.firstStep) + span * 1.0001; at += step) {
    const int c = columns_.columnOf(static_cast<qint64>(std::llround(at)));
    if (std::abs(c - cursorColumn) * 14 >= count || count < 14) labels[c] = groupedCount(static_cast<qint64>(std::llround(at)));
  }
  if (const RoutingFrame* frame = history().at(cursor().step())) labels[cursorColumn] = tr("step %1").arg(groupedCount(frame->step));
  map_->setColumnLabels(labels);
}

void LoadByStep::labelRows() {
  QStringList left, right;
  for (const Row& row : rows_) {
    left << QString::number(row.expert);
    QString remark = row.expert == std::min(1, history().experts(row.layer) - 1) ? history().layerName(row.layer) : QString();
    const auto e = static_cast<std::size_t>(row.expert);
    const RoutingLayer* layer = history().layerAt(cursor().step(), row.layer);
    const bool here = row.layer == cursor().layer() && row.expert == cursor().expert();
    if (here && layer && e < layer->assigned.size()) {
      remark = QStringLiteral("◂ %1: u %2").arg(row.expert).arg(fixedText(loadRatios(*layer)[e], 2));
    } else if (layer && e < layer->assigned.size() && layer->assigned[e] == 0 && history().idle(cursor().step(), row.layer, row.expert) >= kIdleSteps) {
      remark = tr("◂ %1 idle").arg(row.expert);
    }
    right << remark;
  }
  map_->setRowLabels(left);
  map_->setRightLabels(right);
}

void LoadByStep::showCursor() {
  if (shownLayer_ >= 0 && shownLayer_ != cursor().layer()) return refresh();
  int row = -1;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].layer == cursor().layer() && rows_[i].expert == cursor().expert()) row = static_cast<int>(i);
  labelRows();
  labelColumns();
  map_->setCursor(row, cursor().step() < 0 ? static_cast<int>(columns_.ranges.size()) - 1 : columns_.columnOf(cursor().step()));
}

QString LoadByStep::caption() const {
  if (history().empty()) return {};
  int idle = 0;
  for (std::size_t l = 0; l < history().layers(); ++l)
    for (int e = 0; e < history().experts(static_cast<int>(l)); ++e)
      idle += history().idle(cursor().step(), static_cast<int>(l), e) >= kIdleSteps;
  QString text = tr("Each row is an expert. ");
  if (idle == 0) text += tr("At this step every expert has had tokens within %1 steps.").arg(kIdleSteps);
  else text += idle == 1 ? tr("At this step 1 expert has been idle for %1 steps or more.").arg(kIdleSteps) : tr("At this step %1 experts have been idle for %2 steps or more.").arg(idle).arg(kIdleSteps);
  if (shownLayer_ >= 0) text += tr(" Too many rows for all layers: PgUp and PgDn change the layer.");
  return text;
}

QString LoadByStep::csv() const {
  QString out = QStringLiteral("step,steps,layer,expert,assigned,kept,load_ratio\n");
  for (const auto& frame : history().frames())
    for (const RoutingLayer& layer : frame->layers) {
      const std::vector<double> u = loadRatios(layer);
      for (std::size_t e = 0; e < layer.assigned.size(); ++e)
        out += csvRow({QString::number(frame->step), QString::number(frame->steps), csvText(layer.label), QString::number(e), csvNumber(layer.assigned[e]), csvNumber(e < layer.kept.size() ? layer.kept[e] : 0), csvNumber(u[e])});
    }
  return out;
}

std::vector<QWidget*> LoadByStep::headerWidgets() { return {new LoadLegend}; }

bool LoadByStep::exportPicture(const QString& file, QString* error) { return map_->exportTo(file, map_->size(), error); }

}  // namespace serp::app
