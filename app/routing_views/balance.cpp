// SPDX-License-Identifier: GPL-3.0-or-later
// Curves of MaxVio, dropped tokens and entropy for all layers; the alarm names the longest idle expert.
#include "app/routing_views/balance.h"

#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/routing_views/balance_table.h"
#include "app/routing_views/quantities.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"

namespace serp::app {
namespace {

constexpr std::int64_t kAlarmSteps = 200;
constexpr double kMaxViolation = 1.0;
constexpr int kMostCurves = 24;

double quantity(const Balance& b, int plot) { return plot == 0 ? b.maxViolation : plot == 1 ? 100 * b.drop : b.entropy; }

}  // namespace

BalanceView::BalanceView(const RoutingContext& context) : RoutingView(context), table_(new BalanceTable) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(12);
  grid->setVerticalSpacing(2);
  grid->addWidget(table_, 0, 0, 6, 1, Qt::AlignTop);
  grid->setColumnStretch(0, 2);
  grid->setColumnStretch(1, 3);
  const QString names[] = {tr("MaxVio"), tr("dropped, %"), tr("router entropy, nats")};
  for (int i = 0; i < 3; ++i) {
    auto* label = new QLabel(names[i]);
    label->setProperty("role", "caption");
    plots_[i] = new PlotView(names[i]);
    plots_[i]->setCompact(true);
    plots_[i]->setMinimumHeight(56);
    grid->addWidget(label, 2 * i, 1);
    grid->addWidget(plots_[i], 2 * i + 1, 1);
    grid->setRowStretch(2 * i + 1, 1);
    connect(plots_[i], &PlotView::clicked, this, [this](double step) {
      cursor().setFollowLive(false);
      cursor().setStep(static_cast<qint64>(std::llround(step)));
    });
  }
  plots_[0]->setReferenceLines({{kMaxViolation, tr("alarm above 1")}});
  connect(table_, &BalanceTable::clicked, this, [this](int layer) { cursor().setLayer(layer); });

  alarmRow_ = new QFrame;
  alarmRow_->setObjectName(QStringLiteral("alarm"));
  alarmRow_->setFixedHeight(28);
  auto* row = new QHBoxLayout(alarmRow_);
  row->setContentsMargins(8, 0, 4, 0);
  alarmText_ = new QLabel;
  alarmText_->setProperty("role", "danger");
  row->addWidget(alarmText_, 1);
  auto* show = new QPushButton(tr("Show"));
  auto* mute = new QPushButton(tr("Mute"));
  for (QPushButton* b : {show, mute}) {
    b->setProperty("small", true);
    row->addWidget(b);
  }
  show->setToolTip(tr("Moves the cursor to this expert"));
  mute->setToolTip(tr("Says no more of this expert during this run"));
  connect(show, &QPushButton::clicked, this, [this] {
    cursor().setLayer(alarm_.layer);
    cursor().setExpert(alarm_.expert);
  });
  connect(mute, &QPushButton::clicked, this, [this] {
    muted_.insert(QStringLiteral("%1/%2").arg(alarm_.layer).arg(alarm_.expert));
    findAlarm();
  });
  grid->addWidget(alarmRow_, 6, 0, 1, 2);
  const auto restyle = [this] {
    const Theme& theme = Theme::instance();
    alarmRow_->setStyleSheet(QStringLiteral("#alarm { border: 1px solid %1; border-radius: 6px; background: %2; }")
                                 .arg(theme.color(Tone::Danger).name(), Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Danger), 0.12).name()));
  };
  restyle();
  connect(&Theme::instance(), &Theme::changed, this, restyle);
  alarmRow_->hide();
}

void BalanceView::refresh() {
  fillCurves();
  showCursor();
}

