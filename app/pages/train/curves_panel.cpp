// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the plots from the series store, only with what is new, and keeps their marks and cursors together.
#include "app/pages/train/curves_panel.h"

#include <QButtonGroup>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QSlider>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "app/models/figures.h"
#include "app/pages/train/loss_legend.h"
#include "app/session/cursor.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"
#include "app/widgets/plot_view.h"

namespace serp::app {
namespace {

enum LossCurve { kTrain, kHeldOut };
enum MetricCurve { kMetric };

QPushButton* segment(const QString& text, bool first, bool last) {
  auto* button = new QPushButton(text);
  button->setCheckable(true);
  button->setProperty("role", "segment");
  button->setProperty("first", first);
  button->setProperty("last", last);
  button->setFocusPolicy(Qt::TabFocus);
  QFont strong = button->font();                     // the chosen one is bold: the room is there before it is
  strong.setPixelSize(12);
  strong.setWeight(QFont::DemiBold);
  button->setMinimumWidth(QFontMetrics(strong).horizontalAdvance(text) + 20);
  return button;
}

QColor runColour() { return Theme::instance().curve(0); }

QString scientific(double value) {
  return std::isfinite(value) ? QString::number(value, 'e', 2).replace(QStringLiteral("e-0"), QStringLiteral("e-")) : QStringLiteral("–");
}

}  // namespace

CurvesPanel::CurvesPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), workspace_(workspace) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(metric::kGrid);
  buildLoss();
  buildSmall();
  column->addWidget(lossPanel_, 1);
  column->addWidget(small_);
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) {
    connect(plot, &PlotView::cursorMoved, this, &CurvesPanel::moveCursor);
    connect(plot, &PlotView::clicked, this, [this](double x) {
      workspace_.cursor->setFollowLive(false);
      workspace_.cursor->setStep(std::llround(stepAtAxis(workspace_.session->series().steps(), x, axis_)));
    });
  }
}

void CurvesPanel::buildLoss() {
  const Preferences& preferences = *workspace_.preferences;
  lossPanel_ = new Panel(tr("Loss"), tr("nats per token"));
  lossPanel_->setToolTip(tr("Cross entropy alone, without balance and z-loss"));
  loss_ = new PlotView(tr("Loss"));
  loss_->addCurve({tr("training loss"), runColour, CurveStyle::Kind::Line, true});
  loss_->addCurve({tr("held-out loss"), runColour, CurveStyle::Kind::Discs, false});
  loss_->setLogY(preferences.logY());
  loss_->setShowRaw(preferences.showRaw());
  loss_->setSmoothing(preferences.smoothing());
  loss_->setEmptyText(tr("The first point appears with the first step."));
  loss_->setReadout([this](double x) {
    std::vector<ReadoutRow> rows;
    const CurveData& points = loss_->data(kTrain);
    const auto i = points.nearest(x);
    if (i < 0) return rows;
    const auto& steps = workspace_.session->series().steps();
    const auto at = static_cast<std::size_t>(i);
    if (at < steps.size()) {
      rows.push_back({tr("step"), groupedCount(steps[at].step)});
      rows.push_back({tr("tokens"), shortCount(static_cast<double>(steps[at].tokens))});
    }
    rows.push_back({tr("raw"), fixedText(points.y()[at], 3)});
    if (workspace_.preferences->smoothing() > 0) rows.push_back({tr("smoothed"), fixedText(points.smoothed()[at], 3), true});
    return rows;
  });
  lossPanel_->setBody(loss_);

  legend_ = new LossLegend;
  lossPanel_->addHeaderWidget(legend_);
  auto* xName = new QLabel(tr("x"));
  xName->setProperty("role", "caption");
  lossPanel_->addHeaderWidget(xName);
  auto* axes = new QWidget;
  auto* axisRow = new QHBoxLayout(axes);
  axisRow->setContentsMargins(0, 0, 0, 0);
  axisRow->setSpacing(0);
  auto* group = new QButtonGroup(this);
  for (const RunAxis axis : {RunAxis::Step, RunAxis::Tokens, RunAxis::Seconds, RunAxis::Flops}) {
    auto* button = segment(axisName(axis), axis == RunAxis::Step, axis == RunAxis::Flops);
    button->setChecked(axis == axis_);
    group->addButton(button, static_cast<int>(axis));
    axisRow->addWidget(button);
  }
  connect(group, &QButtonGroup::idClicked, this, [this](int id) { setAxis(static_cast<RunAxis>(id)); });
  lossPanel_->addHeaderWidget(axes);
  auto* logs = new QWidget;
  auto* logRow = new QHBoxLayout(logs);
  logRow->setContentsMargins(0, 0, 0, 0);
  logRow->setSpacing(0);
  auto* logX = segment(tr("log x"), true, false);
  logY_ = segment(tr("log y"), false, true);
  logY_->setChecked(preferences.logY());
  logRow->addWidget(logX);
  logRow->addWidget(logY_);
  connect(logX, &QPushButton::toggled, this, [this](bool on) {
    for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->setLogX(on);
  });
  connect(logY_, &QPushButton::toggled, this, [this](bool on) {
    loss_->setLogY(on);
    workspace_.preferences->setLogY(on);
  });
  lossPanel_->addHeaderWidget(logs);
  auto* name = new QLabel(tr("smoothing"));
  name->setProperty("role", "caption");
  lossPanel_->addHeaderWidget(name);
  // The slider counts nines: 0, 0.9, 0.97, 0.99, 0.997 lie evenly.
  smoothing_ = new QSlider(Qt::Horizontal);
  smoothing_->setRange(0, 300);
  smoothing_->setFixedWidth(56);
  smoothing_->setAccessibleName(tr("Smoothing"));
  smoothing_->setToolTip(tr("Weight kept per step by the moving average; 0 = off. The raw curve stays behind it."));
  smoothing_->setValue(static_cast<int>(std::lround(-100 * std::log10(1 - preferences.smoothing()))));
  smoothingNow_ = new QLabel(QString::number(preferences.smoothing(), 'g', 3));
  smoothingNow_->setProperty("role", "caption");
  smoothingNow_->setFixedWidth(34);
  connect(smoothing_, &QSlider::valueChanged, this, [this](int position) {
    const double weight = position == 0 ? 0 : std::round((1 - std::pow(10, -position / 100.0)) * 1000) / 1000;
    workspace_.preferences->setSmoothing(std::min(weight, 0.999));
  });
  connect(workspace_.preferences, &Preferences::changed, this, [this] {
    const Preferences& p = *workspace_.preferences;
    smoothingNow_->setText(p.smoothing() > 0 ? QString::number(p.smoothing(), 'g', 3) : tr("off"));
    loss_->setShowRaw(p.showRaw());
    logY_->setChecked(p.logY());
    for (PlotView* plot : {loss_, gradNorm_, speed_}) plot->setSmoothing(p.smoothing());
  });
  lossPanel_->addHeaderWidget(smoothing_);
  lossPanel_->addHeaderWidget(smoothingNow_);
  auto* exporter = new QToolButton;
  exporter->setIcon(Theme::instance().icon(QStringLiteral("export")));
  exporter->setToolTip(tr("Export: PNG, SVG, PDF, or every point as CSV"));
  exporter->setAccessibleName(tr("Export"));
  connect(exporter, &QToolButton::clicked, this, &CurvesPanel::exportLoss);
  lossPanel_->addHeaderWidget(exporter);
}

