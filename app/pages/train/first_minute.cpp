// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the first minute's panes and keeps them up with the recorded or the live run.
#include "app/pages/train/first_minute.h"

#include <QAction>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <thread>

#include "app/models/background.h"
#include "app/models/figures.h"
#include "app/pages/train/experiment_card.h"
#include "app/pages/train/recorded_run.h"
#include "app/pages/train/stack_sketch.h"
#include "app/routing_views/text_canvas.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/run_commands.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/elided_label.h"
#include "app/widgets/heatmap_view.h"
#include "app/widgets/panel.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {
namespace {

QLabel* label(const char* role, bool wraps = false) {
  auto* l = new QLabel;
  l->setProperty("role", role);
  l->setWordWrap(wraps);
  if (!wraps) l->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  return l;
}

}  // namespace

FirstMinute::FirstMinute(Workspace& workspace, RunCommands& commands, QWidget* parent)
    : QWidget(parent), workspace_(workspace), commands_(commands) {
  static const char* kIds[] = {"train.experiment.1", "train.experiment.2", "train.experiment.3"};
  static const char* kNames[] = {QT_TR_NOOP("Experiment: balancing off"), QT_TR_NOOP("Experiment: two experts per token"),
                                 QT_TR_NOOP("Experiment: attention instead of Mamba")};
  for (int i = 0; i < 3; ++i) {
    QAction* action = workspace.actions->add(QLatin1String(kIds[i]), tr(kNames[i]), QKeySequence(static_cast<Qt::Key>(Qt::Key_1 + i)), tr("Train"), this, [this, i] {
      if (!workspace_.design || !workspace_.design->spec()) return;
      const auto experiments = experimentsOn(*workspace_.design->spec());
      const Experiment& chosen = experiments[static_cast<std::size_t>(i)];
      if (chosen.spec) commands_.train(*chosen.spec);
      else workspace_.notices->warning(chosen.missing);
    });
    action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    experimentActions_.push_back(action);
    cards_[static_cast<std::size_t>(i)] = new ExperimentCard(action);
  }
  buildPanes();
  auto* grid = new QGridLayout;
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setSpacing(metric::kGrid);
  grid->addWidget(sketchPane_.panel, 0, 0, 2, 1);
  grid->addWidget(lossPane_.panel, 0, 1);
  grid->addWidget(textPane_.panel, 0, 2);
  grid->addWidget(loadPane_.panel, 1, 1);
  grid->addWidget(samplesPane_.panel, 1, 2);
  for (const auto& [column, stretch] : {std::pair{0, 296}, {1, 560}, {2, 488}}) grid->setColumnStretch(column, stretch);
  grid->setRowStretch(0, 34);
  grid->setRowStretch(1, 22);
  band_ = new QWidget;
  auto* row = new QHBoxLayout(band_);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(metric::kGrid);
  row->addWidget(buildAction(), 448);
  for (ExperimentCard* card : cards_) row->addWidget(card, 296);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->setSpacing(metric::kGrid);
  column->addLayout(grid, 1);
  column->addWidget(band_);

  SessionController* session = workspace.session;
  connect(session, &SessionController::runChanged, this, [this] {
    pushBehind();
    refresh();
  });
  connect(session, &SessionController::stateChanged, this, &FirstMinute::refresh);
  if (workspace.design) connect(workspace.design, &DesignDocument::planned, this, &FirstMinute::showDesign);
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    textDrawn_ = nullptr;
    refresh();
  });
  showDesign();
}

QPushButton* FirstMinute::bigButton() const { return big_; }

FirstMinute::Pane FirstMinute::makePane(const QString& title, const QString& subtitle, QWidget* content, int margin) {
  Pane pane;
  pane.panel = new Panel(title, subtitle);
  pane.tag = new QLabel(tr("recorded"));
  pane.tag->setProperty("role", "tag-recorded");
  pane.tag->hide();
  pane.panel->addHeaderWidget(pane.tag);
  pane.caption = label("caption", true);
  auto* column = pane.panel->body();
  column->setContentsMargins(margin, 8, margin, 8);
  column->setSpacing(4);
  column->addWidget(content, 1);
  pane.caption->setContentsMargins(margin ? 0 : 12, 0, margin ? 0 : 12, 0);
  column->addWidget(pane.caption);
  pane.panel->setMinimumSize(0, 0);
  return pane;
}