void BalanceView::fillCurves() {
  drawnLayer_ = cursor().layer();
  const auto& frames = history().frames();
  const int layers = std::min(kMostCurves, static_cast<int>(history().layers()));
  for (PlotView* plot : plots_) plot->removeCurves();
  std::vector<double> steps;
  for (const auto& frame : frames) steps.push_back(static_cast<double>(frame->step));
  std::vector<std::vector<double>> values[3];
  for (auto& list : values) list.assign(static_cast<std::size_t>(layers), {});
  for (const auto& frame : frames)
    for (int l = 0; l < layers; ++l) {
      const auto at = static_cast<std::size_t>(l);
      const Balance b = at < frame->layers.size() ? balanceOf(frame->layers[at]) : Balance{NAN, NAN, NAN, NAN, NAN, NAN};
      for (int i = 0; i < 3; ++i) values[i][at].push_back(quantity(b, i));
    }
  // The current layer last: it is drawn over the others.
  for (int turn = 0; turn < 2; ++turn)
    for (int l = 0; l < layers; ++l) {
      const bool current = l == drawnLayer_;
      if (current != (turn == 1)) continue;
      for (int i = 0; i < 3; ++i) {
        CurveStyle style;
        style.name = history().layerName(l);
        style.color = [current] {
          const Theme& theme = Theme::instance();
          return current ? theme.color(Tone::Text) : Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.6);
        };
        const int id = plots_[i]->addCurve(style);
        plots_[i]->setPoints(id, steps, values[i][static_cast<std::size_t>(l)]);
      }
    }
  for (PlotView* plot : plots_) plot->refresh();
}

void BalanceView::showCursor() {
  const RoutingFrame* frame = history().at(cursor().step());
  std::vector<Balance> all;
  QStringList names;
  if (frame)
    for (std::size_t l = 0; l < frame->layers.size(); ++l) {
      all.push_back(balanceOf(frame->layers[l]));
      names << history().layerName(static_cast<int>(l));
    }
  table_->setLayers(std::move(all), names, cursor().layer());
  if (drawnLayer_ != cursor().layer()) fillCurves();
  for (PlotView* plot : plots_) plot->setCursor(frame ? static_cast<double>(frame->step) : NAN);
  findAlarm();
}

void BalanceView::findAlarm() {
  Alarm worst;
  const std::size_t now = history().indexAt(cursor().step());
  for (std::size_t l = 0; l < history().layers(); ++l)
    for (int e = 0; e < history().experts(static_cast<int>(l)); ++e) {
      if (muted_.contains(QStringLiteral("%1/%2").arg(l).arg(e))) continue;
      const std::int64_t idle = idleSteps(history().frames(), now, l, static_cast<std::size_t>(e));
      if (idle >= kAlarmSteps && idle > worst.idle) worst = {static_cast<int>(l), e, idle};
    }
  alarm_ = worst;
  alarmRow_->setVisible(worst.layer >= 0);
  if (worst.layer < 0) return;
  const RoutingFrame* frame = history().at(cursor().step());
  alarmText_->setText(tr("⚠ %1: expert %2 idle for %3 steps, since step %4").arg(history().layerName(worst.layer)).arg(worst.expert).arg(groupedCount(worst.idle)).arg(groupedCount(frame->step - worst.idle)));
}

QString BalanceView::caption() const {
  const RoutingLayer* layer = history().layerAt(cursor().step(), cursor().layer());
  if (!layer) return {};
  const Balance b = balanceOf(*layer);
  return tr("In %1 the busiest expert has %2 × its fair share; entropy is %3 of ln %4 = %5 nats.")
      .arg(history().layerName(cursor().layer()), fixedText(b.maxViolation + 1, 2), fixedText(b.entropy, 2))
      .arg(layer->experts)
      .arg(fixedText(std::log(std::max(1, layer->experts)), 2));
}

QString BalanceView::csv() const {
  QString out = QStringLiteral("step,layer,cv,max_violation,entropy,dead,drop_rate,fill,balance_loss,z_loss\n");
  for (const auto& frame : history().frames())
    for (const RoutingLayer& layer : frame->layers) {
      const Balance b = balanceOf(layer);
      QStringList cells{QString::number(frame->step), csvText(layer.label)};
      for (const double v : {b.variation, b.maxViolation, b.entropy, b.dead, b.drop, b.fill, layer.balanceLoss, layer.zLoss}) cells << csvNumber(v);
      out += csvRow(cells);
    }
  return out;
}

}  // namespace serp::app
