// SPDX-License-Identifier: GPL-3.0-or-later
// Lays the Train page out and refreshes its parts once a tick, only while it is visible.
#include "app/pages/train_page.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedLayout>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <cmath>

#include "app/models/figures.h"
#include "app/pages/train/architecture_strip.h"
#include "app/pages/train/curves_panel.h"
#include "app/pages/train/events_list.h"
#include "app/pages/train/first_minute.h"
#include "app/pages/train/live_knobs.h"
#include "app/pages/train/samples_pane.h"
#include "app/session/action_registry.h"
#include "app/session/cursor.h"
#include "app/session/design_document.h"
#include "app/session/memory_use.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/elided_label.h"
#include "app/widgets/meters.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {
namespace {

enum Meter { kSpeed, kLeft, kMemory, kDevice };

/// Gives its child its whole place. It has no layout, so a scroll area does not ask it how high its wrapped texts would like to be.
class Holder final : public QWidget {
 public:
  explicit Holder(QWidget* child) : child_(child) {
    child->setParent(this);
    setMinimumSize(1036, 560);
  }

 protected:
  void resizeEvent(QResizeEvent*) override { child_->setGeometry(rect()); }

 private:
  QWidget* child_;
};

QString duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return QStringLiteral("–");
  const auto s = static_cast<qint64>(seconds + 0.5);
  if (s >= 3600) return QObject::tr("%1 h %2 min").arg(s / 3600).arg(s % 3600 / 60);
  if (s >= 60) return QObject::tr("%1 min %2 s").arg(s / 60).arg(s % 60);
  return QObject::tr("%1 s").arg(s);
}

}  // namespace

TrainPage::TrainPage(Workspace& workspace, RunCommands& commands, QWidget* parent)
    : Page(tr("Train"), workspace, parent), stack_(new QStackedLayout(this)), bar_(new QStackedWidget),
      transport_(new TransportBar(*workspace.session, *workspace.actions)), first_(new FirstMinute(workspace, commands)) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  bar_->setFixedHeight(metric::kTopBar);
  bar_->addWidget(buildFirstBar());
  bar_->addWidget(transport_);
  auto* frame = new QScrollArea;
  frame->setWidget(new Holder(first_));
  frame->setWidgetResizable(true);
  frame->setFrameShape(QFrame::NoFrame);
  stack_->addWidget(frame);
  stack_->addWidget(buildRun(commands));
  SessionController* session = workspace.session;
  connect(&session->series(), &SeriesStore::changed, this, &TrainPage::refresh);
  connect(session, &SessionController::runChanged, this, [this] {
    // A run that is started while the first minute is looked at stays there; any other comes with all instruments.
    tour_ = workspace_.session->hasSession() && isVisible() && showsFirstMinute();
    refresh();
  });
  for (QAction* action : first_->experimentActions()) addAction(action);
  connect(first_, &FirstMinute::instrumentsWished, this, &TrainPage::showInstruments);
  connect(first_, &FirstMinute::liveChanged, this, &TrainPage::showStack);
  connect(session, &SessionController::stateChanged, this, [this] {
    refresh();
    Q_EMIT statusChanged();
  });
  if (workspace.design)
    connect(workspace.design, &DesignDocument::planned, this, [this] { design_->setText(workspace_.design->title()); });
  if (workspace.design) design_->setText(workspace.design->title());
  refresh();
}

QWidget* TrainPage::topBar() { return bar_; }

QPushButton* TrainPage::bigButton() const { return first_->bigButton(); }
bool TrainPage::showsEmptyState() const { return workspace_.session->runFolder().empty(); }
bool TrainPage::showsFirstMinute() const { return stack_->currentIndex() == 0; }

void TrainPage::showInstruments() {
  tour_ = false;
  refresh();
}

