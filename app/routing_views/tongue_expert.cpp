// SPDX-License-Identifier: GPL-3.0-or-later
// Counts first choices of the routed probe text; what the expert tells about a token stands beside a shuffled null.
#include "app/routing_views/tongue_expert.h"

#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/routing_views/nmi_bars.h"
#include "app/routing_views/quantities.h"
#include "app/session/series_store.h"
#include "app/widgets/heatmap_view.h"

namespace serp::app {

TongueExpert::TongueExpert(const RoutingContext& context) : RoutingView(context), map_(new HeatmapView(tr("Load by tongue and expert"))), bars_(new NmiBars) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(8);
  column->addWidget(map_, 1);
  column->addWidget(bars_);
  column->addStretch();
  map_->setScale(HeatmapView::Scale::LoadRatio);
  map_->setShowNumbers(true);
  map_->setEmptyText(tr("Needs a routed text whose tongues are known: train on babel, the built-in language."));
  connect(map_, &HeatmapView::clicked, this, [this](int, int expert) {
    if (expert >= 0) cursor().setExpert(expert);
  });
  map_->setTip([this](int row, int expert, float u) {
    const RoutedText* t = history().text();
    if (std::isnan(u) || !t || static_cast<std::size_t>(row) >= t->labelNames.size()) return QString();
    return tr("%1, expert %2: %3 × its fair share").arg(QString::fromStdString(t->labelNames[static_cast<std::size_t>(row)])).arg(expert).arg(fixedText(static_cast<double>(u), 2));
  });
}

void TongueExpert::measure() {
  const auto layer = static_cast<std::size_t>(std::max(0, cursor().layer()));
  if (history().store().text() == measured_ && layer == measuredLayer_) return;
  measured_ = history().store().text();          // held, so that its address cannot come back as another text
  measuredLayer_ = layer;
  bars_->setRows(measured_ ? mutualInformationRows(*measured_, layer) : std::vector<NmiRow>{});
}

void TongueExpert::showCursor() {
  measure();
  const RoutedText* t = history().text();
  const auto layer = static_cast<std::size_t>(std::max(0, cursor().layer()));
  caption_.clear();
  const int experts = history().experts(static_cast<int>(layer));
  if (!t) map_->setEmptyText(tr("Needs a routed text: it comes with each window of a live run. A recorded run keeps the numbers, not the text."));
  else map_->setEmptyText(tr("Needs a text whose tongues are known: train on babel, the built-in language."));
  if (!t || t->labels.empty() || layer >= t->expert.size() || experts == 0) {
    map_->setMaximumHeight(QWIDGETSIZE_MAX);
    return map_->setGrid(0, 0, {});
  }
  const auto ratios = labelRatios(*t, layer, experts);
  std::vector<float> values;
  QStringList names;
  double best = 0;
  std::size_t bestRow = 0, bestExpert = 0;
  for (std::size_t row = 0; row < ratios.size(); ++row) {
    names << QString::fromStdString(t->labelNames[row]);
    for (std::size_t e = 0; e < ratios[row].size(); ++e) {
      values.push_back(static_cast<float>(ratios[row][e]));
      if (ratios[row][e] > best) best = ratios[row][e], bestRow = row, bestExpert = e;
    }
  }
  map_->setRowLabels(names);
  map_->setColumnLabels(expertLabels(experts, cursor().expert()));
  map_->setGrid(static_cast<int>(ratios.size()), experts, std::move(values));
  int row = -1;
  if (cursor().token() >= 0 && static_cast<std::size_t>(cursor().token()) < t->labels.size()) row = t->labels[static_cast<std::size_t>(cursor().token())];
  map_->setCursor(row, cursor().expert());
  map_->setMinimumHeight(std::clamp(static_cast<int>(ratios.size()), 1, 8) * 15 + 20);
  map_->setMaximumHeight(static_cast<int>(ratios.size()) * 40 + 20);
  if (names.isEmpty()) return;
  caption_ = tr("This text only. Expert %1 takes %2 × its share of %3").arg(bestExpert).arg(fixedText(best, 1), names[static_cast<int>(bestRow)]);
  if (bars_->rows().empty()) return;
  const NmiRow& place = bars_->rows().back();
  caption_ += place.measured > 1.5 * place.shuffled ? tr("; the place in the text tells something too.") : tr("; the place in the text tells no more than chance.");
}

QString TongueExpert::subtitle() const { return tr("load ÷ fair share, %1, this text only").arg(history().layerName(cursor().layer())); }

QString TongueExpert::csv() const {
  QString out = QStringLiteral("layer,quantity,tongue,expert,value,shuffled\n");
  const RoutedText* t = history().text();
  if (!t) return out;
  for (std::size_t l = 0; l < t->expert.size(); ++l) {
    const QString layer = csvText(history().layerName(static_cast<int>(l)).toStdString());
    const auto ratios = t->labels.empty() ? std::vector<std::vector<double>>{} : labelRatios(*t, l, history().experts(static_cast<int>(l)));
    for (std::size_t row = 0; row < ratios.size(); ++row)
      for (std::size_t e = 0; e < ratios[row].size(); ++e)
        out += csvRow({layer, QStringLiteral("load_ratio"), csvText(t->labelNames[row]), QString::number(e), csvNumber(ratios[row][e]), {}});
    for (const NmiRow& r : mutualInformationRows(*t, l)) out += csvRow({layer, QStringLiteral("nmi with ") + r.name, {}, {}, csvNumber(r.measured), csvNumber(r.shuffled)});
  }
  return out;
}

}  // namespace serp::app