void FirstMinute::buildPanes() {
  sketch_ = new StackSketch;
  sketchPane_ = makePane(tr("Architecture"), {}, sketch_, 12);
  sketchPane_.panel->setMinimumWidth(232);

  loss_ = new PlotView(tr("Loss"));
  loss_->addCurve({tr("loss"), [] { return Theme::instance().curve(0); }, CurveStyle::Kind::Line, true});
  loss_->addCurve({tr("before"), [] { return Theme::mix(Theme::instance().color(Tone::Surface), Theme::instance().color(Tone::Muted), 0.6); },
                   CurveStyle::Kind::Line, true});
  loss_->setSmoothing(0.9);
  loss_->setEmptyText(tr("The curve appears with the first step."));
  loss_->setMinimumHeight(110);
  lossPane_ = makePane(tr("Loss"), tr("nats per token over seconds; lower is better"), loss_, 0);

  auto* reading = new QWidget;
  auto* lines = new QVBoxLayout(reading);
  lines->setContentsMargins(0, 0, 0, 0);
  lines->setSpacing(4);
  legend_ = label("caption");
  legend_->setTextFormat(Qt::RichText);
  text_ = new TextCanvas;
  lines->addWidget(legend_);
  lines->addWidget(text_, 1);
  textPane_ = makePane(tr("Text by expert"), {}, reading, 12);

  load_ = new HeatmapView(tr("Load of the experts"));
  load_->setMinimumHeight(50);
  load_->setEmptyText(tr("Appears with the first window of steps, where the design has experts."));
  loadPane_ = makePane(tr("Load of the experts"), tr("each row is one expert, time runs to the right"), load_, 12);
  loadPane_.caption->setText(tr("Amber takes more than its fair share, blue less; unmarked is fair."));

  auto* written = new QWidget;
  auto* table = new QGridLayout(written);
  table->setContentsMargins(0, 0, 0, 0);
  table->setHorizontalSpacing(12);
  table->setVerticalSpacing(4);
  for (int i = 0; i < 4; ++i) {
    const auto at = static_cast<std::size_t>(i);
    when_[at] = label("caption");
    when_[at]->setMinimumWidth(44);
    when_[at]->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    wrote_[at] = new ElidedLabel;
    wrote_[at]->setProperty("role", i == 3 ? "code" : "code-muted");
    wrote_[at]->setFont(Theme::instance().code());
    wrote_[at]->setTextFormat(Qt::PlainText);
    table->addWidget(when_[at], i, 0);
    table->addWidget(wrote_[at], i, 1);
  }
  table->setColumnStretch(1, 1);
  samplesPane_ = makePane(tr("What it writes"), {}, written, 12);
}

QWidget* FirstMinute::buildAction() {
  auto* frame = new QFrame;
  frame->setProperty("role", "panel");
  frame->setProperty("tone", "accent");
  big_ = new ActionButton(workspace_.actions->find(QStringLiteral("train.toggle")), {}, true);
  big_->setProperty("role", "primary");
  big_->setProperty("big", true);
  big_->setIconName(QStringLiteral("play"));
  big_->setIconSize({30, 22});
  big_->setMinimumSize(240, 72);
  promise_ = label("body", true);
  safety_ = label("muted", true);
  facts_ = label("caption", true);
  instruments_ = new QPushButton(tr("All instruments"));
  instruments_->setToolTip(tr("Live knobs, learning rate, gradient norm, events and meters of this run"));
  connect(instruments_, &QPushButton::clicked, this, &FirstMinute::instrumentsWished);
  auto* column = new QVBoxLayout(frame);
  column->setContentsMargins(20, 16, 20, 12);
  column->setSpacing(6);
  column->addWidget(big_);
  column->addSpacing(4);
  column->addWidget(promise_);
  column->addWidget(safety_);
  column->addStretch();
  auto* bottom = new QHBoxLayout;
  bottom->addWidget(facts_, 1);
  bottom->addWidget(instruments_);
  column->addLayout(bottom);
  return frame;
}

QString FirstMinute::seconds(double s) {
  if (s < 90) return tr("%1 s").arg(std::lround(s));
  return tr("%1 min %2 s").arg(static_cast<int>(s) / 60).arg(static_cast<int>(s) % 60);
}

bool FirstMinute::running() const { return !workspace_.session->runFolder().empty(); }

const SeriesStore& FirstMinute::shown(bool liveHas) const { return running() && liveHas ? workspace_.session->series() : recorded_; }

void FirstMinute::setRecordedTag(const Pane& pane, bool on) { pane.tag->setVisible(on && hasRecording()); }

void FirstMinute::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (!asked_) {
    asked_ = true;
    inBackground(this, [] { return readRecordedRun(); }, [this](RunBatch run) { adopt(run); });
  }
  showExperiments();
  refresh();
}

