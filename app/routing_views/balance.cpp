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
#include "app/session/series_store.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/qcp.h"

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
  const QString names[] = {tr("MaxVio by step; dashed: alarm above 1"), tr("dropped tokens by step, %"), tr("router entropy by step, nats; dashed: ln E")};
  for (int i = 0; i < 3; ++i) {
    auto* label = new QLabel(names[i]);
    label->setProperty("role", "caption");
    plots_[i] = new PlotView(names[i]);
    plots_[i]->setCompact(true);
    plots_[i]->setMinimumHeight(i == 2 ? 72 : 52);
    // One axis of steps under the three; room for two or three numbers beside each.
    auto* plot = plots_[i]->findChild<QCustomPlot*>();
    plot->xAxis->setTickLabels(i == 2);
    plot->yAxis->ticker()->setTickCount(2);
    grid->addWidget(label, 2 * i, 1);
    grid->addWidget(plots_[i], 2 * i + 1, 1);
    grid->setRowStretch(2 * i + 1, i == 2 ? 5 : 4);
    connect(plots_[i], &PlotView::clicked, this, [this](double step) {
      cursor().setFollowLive(false);
      cursor().setStep(static_cast<qint64>(std::llround(step)));
    });
  }
  plots_[0]->setReferenceLines({{kMaxViolation, {}}});
  connect(table_, &BalanceTable::clicked, this, [this](int layer) { cursor().setLayer(layer); });

  alarmRow_ = new QFrame;
  alarmRow_->setObjectName(QStringLiteral("alarm"));
  alarmRow_->setFixedHeight(28);
  auto* row = new QHBoxLayout(alarmRow_);
  row->setContentsMargins(8, 0, 4, 0);
  alarmText_ = new QLabel;
  alarmText_->setProperty("role", "danger");
  row->addWidget(alarmText_, 1);
  show_ = new QPushButton(tr("Show"));
  mute_ = new QPushButton(tr("Mute"));
  alarmCount_ = new QLabel;
  alarmCount_->setProperty("role", "tag-fault");
  alarmCount_->hide();
  for (QPushButton* b : {show_, mute_}) {
    b->setProperty("small", true);
    row->addWidget(b);
  }
  show_->setToolTip(tr("Moves the cursor there; pressed again, to the next alarm"));
  mute_->setToolTip(tr("Says no more of this during this run"));
  connect(show_, &QPushButton::clicked, this, [this] {
    if (alarms_.empty()) return;
    const Alarm alarm = alarms_[shownAlarm_];
    if (cursor().layer() == alarm.layer && (alarm.expert < 0 || cursor().expert() == alarm.expert) && alarms_.size() > 1) {
      shownAlarm_ = (shownAlarm_ + 1) % alarms_.size();
      showAlarm();
    }
    const Alarm next = alarms_[shownAlarm_];
    cursor().setLayer(next.layer);
    if (next.expert >= 0) cursor().setExpert(next.expert);
  });
  connect(mute_, &QPushButton::clicked, this, [this] {
    if (alarms_.empty()) return;
    muted_.insert(QStringLiteral("%1/%2").arg(alarms_[shownAlarm_].layer).arg(alarms_[shownAlarm_].expert));
    findAlarms();
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

std::vector<QWidget*> BalanceView::headerWidgets() { return {alarmCount_}; }

void BalanceView::refresh() {
  follow();
  fillCurves();
  showCursor();
}

void BalanceView::follow() {
  const auto& frames = history().frames();
  // Frames were taken back (another run, or this one was continued): start afresh.
  if (balances_.size() > frames.size() || (!balances_.empty() && frames[balances_.size() - 1].get() != followedTo_)) {
    balances_.clear();
    drawnLayer_ = -1;
  }
  for (std::size_t i = balances_.size(); i < frames.size(); ++i) {
    auto& row = balances_.emplace_back();
    for (const RoutingLayer& layer : frames[i]->layers) row.push_back(balanceOf(layer));
  }
  followedTo_ = frames.empty() ? nullptr : frames.back().get();
}

/// All layers, or as many as can be told apart, the current one among them and last: it is drawn over the others.
std::vector<int> BalanceView::curveLayers() const {
  const int count = static_cast<int>(history().layers()), shown = std::min(kMostCurves, count);
  std::vector<int> out;
  for (int i = 0; i < shown; ++i)
    if (const int layer = static_cast<int>(static_cast<std::int64_t>(i) * count / shown); layer != cursor().layer()) out.push_back(layer);
  if (cursor().layer() >= 0 && cursor().layer() < count) out.push_back(cursor().layer());
  return out;
}

void BalanceView::fillCurves() {
  const std::vector<int> layers = curveLayers();
  const bool afresh = drawnLayer_ != cursor().layer() || static_cast<std::size_t>(curves_.size()) != layers.size() || drawnFrames_ > balances_.size();
  if (afresh) {
    for (PlotView* plot : plots_) plot->removeCurves();
    curves_.clear();
    drawnFrames_ = 0;
    drawnLayer_ = cursor().layer();
    for (const int layer : layers) {
      const bool current = layer == drawnLayer_;
      CurveStyle style;
      style.name = history().layerName(layer);
      style.color = [current] {
        const Theme& theme = Theme::instance();
        return current ? theme.color(Tone::Text) : Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.6);
      };
      for (PlotView* plot : plots_) curves_[layer] = plot->addCurve(style);
    }
  }
  const auto& frames = history().frames();
  for (; drawnFrames_ < balances_.size(); ++drawnFrames_) {
    const auto step = static_cast<double>(frames[drawnFrames_]->step);
    for (auto it = curves_.cbegin(); it != curves_.cend(); ++it) {
      const auto& row = balances_[drawnFrames_];
      if (static_cast<std::size_t>(it.key()) >= row.size()) continue;
      for (int i = 0; i < 3; ++i)
        if (const double value = quantity(row[static_cast<std::size_t>(it.key())], i); std::isfinite(value)) plots_[i]->append(it.value(), step, value, step);
    }
  }
  if (const int experts = history().experts(cursor().layer()); experts > 1) plots_[2]->setReferenceLines({{std::log(experts), {}}});
  for (PlotView* plot : plots_) plot->refresh();
}

void BalanceView::showCursor() {
  follow();
  const RoutingFrame* frame = history().at(cursor().step());
  QStringList names;
  for (std::size_t l = 0; frame && l < frame->layers.size(); ++l) names << history().layerName(static_cast<int>(l));
  table_->setLayers(frame ? balances_[history().indexAt(cursor().step())] : std::vector<Balance>{}, names, cursor().layer());
  if (drawnLayer_ != cursor().layer()) fillCurves();
  for (PlotView* plot : plots_) plot->setCursor(frame ? static_cast<double>(frame->step) : NAN);
  findAlarms();
}

void BalanceView::findAlarms() {
  const QString run = QString::fromStdString(history().store().info().folder);
  if (run != mutedFor_) muted_.clear();
  mutedFor_ = run;
  alarms_.clear();
  const auto muted = [this](int layer, int expert) { return muted_.contains(QStringLiteral("%1/%2").arg(layer).arg(expert)); };
  for (int l = 0; l < static_cast<int>(history().layers()); ++l) {
    for (int e = 0; e < history().experts(l); ++e)
      if (const std::int64_t idle = history().idle(cursor().step(), l, e); idle >= kAlarmSteps && !muted(l, e)) alarms_.push_back({l, e, idle, 0});
    const auto& row = balances_.empty() ? std::vector<Balance>{} : balances_[history().indexAt(cursor().step())];
    if (static_cast<std::size_t>(l) < row.size() && row[static_cast<std::size_t>(l)].maxViolation > kMaxViolation && !muted(l, -1)) alarms_.push_back({l, -1, 0, row[static_cast<std::size_t>(l)].maxViolation});
  }
  std::stable_sort(alarms_.begin(), alarms_.end(), [](const Alarm& a, const Alarm& b) { return a.idle != b.idle ? a.idle > b.idle : a.maxViolation > b.maxViolation; });
  if (shownAlarm_ >= alarms_.size()) shownAlarm_ = 0;
  showAlarm();
}

void BalanceView::showAlarm() {
  alarmCount_->setVisible(!alarms_.empty());
  alarmRow_->setVisible(!alarms_.empty());
  if (alarms_.empty()) return;
  alarmCount_->setText(alarms_.size() == 1 ? tr("1 alarm") : tr("%1 alarms").arg(alarms_.size()));
  const RoutingFrame* frame = history().at(cursor().step());
  const Alarm& alarm = alarms_[shownAlarm_];
  const QString layer = history().layerName(alarm.layer);
  alarmText_->setText(alarm.expert >= 0 ? tr("⚠ %1: expert %2 idle for %3 steps, since step %4").arg(layer).arg(alarm.expert).arg(groupedCount(alarm.idle), groupedCount(frame->step - alarm.idle))
                                        : tr("⚠ %1: the busiest expert has %2 × its fair share").arg(layer, fixedText(alarm.maxViolation + 1, 2)));
  alarmText_->setToolTip(alarmText_->text());
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
