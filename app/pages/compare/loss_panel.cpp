// SPDX-License-Identifier: GPL-3.0-or-later
// Curves of the shown runs; the raw curve stays faint behind the smoothed one, held-out losses are discs, seeds make a band.
#include "app/pages/compare/loss_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <limits>

#include "app/models/figures.h"
#include "app/pages/caption.h"
#include "app/pages/compare/direct_labels.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"

namespace serp::app {
namespace {

constexpr double kWeights[] = {0, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995};
constexpr int kUsual = 3;
constexpr std::size_t kBandPoints = 1200, kReadoutRows = 10;

QString figure(double value, CurveAxis axis) {
  if (axis == CurveAxis::Step) return groupedCount(static_cast<qint64>(std::llround(value)));
  if (axis == CurveAxis::Seconds) return fixedText(value, value < 100 ? 1 : 0) + QStringLiteral(" s");
  return shortCount(value);
}

}  // namespace

LossPanel::LossPanel(QWidget* parent) : Panel(tr("Loss"), {}, parent), plot_(new PlotView(tr("Loss of the shown runs"))), caption_(new Caption) {
  setToolTip(tr("Cross entropy in nats per token. Lines: training; hollow discs: held-out text. A band spans the lowest and the highest of several seeds. "
                "Rings at the right edge: published losses of a preset, on the paper's data. Seconds leave pauses out."));
  auto* smoothLabel = new QLabel(tr("smooth"));
  smoothLabel->setProperty("role", "caption");
  addHeaderWidget(smoothLabel);
  smoothing_ = new QSlider(Qt::Horizontal);
  smoothing_->setRange(0, static_cast<int>(std::size(kWeights)) - 1);
  smoothing_->setValue(kUsual);
  smoothing_->setFixedWidth(64);
  smoothing_->setAccessibleName(tr("Smoothing, 0 is off"));
  smoothing_->setToolTip(tr("Time-weighted moving average without start-up bias; the raw curve stays faint behind it. The left end is off."));
  addHeaderWidget(smoothing_);
  auto* axes = new QWidget;
  auto* row = new QHBoxLayout(axes);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(0);
  auto* group = new QButtonGroup(this);
  const QString names[] = {tr("step"), tr("tokens"), tr("seconds"), tr("FLOPs")};
  for (int i = 0; i < 4; ++i) {
    auto* button = segments_[i] = new QPushButton(names[i]);
    button->setProperty("role", "segment");
    button->setProperty("first", i == 0);
    button->setProperty("last", i == 3);
    button->setCheckable(true);
    button->setChecked(i == static_cast<int>(axis_));
    button->setAccessibleName(tr("x axis: %1").arg(names[i]));
    QFont bold = button->font();
    bold.setPixelSize(12);
    bold.setWeight(QFont::DemiBold);
    button->setMinimumWidth(QFontMetrics(bold).horizontalAdvance(names[i]) + 18);   // the chosen one is set in bold
    group->addButton(button, i);
    row->addWidget(button);
  }
  addHeaderWidget(axes);
  connect(group, &QButtonGroup::idClicked, this, [this](int id) { setAxis(static_cast<CurveAxis>(id)); });
  const auto toggle = [&](const QString& text, auto act) {
    auto* button = new QPushButton(text);
    button->setProperty("role", "segment");
    button->setProperty("first", true);
    button->setProperty("last", true);
    button->setCheckable(true);
    connect(button, &QPushButton::toggled, this, act);
    addHeaderWidget(button);
  };
  toggle(tr("log x"), [this](bool on) { plot_->setLogX(on); });
  toggle(tr("log y"), [this](bool on) { plot_->setLogY(on); });
  connect(smoothing_, &QSlider::valueChanged, this, [this](int at) { setSmoothing(kWeights[at]); });
  weight_ = kWeights[kUsual];
  plot_->setSmoothing(weight_);
  plot_->setShowRaw(true);
  plot_->setEmptyText(tr("No run is shown. Switch on an eye in the table."));
  plot_->setMinimumHeight(120);
  plot_->setReadout([this](double x) {
    std::vector<std::pair<double, ReadoutRow>> found;
    for (const Drawn& d : drawn_) {
      const CurveData& points = plot_->data(d.curve);
      const auto at = points.nearest(x);
      if (at < 0 || x > points.x().back() || x < points.x().front()) continue;
      const double y = weight_ > 0 ? points.smoothed()[static_cast<std::size_t>(at)] : points.y()[static_cast<std::size_t>(at)];
      found.push_back({y, {runs_[d.run].name, fixedText(y, 3), runs_[d.run].baseline}});
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (found.size() > kReadoutRows) found.resize(kReadoutRows);
    const QString axisNames[] = {tr("step"), tr("tokens"), tr("seconds"), tr("FLOPs")};
    std::vector<ReadoutRow> rows{{axisNames[static_cast<int>(axis_)], figure(x, axis_), false}};
    for (auto& entry : found) rows.push_back(std::move(entry.second));
    return rows;
  });
  connect(plot_, &PlotView::cursorMoved, plot_, &PlotView::setCursor);
  labels_ = new DirectLabels(plot_->findChild<QCustomPlot*>());
  labels_->setLayer(QStringLiteral("axes"));
  setBody(plot_);
  caption_->setContentsMargins(12, 0, 12, 6);
  body()->setSpacing(2);
  body()->addWidget(caption_);
}

void LossPanel::setAxis(CurveAxis axis) {
  segments_[static_cast<int>(axis)]->setChecked(true);
  if (axis == axis_) return;
  axis_ = axis;
  draw();
  plot_->showAll();
}

void LossPanel::setSmoothing(double weight) {
  weight_ = weight;
  plot_->setSmoothing(weight);
  for (const Drawn& d : drawn_) drawBand(d);
  label();
  plot_->refresh();
}

void LossPanel::setRuns(std::vector<ShownRun> runs, Measure by) {
  runs_ = std::move(runs);
  by_ = by;
  draw();
}

void LossPanel::draw() {
  const QString units[] = {tr("step"), tr("tokens"), tr("seconds of training"), tr("training FLOPs")};
  plot_->removeCurves();
  drawn_.clear();
  plot_->setAxisLabels(units[static_cast<int>(axis_)], tr("loss, nats per token"));
  std::size_t seeds = 0, drawn = 0;
  bool heldOut = false;
  std::vector<ReferenceLine> published;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const ShownRun& run = runs_[i];
    if (!run.curves) continue;
    ++drawn;
    seeds = std::max(seeds, run.seeds.size());
    CurveStyle style;
    style.name = run.name;
    style.color = [colour = run.colour] { return colour; };
    style.smoothed = true;
    if (run.dashed) style.kind = CurveStyle::Kind::Dashed;
    std::vector<double> x, y, t;
    for (const StepRecord& s : run.curves->steps) {
      x.push_back(axisValue(s, axis_));
      y.push_back(s.loss);
      t.push_back(static_cast<double>(s.step));
    }
    const Drawn place{i, plot_->addCurve(style)};
    plot_->setPoints(place.curve, x, y, t);
    drawn_.push_back(place);
    drawBand(place);
    style.kind = CurveStyle::Kind::Discs;
    style.smoothed = false;
    style.name = tr("%1, held out").arg(run.name);
    x.clear(), y.clear(), t.clear();
    for (const EvalRecord& e : run.curves->evals) {
      x.push_back(axisValue(e, axis_, *run.curves));
      y.push_back(e.loss);
      t.push_back(static_cast<double>(e.step));
    }
    heldOut |= !x.empty();
    if (!x.empty()) plot_->setPoints(plot_->addCurve(style), x, y, t);
    const auto& loss = run.curves->reference.loss;
    const auto same = [&](const ReferenceLine& line) { return loss && line.y == *loss; };
    if (loss && std::none_of(published.begin(), published.end(), same)) published.push_back({*loss, {}});
  }
  plot_->setReferenceLines(std::move(published));  // without a name: the labels beside the curves name them
  label();
  plot_->refresh();
  if (drawn == 0) return setSubtitle({});
  QString text = seeds > 1 ? tr("band: %1 seeds").arg(seeds) : drawn == 1 ? tr("1 run") : tr("%1 runs").arg(drawn);
  if (heldOut) text += tr("; discs: held out");
  setSubtitle(text);
}

void LossPanel::drawBand(const Drawn& drawn) {
  const ShownRun& run = runs_[drawn.run];
  if (run.seeds.size() < 2) return;
  SeedBand band = seedBand(run.seeds, weight_, kBandPoints);
  std::vector<double> x;
  for (const std::size_t i : band.at) x.push_back(axisValue(run.curves->steps[i], axis_));
  plot_->setBand(drawn.curve, std::move(x), std::move(band.low), std::move(band.high));
}

void LossPanel::label() {
  std::vector<DirectLabel> labels;
  for (const Drawn& d : drawn_) {
    const ShownRun& run = runs_[d.run];
    const CurveData& points = plot_->data(d.curve);
    if (points.size() == 0) continue;
    const double y = weight_ > 0 ? points.smoothed().back() : points.y().back();
    QString name = run.name;
    name.replace(tr(", seed "), QStringLiteral(" s"));         // the margin is narrow, and the seed is what tells these apart
    labels.push_back({points.x().back(), y, name, [colour = run.colour] { return colour; }, false, run.baseline});
  }
  std::vector<double> rings;
  for (const ShownRun& run : runs_) {
    if (!run.curves || !run.curves->reference.loss) continue;
    const double y = *run.curves->reference.loss;
    if (std::find(rings.begin(), rings.end(), y) != rings.end()) continue;
    rings.push_back(y);
    labels.push_back({0, y, tr("paper %1, %2").arg(fixedText(y, 2), run.design), [colour = run.colour] { return colour; }, true, false});
  }
  labels_->setLabels(std::move(labels));
  caption_->say(caption());
}

QString LossPanel::caption() const {
  const ShownRun *best = nullptr, *base = nullptr;
  double common = std::numeric_limits<double>::infinity();
  for (const ShownRun& run : runs_) {
    const auto points = run.curves ? lossPoints(*run.curves, by_) : std::vector<LossPoint>{};
    if (points.empty()) continue;
    if (run.baseline) base = &run;
    common = std::min(common, points.back().tokens);
  }
  double lowest = std::numeric_limits<double>::infinity();
  for (const ShownRun& run : runs_) {
    const double loss = run.curves ? lossAtTokens(lossPoints(*run.curves, by_), common) : lowest;
    if (loss < lowest) lowest = loss, best = &run;
  }
  if (!best) return drawn_.empty() ? QString() : tr("No loss is logged yet.");
  QString text = tr("At %1 tokens, which every run has seen, %2 is lowest: %3 nats per token%4").arg(shortCount(common), best->name, fixedText(lowest, 3), by_.heldOut ? tr(" held out") : QString());
  if (base && base != best) {
    const double other = lossAtTokens(lossPoints(*base->curves, by_), common);
    if (std::isfinite(other)) text += tr(", %1 against the baseline %2").arg(signedText(lowest - other, 3), base->name);
  }
  return text + QLatin1Char('.');
}

QString LossPanel::csv() const {
  QString out = QStringLiteral("run,seed_of_group,series,step,tokens,seconds,flops,loss,aux_loss,z_loss,accuracy,learning_rate,grad_norm,tokens_per_s,bits_per_byte\n");
  const auto number = [](double v) { return std::isfinite(v) ? QString::number(v, 'g', 17) : QString(); };
  for (const ShownRun& run : runs_) {
    std::vector<std::shared_ptr<const RunCurves>> all = run.seeds;
    if (all.empty() && run.curves) all.push_back(run.curves);
    QString name = run.seeds.empty() ? run.name : run.design;
    name = QLatin1Char('"') + name.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
    for (std::size_t k = 0; k < all.size(); ++k) {
      const QString head = name + QLatin1Char(',') + QString::number(k + 1) + QLatin1Char(',');
      for (const StepRecord& s : all[k]->steps) {
        QStringList cells{QStringLiteral("train"), QString::number(s.step), QString::number(s.tokens)};
        for (const double v : {s.seconds, s.flops, s.loss, s.auxLoss, s.zLoss, s.accuracy, s.learningRate, s.gradNorm, s.tokensPerSecond}) cells << number(v);
        out += head + cells.join(QLatin1Char(',')) + QStringLiteral(",\n");
      }
      for (const EvalRecord& e : all[k]->evals) {
        QStringList cells{QStringLiteral("held_out"), QString::number(e.step), QString::number(e.tokens), number(e.seconds), QString(), number(e.loss), QString(), QString(), number(e.accuracy), QString(), QString(), QString(), number(e.bitsPerByte)};
        out += head + cells.join(QLatin1Char(',')) + QLatin1Char('\n');
      }
    }
  }
  return out;
}

}  // namespace serp::app