void TrainPage::showStack() {
  const bool any = !showsEmptyState();
  const int index = any && !tour_ ? 1 : 0;
  if (stack_->currentIndex() != index) {
    stack_->setCurrentIndex(index);
    // 1, 2, 3 are keys of the first minute alone.
    const auto& experiments = first_->experimentActions();
    for (std::size_t i = 0; i < experiments.size(); ++i)
      experiments[i]->setShortcut(index == 0 ? QKeySequence(static_cast<Qt::Key>(Qt::Key_1 + static_cast<int>(i))) : QKeySequence());
  }
  const int bar = any ? 1 : 0;
  if (bar_->currentIndex() != bar) bar_->setCurrentIndex(bar);
  recorded_->setVisible(first_->hasRecording());
  const QString what = first_->hasRecording() ? tr("A finished run of this program, shipped with it. Train it here to see your own.") : tr("Nothing has been trained yet");
  if (what_->text() != what) what_->setText(what);
}

QWidget* TrainPage::buildFirstBar() {
  auto* bar = new QWidget;
  bar->setProperty("role", "topbar");
  bar->setAttribute(Qt::WA_StyledBackground);
  bar->setFixedHeight(metric::kTopBar);
  design_ = new QLabel;
  design_->setProperty("role", "title");
  recorded_ = new QLabel(tr("recorded"));
  recorded_->setProperty("role", "tag-recorded");
  what_ = new ElidedLabel;
  what_->setProperty("role", "muted");
  const auto ghost = [this](const QString& id, const QString& text) -> QWidget* {
    QAction* action = workspace_.actions->find(id);
    if (!action) return nullptr;
    auto* button = new ActionButton(action, {});
    button->setLabel(text);
    button->setProperty("role", "ghost");
    return button;
  };
  auto* row = new QHBoxLayout(bar);
  row->setContentsMargins(16, 0, 8, 0);
  row->setSpacing(8);
  row->addWidget(design_);
  row->addWidget(recorded_, 0, Qt::AlignVCenter);
  row->addWidget(what_, 1);
  for (QWidget* button : {ghost(QStringLiteral("file.open"), tr("Open my own text…")), ghost(QStringLiteral("page.design"), tr("Change the design"))})
    if (button) row->addWidget(button);
  if (QAction* palette = workspace_.actions->find(QStringLiteral("palette.open"))) {
    auto* search = new ActionButton(palette, QStringLiteral("search"), true);
    search->setLabel(tr("Actions, presets, runs"));
    row->addWidget(search);
  }
  return bar;
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
  meters_ = new Meters({tr("tokens/s"), tr("time left"), tr("memory, this program"), tr("device")}, 2);
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

void TrainPage::refresh() {
  showStack();
  if (!isVisible()) return;
  if (showsFirstMinute()) {
    first_->refresh();
    return;
  }
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
    const bool active = workspace_.session->isActive() || workspace_.session->isTrainedElsewhere();
    meters_->set(kLeft, active ? duration(left) : tr("ended"), tr("%1 so far").arg(duration(last.seconds)));
  }
  if (!memoryAge_.isValid() || memoryAge_.elapsed() > 1000) {
    memoryAge_.start();
    const MemoryUse use = memoryUse();
    meters_->set(kMemory, use.resident > 0 ? bytesText(use.resident) : QStringLiteral("–"),
                 info.memoryBytes > 0 ? tr("plan %1, free %2").arg(bytesText(info.memoryBytes), bytesText(use.available))
                                      : tr("free %1").arg(bytesText(use.available)));
  }
  meters_->set(kDevice, info.device.empty() ? QStringLiteral("–") : QString::fromStdString(info.device),
               info.kernels.empty() ? QString() : tr("%1 threads, %2").arg(info.threads).arg(QString::fromStdString(info.kernels)));
}

QString TrainPage::statusText() const {
  const auto& folder = workspace_.session->runFolder();
  if (folder.empty()) return tr("Nothing is training. Press Space to begin, or 1, 2, 3 for an experiment");
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
  right_->setFixedWidth(size.width() < 1200 ? 280 : size.width() < 1360 ? 300 : 328);
  const bool low = size.height() < 760;
  samples_->setFixedHeight(low ? 116 : size.height() > 1000 ? 190 : 148);
  meters_->setFixedHeight(low ? 128 : 148);
}

}  // namespace serp::app
