// SPDX-License-Identifier: GPL-3.0-or-later
// Lays the Train page out and refreshes its parts once a tick, only while it is visible.
#include "app/pages/train_page.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedLayout>
#include <QVBoxLayout>
#include <cmath>

#include "app/models/figures.h"
#include "app/pages/train/architecture_strip.h"
#include "app/pages/train/curves_panel.h"
#include "app/pages/train/events_list.h"
#include "app/pages/train/live_knobs.h"
#include "app/pages/train/samples_pane.h"
#include "app/session/action_registry.h"
#include "app/session/cursor.h"
#include "app/session/design_document.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/meters.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {
namespace {

enum Meter { kSpeed, kLeft, kMemory, kDevice };

QString duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return QStringLiteral("–");
  const auto s = static_cast<qint64>(seconds + 0.5);
  if (s >= 3600) return QObject::tr("%1 h %2 min").arg(s / 3600).arg(s % 3600 / 60);
  if (s >= 60) return QObject::tr("%1 min %2 s").arg(s / 60).arg(s % 60);
  return QObject::tr("%1 s").arg(s);
}

}  // namespace

TrainPage::TrainPage(Workspace& workspace, RunCommands& commands, QWidget* parent)
    : Page(tr("Train"), workspace, parent), stack_(new QStackedLayout(this)),
      transport_(new TransportBar(*workspace.session, *workspace.actions)) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  stack_->addWidget(buildEmpty());
  stack_->addWidget(buildRun(commands));
  SessionController* session = workspace.session;
  connect(&session->series(), &SeriesStore::changed, this, &TrainPage::refresh);
  connect(session, &SessionController::runChanged, this, &TrainPage::refresh);
  connect(session, &SessionController::stateChanged, this, [this] {
    refresh();
    Q_EMIT statusChanged();
  });
  if (workspace.design) connect(workspace.design, &DesignDocument::planned, this, &TrainPage::showDesign);
  showDesign();
  refresh();
}

QWidget* TrainPage::topBar() { return transport_; }

bool TrainPage::showsEmptyState() const { return stack_->currentIndex() == 0; }

QWidget* TrainPage::buildEmpty() {
  auto* page = new QWidget;
  auto* column = new QVBoxLayout(page);
  column->setAlignment(Qt::AlignCenter);
  column->setSpacing(16);
  emptyTitle_ = new QLabel;
  emptyTitle_->setProperty("role", "headline");
  emptyTitle_->setAlignment(Qt::AlignCenter);
  emptyText_ = new QLabel;
  emptyText_->setProperty("role", "muted");
  emptyText_->setAlignment(Qt::AlignCenter);
  emptyText_->setWordWrap(true);
  emptyText_->setMaximumWidth(620);
  emptyText_->setMinimumWidth(520);
  auto* button = new ActionButton(workspace_.actions->find(QStringLiteral("train.toggle")), QStringLiteral("play"), true);
  button->setProperty("role", "primary");
  button->setMinimumSize(398, 72);
  button->setStyleSheet(QStringLiteral("QPushButton { font-size: 20px; }"));
  big_ = button;
  auto* hint = new QLabel(tr("Nothing is downloaded: the default text is generated here. Runs are kept in the runs folder (Settings).\n"
                             "Drop a .yaml design or a text file on the window to use your own."));
  hint->setProperty("role", "caption");
  hint->setAlignment(Qt::AlignCenter);
  for (QWidget* w : std::initializer_list<QWidget*>{emptyTitle_, emptyText_, big_, hint}) column->addWidget(w, 0, Qt::AlignCenter);
  return page;
}

QWidget* TrainPage::buildRun(RunCommands& commands) {
  auto* page = new QWidget;
  page->setMinimumHeight(600);
  auto* row = new QHBoxLayout(page);
  row->setContentsMargins(8, 8, 8, 8);
  row->setSpacing(metric::kGrid);
  auto* left = new QVBoxLayout;
  left->setSpacing(metric::kGrid);
  curves_ = new CurvesPanel(workspace_);
  stripPanel_ = new Panel(tr("Architecture, live"), tr("norm of the stream, update ÷ residual, gradient norm; bars: load, dashed line = fair share"));
  strip_ = new ArchitectureStrip(workspace_);
  auto* scroll = new QScrollArea;
  scroll->setWidget(strip_);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  stripPanel_->setBody(scroll);
  stripPanel_->setFixedHeight(154);
  samples_ = new SamplesPane(workspace_);
  samples_->setFixedHeight(148);
  left->addWidget(curves_, 1);
  left->addWidget(stripPanel_);
  left->addWidget(samples_);
  right_ = new QWidget;
  right_->setFixedWidth(328);
  auto* column = new QVBoxLayout(right_);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(metric::kGrid);
  meters_ = new Meters({tr("tokens/s"), tr("time left"), tr("memory, planned"), tr("device")}, 2);
  meters_->setFixedHeight(148);
  knobs_ = new LiveKnobs(workspace_, commands);
  events_ = new EventsList(workspace_);
  column->addWidget(meters_);
  column->addWidget(knobs_, 11);
  column->addWidget(events_, 10);
  row->addLayout(left, 1);
  row->addWidget(right_);
  connect(events_, &EventsList::stepChosen, this, [this](qint64 step) {
    workspace_.cursor->setFollowLive(false);
    workspace_.cursor->setStep(step);
    curves_->loss()->setCursor(static_cast<double>(step));
  });
  auto* frame = new QScrollArea;  // below 1100 x 700 the page scrolls, nothing is squeezed further
  frame->setWidget(page);
  frame->setWidgetResizable(true);
  frame->setFrameShape(QFrame::NoFrame);
  page->setMinimumWidth(1036);
  return frame;
}