void CurvesPanel::buildSmall() {
  small_ = new QWidget;
  small_->setFixedHeight(148);
  auto* row = new QHBoxLayout(small_);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(metric::kGrid);
  const auto make = [row](const QString& title, const QString& subtitle, bool smoothed, Panel*& panel, PlotView*& plot, QLabel*& now) {
    panel = new Panel(title, subtitle);
    plot = new PlotView(title);
    plot->setCompact(true);
    plot->addCurve({title, runColour, CurveStyle::Kind::Line, smoothed});
    now = new QLabel(QStringLiteral("–"));
    now->setProperty("role", "title");
    panel->addHeaderWidget(now);
    panel->setBody(plot);
    row->addWidget(panel, 1);
  };
  make(tr("Learning rate"), {}, false, ratePanel_, rate_, rateNow_);
  make(tr("Gradient norm"), {}, true, gradPanel_, gradNorm_, gradNow_);
  make(tr("Tokens/s"), tr("thousand"), true, speedPanel_, speed_, speedNow_);
  gradNorm_->setLogY(true);
  for (PlotView* plot : {gradNorm_, speed_}) plot->setSmoothing(workspace_.preferences->smoothing());
}

void CurvesPanel::setCompactHeight(bool on) { small_->setVisible(!on); }

void CurvesPanel::setAxis(RunAxis axis) {
  if (axis == axis_) return;
  axis_ = axis;
  generation_ = -1;                                  // every x changes
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->showAll();
  refresh();
}