void FirstMinute::adopt(const RunBatch& run) {
  appendBatch(recorded_, run);
  recorded_.flush();
  refresh();
  Q_EMIT liveChanged();
}

void FirstMinute::showDesign() {
  const DesignDocument* design = workspace_.design;
  if (design && design->spec() && design->plan()) {
    const Plan& plan = *design->plan();
    sketch_->setDesign(*design->spec(), plan);
    sketchPane_.panel->setSubtitle(design->title());
    sketchPane_.caption->setText(tr("%1 parameters, %2 active for a token (without embedding)")
                                     .arg(shortCount(static_cast<double>(plan.nonEmbeddingTotal)), shortCount(static_cast<double>(plan.nonEmbeddingActive))));
  }
  if (isVisible()) showExperiments();
  showAction();
}

void FirstMinute::showExperiments() {
  if (!workspace_.design || !workspace_.design->spec()) return;
  const auto experiments = experimentsOn(*workspace_.design->spec());
  for (std::size_t i = 0; i < cards_.size(); ++i) {
    cards_[i]->show(experiments[i]);
    experimentActions_[i]->setEnabled(experiments[i].spec.has_value());
  }
}

void FirstMinute::pushBehind() {
  if (!drawn_ || loss_->data(kNow).size() == 0) return;
  // Copies, because the store they came from is being cleared.
  const CurveData& now = loss_->data(kNow);
  const std::vector<double> x = now.x(), y = now.y();
  behindName_ = drawn_ == &recorded_ ? tr("recorded") : tr("the run before");
  loss_->clearPoints();
  loss_->setPoints(kBehind, x, y);
  loss_->setNotes({});
  drawn_ = nullptr;
  taken_ = 0;
}

void FirstMinute::refresh() {
  if (!isVisible()) return;
  const SeriesStore& live = workspace_.session->series();
  const bool was = live_;
  live_ = running() && !live.steps().empty();
  showLoss();
  showLoad();
  showText();
  showSamples();
  showAction();
  if (was != live_) Q_EMIT liveChanged();
}

void FirstMinute::showAction() {
  const SessionController& session = *workspace_.session;
  const DesignDocument* design = workspace_.design;
  instruments_->setVisible(running());
  big_->setIconName(session.isActive() && session.state() != RunState::Paused ? QStringLiteral("pause") : QStringLiteral("play"));
  const SeriesStore& live = workspace_.session->series();
  if (running() && !live.steps().empty()) {
    const StepRecord& last = live.steps().back();
    const qint64 budget = live.info().budgetSteps;
    const double left = last.step > 0 ? last.seconds / static_cast<double>(last.step) * static_cast<double>(std::max<qint64>(0, budget - last.step)) : 0;
    promise_->setText(session.isActive() ? tr("Step %1 of %2, %3 left").arg(groupedCount(last.step), groupedCount(budget), seconds(left))
                                         : tr("%1 steps in %2").arg(groupedCount(last.step), seconds(last.seconds)));
    QString said;
    for (auto it = live.events().rbegin(); it != live.events().rend() && said.isEmpty(); ++it)
      if (it->kind != EventKind::Sampled && it->kind != EventKind::Evaluated && it->kind != EventKind::Saved) said = QString::fromStdString(it->text);
    safety_->setText(said);
    facts_->setText(tr("%1 · %2 tokens/s").arg(QString::fromStdString(live.info().device), groupedCount(std::llround(last.tokensPerSecond))));
    return;
  }
  const auto& spec = design ? design->spec() : std::optional<RunSpec>();
  const qint64 steps = spec && spec->train.has("steps") ? spec->train.integer("steps") : 0;
  const bool made = spec && spec->data.has("source") && valueText(spec->data.value("source")).find("babel") != std::string::npos;
  promise_->setText(running() ? tr("Building the model…") : made ? tr("%1 steps, on text made up on the spot.").arg(groupedCount(steps)) : tr("%1 steps.").arg(groupedCount(steps)));
  safety_->setText(tr("You cannot break anything: every run is kept, and it stops by itself."));
  QString took;
  if (hasRecording()) took = tr(" · the recorded run took %1").arg(seconds(recorded_.steps().back().seconds));
  facts_->setText(tr("%1 cores%2 · nothing is downloaded").arg(std::max(1U, std::thread::hardware_concurrency())).arg(took));
}

void FirstMinute::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  const bool low = event->size().height() < 720;
  band_->setFixedHeight(low ? 184 : event->size().height() > 960 ? 252 : 228);
  for (ExperimentCard* card : cards_) card->setPictureShown(event->size().height() >= 660);
  big_->setFixedHeight(low ? 60 : 72);
}

}  // namespace serp::app