void TrainPage::showDesign() {
  const DesignDocument* design = workspace_.design;
  const QString name = design ? design->title() : QString();
  emptyTitle_->setText(name.isEmpty() ? tr("Open a design to train it") : name);
  QString text;
  if (design && design->plan()) {
    const Plan& plan = *design->plan();
    text = tr("%1: %2 parameters, %3 of them active for a token (without embedding). ")
               .arg(QString::fromStdString(plan.pattern), shortCount(static_cast<double>(plan.nonEmbeddingTotal)),
                    shortCount(static_cast<double>(plan.nonEmbeddingActive)));
    if (design->spec()) text += tr("%1 steps of %2 tokens.").arg(groupedCount(design->spec()->train.integer("steps")), groupedCount(plan.batch * plan.context));
  }
  emptyText_->setText(text);
}

void TrainPage::refresh() {
  const bool any = !workspace_.session->runFolder().empty();
  if (stack_->currentIndex() != (any ? 1 : 0)) stack_->setCurrentIndex(any ? 1 : 0);
  if (!isVisible() || !any) return;
  curves_->refresh();
  knobs_->refresh();
  strip_->refresh();
  samples_->refresh();
  events_->refresh();
  showMeters();
}

void TrainPage::showMeters() {
  const SeriesStore& series = workspace_.session->series();
  const RunInfo& info = series.info();
  if (series.steps().empty()) {
    meters_->set(kSpeed, QStringLiteral("–"));
    meters_->set(kLeft, QStringLiteral("–"));
  } else {
    const StepRecord& last = series.steps().back();
    // The mean of the last steps: a single step's speed jumps too much to read.
    const std::size_t n = std::min<std::size_t>(series.steps().size(), 20);
    double ms = 0, rate = 0;
    for (std::size_t i = series.steps().size() - n; i < series.steps().size(); ++i) {
      ms += series.steps()[i].stepMs / static_cast<double>(n);
      rate += series.steps()[i].tokensPerSecond / static_cast<double>(n);
    }
    meters_->set(kSpeed, groupedCount(std::llround(rate)), tr("%1 ms a step").arg(fixedText(ms, ms < 10 ? 1 : 0)));
    const double perStep = last.step > 0 ? last.seconds / static_cast<double>(last.step) : 0;
    const double left = perStep * static_cast<double>(std::max<qint64>(0, info.budgetSteps - last.step));
    const bool active = workspace_.session->isActive();
    meters_->set(kLeft, active ? duration(left) : tr("ended"), tr("%1 so far").arg(duration(last.seconds)));
  }
  meters_->set(kMemory, info.memoryBytes > 0 ? bytesText(info.memoryBytes) : QStringLiteral("–"),
               info.parameters > 0 ? tr("%1 parameters").arg(shortCount(static_cast<double>(info.parameters))) : QString());
  meters_->set(kDevice, info.device.empty() ? QStringLiteral("–") : QString::fromStdString(info.device),
               info.kernels.empty() ? QString() : tr("%1 threads, %2").arg(info.threads).arg(QString::fromStdString(info.kernels)));
}

QString TrainPage::statusText() const {
  const auto& folder = workspace_.session->runFolder();
  if (folder.empty()) return tr("Space trains the open design");
  return tr("Run folder %1, %2 records kept").arg(QString::fromStdString(folder.string()),
                                                  groupedCount(static_cast<qint64>(workspace_.session->series().steps().size())));
}

void TrainPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  refresh();
}

void TrainPage::resizeEvent(QResizeEvent* event) {
  Page::resizeEvent(event);
  const QSize size = event->size();
  right_->setFixedWidth(size.width() < 1200 ? 280 : size.width() < 1500 ? 300 : 328);
  const bool low = size.height() < 760;
  samples_->setFixedHeight(low ? 116 : size.height() > 1000 ? 190 : 148);
  meters_->setFixedHeight(low ? 128 : 148);
}

}  // namespace serp::app