void CurvesPanel::appendNew() {
  const SeriesStore& series = workspace_.session->series();
  if (generation_ != series.generation()) {
    generation_ = series.generation();
    for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->clearPoints();
    stepsTaken_ = evalsTaken_ = eventsTaken_ = 0;
    marksStale_ = true;
    const auto& params = workspace_.session->spec().train;
    const double clip = params.has("clip") ? params.real("clip") : 0;
    gradPanel_->setSubtitle(clip > 0 ? tr("clipped at %1").arg(clip) : QString());
  }
  const auto& steps = series.steps();
  for (; stepsTaken_ < steps.size(); ++stepsTaken_) {
    const StepRecord& r = steps[stepsTaken_];
    const double x = axisValue(r, axis_), t = static_cast<double>(r.step);
    loss_->append(kTrain, x, r.loss, t);
    rate_->append(kMetric, x, r.learningRate, t);
    gradNorm_->append(kMetric, x, r.gradNorm, t);
    speed_->append(kMetric, x, r.tokensPerSecond / 1000, t);
  }
  const auto& evals = series.evals();
  for (; evalsTaken_ < evals.size(); ++evalsTaken_) {
    const double step = static_cast<double>(evals[evalsTaken_].step);
    loss_->append(kHeldOut, axisAtStep(steps, step, axis_), evals[evalsTaken_].loss, step);
  }
  if (eventsTaken_ != series.events().size()) {
    eventsTaken_ = series.events().size();
    marksStale_ = true;
  }
}

void CurvesPanel::showMarks() {
  const SeriesStore& series = workspace_.session->series();
  std::vector<PlotFlag> flags;
  for (const RunEvent& event : series.events())
    if (event.kind == EventKind::LiveEdit)
      flags.push_back({axisAtStep(series.steps(), static_cast<double>(event.step), axis_), static_cast<int>(flags.size()) + 1,
                       QString::fromStdString(event.text)});
  std::vector<ReferenceLine> lines;
  const RunInfo& info = series.info();
  if (info.uniformLoss > 0) lines.push_back({info.uniformLoss, tr("uniform guess %1").arg(info.uniformLoss, 0, 'f', 2)});
  if (info.unigramLoss > 0) lines.push_back({info.unigramLoss, tr("letter freq. %1").arg(info.unigramLoss, 0, 'f', 2)});
  if (info.entropyRate >= 0) lines.push_back({info.entropyRate, tr("true entropy %1").arg(info.entropyRate, 0, 'f', 2)});
  const ReferenceResult& reference = workspace_.session->spec().reference;
  if (reference.loss)
    lines.push_back({*reference.loss, tr("%1 %2").arg(QString::fromStdString(reference.source)).arg(*reference.loss, 0, 'f', 2)});
  loss_->setReferenceLines(std::move(lines));
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->setFlags(flags);
}

void CurvesPanel::refresh() {
  if (!isVisible()) return;
  appendNew();
  const SeriesStore& series = workspace_.session->series();
  const auto& steps = series.steps();
  if (marksStale_ || axis_ != RunAxis::Step) showMarks();  // places on the other axes shift while the run grows
  marksStale_ = steps.empty();                       // info may still arrive
  const double budget = static_cast<double>(series.info().budgetSteps);
  const double end = steps.empty() ? (axis_ == RunAxis::Step ? budget : 0) : axisAtStep(steps, budget, axis_);
  const double last = steps.empty() ? 0 : axisValue(steps.back(), axis_);
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) {
    plot->setXRange(0, std::max(end, 0.0));
    plot->setUntrainedFrom(end > last ? last : std::numeric_limits<double>::quiet_NaN());
  }
  if (!steps.empty()) {
    const CurveData& points = loss_->data(kTrain);
    loss_->setNowLabel(tr("now %1").arg(fixedText(points.smoothed().back(), 3)));
    rateNow_->setText(scientific(steps.back().learningRate));
    gradNow_->setText(fixedText(steps.back().gradNorm, 3));
    speedNow_->setText(fixedText(steps.back().tokensPerSecond / 1000, 1));
    loss_->setAccessibleDescription(tr("%1 points, last %2").arg(points.size()).arg(fixedText(points.y().back(), 3)));
  } else {
    for (QLabel* now : {rateNow_, gradNow_, speedNow_}) now->setText(QStringLiteral("–"));
  }
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->refresh();
}

void CurvesPanel::moveCursor(double x) {
  for (PlotView* plot : {loss_, rate_, gradNorm_, speed_}) plot->setCursor(x);
}

void CurvesPanel::exportLoss() {
  const QString name = QString::fromStdString(workspace_.session->runFolder().filename().string());
  auto* dialog = new QFileDialog(this, tr("Export the loss plot"), name + QStringLiteral("-loss.svg"),
                                 tr("Pictures and numbers (*.svg *.pdf *.png *.csv)"));
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    QString why;
    if (loss_->exportTo(file, {1200, 700}, &why)) workspace_.notices->success(tr("Written: %1").arg(file));
    else workspace_.notices->error(why);
  });
  dialog->open();
}

void CurvesPanel::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  legend_->setVisible(event->size().width() >= 980);
}

void CurvesPanel::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  marksStale_ = true;
  refresh();
}

}  // namespace serp::app
