// SPDX-License-Identifier: GPL-3.0-or-later
// Views in columns, one cursor, one refresh for all.
#include "app/pages/routing_page.h"

#include <QAction>
#include <QAbstractItemView>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "app/models/figures.h"
#include "app/models/runs_model.h"
#include "app/pages/caption.h"
#include "app/pages/picture.h"
#include "app/routing_views/routing_view.h"
#include "app/session/action_registry.h"
#include "app/session/notices.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"
#include "app/widgets/transport_bar.h"
#include "engine/api/catalog.h"

namespace serp::app {
namespace {

constexpr int kSettleMs = 200, kWide = 1400;     // five pictures a second are plenty; one repaint per tick

bool hasExperts(const BlockSpec& block) {
  const BlockInfo* info = findBlock(block.kind);
  if (info && info->family == Family::Experts) return true;
  if (std::any_of(block.children.begin(), block.children.end(), hasExperts)) return true;
  return std::any_of(block.filled.begin(), block.filled.end(), [](const auto& slot) { return hasExperts(slot.second); });
}

}  // namespace

RoutingPage::RoutingPage(Workspace& workspace, QWidget* parent) : Page(tr("Routing"), workspace, parent), history_(std::make_unique<RoutingHistory>(&workspace.session->series())) {
  setFocusPolicy(Qt::StrongFocus);
  stack_ = new QStackedWidget(this);
  auto* page = new QVBoxLayout(this);
  page->setContentsMargins(0, 0, 0, 0);
  page->addWidget(stack_);
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  columns_ = new QWidget;
  scroll->setWidget(columns_);
  stack_->addWidget(scroll);
  auto* blank = new QWidget;
  auto* column = new QVBoxLayout(blank);
  empty_ = new QLabel;
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setWordWrap(true);
  empty_->setProperty("role", "muted");
  column->addStretch();
  column->addWidget(empty_);
  auto* buttons = new QHBoxLayout;
  buttons->addStretch();
  for (const auto& [id, text] : {std::pair{QStringLiteral("page.design"), tr("Open Design")}, std::pair{QStringLiteral("page.train"), tr("Open Train")}}) {
    auto* button = new QPushButton(text);
    connect(button, &QPushButton::clicked, this, [this, name = id] {
      if (workspace_.actions) workspace_.actions->trigger(name);
    });
    buttons->addWidget(button);
  }
  buttons->addStretch();
  column->addLayout(buttons);
  column->addStretch();
  stack_->addWidget(blank);

  settle_ = new QTimer(this);
  settle_->setSingleShot(true);
  settle_->setInterval(kSettleMs);
  connect(settle_, &QTimer::timeout, this, &RoutingPage::take);
  buildTopBar();
  buildColumns();
  registerActions();
  const auto soon = [this] {
    stale_ = true;
    if (isVisible() && !settle_->isActive()) settle_->start();
  };
  connect(&workspace_.session->series(), &SeriesStore::changed, this, soon);
  connect(&workspace_.session->series(), &SeriesStore::cleared, this, soon);
  connect(workspace_.session, &SessionController::runChanged, this, [this, soon] {
    workspace_.cursor->setFollowLive(true);
    fillRuns();
    soon();
  });
  connect(workspace_.session, &SessionController::stateChanged, this, soon);
  moved_ = new QTimer(this);
  moved_->setSingleShot(true);
  moved_->setInterval(0);                        // a click moves step, layer and expert: one pass over the views, not three
  connect(moved_, &QTimer::timeout, this, &RoutingPage::showCursor);
  connect(workspace_.cursor, &Cursor::changed, this, [this] {
    if (isVisible()) moved_->start();
    else stale_ = true;
  });
  connect(&Theme::instance(), &Theme::changed, this, soon);
}

RoutingPage::~RoutingPage() = default;

void RoutingPage::buildTopBar() {
  topBar_ = new QWidget;
  topBar_->setProperty("role", "topbar");
  topBar_->setFixedHeight(metric::kTopBar);
  auto* row = new QHBoxLayout(topBar_);
  row->setContentsMargins(12, 8, 8, 8);
  row->setSpacing(8);
  auto* title = new QLabel(tr("Cursor"));
  title->setProperty("role", "muted");
  row->addWidget(title);
  const auto chip = [&](const QString& keys) {
    auto* label = new QLabel;
    label->setFrameShape(QFrame::StyledPanel);
    label->setProperty("role", "panel");
    label->setMinimumHeight(metric::kField);
    label->setContentsMargins(8, 0, 8, 0);
    label->setToolTip(keys);
    row->addWidget(label);
    return label;
  };
  stepChip_ = chip(tr("← → step"));
  layerChip_ = chip(tr("PgUp PgDn layer"));
  expertChip_ = chip(tr("↑ ↓ expert"));
  tokenChip_ = chip(tr("Tab, Shift+Tab token"));
  follow_ = new QPushButton(tr("Follow live"));
  follow_->setCheckable(true);
  follow_->setToolTip(tr("The cursor stays at the newest window"));
  connect(follow_, &QPushButton::clicked, this, [this] {
    const bool on = !workspace_.cursor->followsLive();   // not the button's own state, which is set one turn of the loop later
    follow_->setChecked(on);
    workspace_.cursor->setFollowLive(on);
    if (on) take();
  });
  row->addWidget(follow_);
  auto* runLabel = new QLabel(tr("Run"));
  runLabel->setProperty("role", "muted");
  row->addWidget(runLabel);
  runs_ = new QComboBox;
  runs_->setMinimumWidth(168);
  runs_->setMaximumWidth(280);
  runs_->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
  runs_->setAccessibleName(tr("Run"));
  row->addWidget(runs_, 1);
  row->addStretch(1);
  auto* save = new QPushButton(tr("Export"));
  save->setToolTip(tr("Every view as a picture (PNG, SVG) and its numbers (CSV) into a folder"));
  save->setIcon(Theme::instance().icon(QStringLiteral("export")));
  row->addWidget(save);
  if (QAction* palette = workspace_.actions ? workspace_.actions->find(QStringLiteral("palette.open")) : nullptr) {
    auto* search = new ActionButton(palette, QStringLiteral("search"), true);
    search->setLabel(tr("Actions"));
    row->addWidget(search);
  }
  connect(save, &QPushButton::clicked, this, &RoutingPage::askExport);
  connect(runs_, &QComboBox::activated, this, [this](int index) {
    const QString folder = runs_->itemData(index).toString();
    const RunState state = workspace_.session->state();
    if (folder.isEmpty() || folder == QString::fromStdString(workspace_.session->runFolder().string())) return;
    if (workspace_.session->hasSession() && state != RunState::Finished && state != RunState::Failed) {
      if (workspace_.notices) workspace_.notices->warning(tr("A run is training. Stop it on the Train page before another one is shown."));
      return fillRuns();
    }
    if (!workspace_.session->show(folder.toStdString()) && workspace_.notices) workspace_.notices->error(QString::fromStdString(workspace_.session->faults().text()));
  });
  if (workspace_.runs) connect(workspace_.runs, &RunsModel::loaded, this, &RoutingPage::fillRuns);
}

void RoutingPage::fillRuns() {
  const QString now = QString::fromStdString(workspace_.session->runFolder().string());
  QStringList texts, folders;
  if (workspace_.runs)
    for (const RunSummary& run : workspace_.runs->runs()) {
      texts << QString::fromStdString(run.name) + (run.seed ? tr(", seed %1").arg(run.seed) : QString()) + QStringLiteral(" · ") + QString::fromStdString(run.status);
      folders << QString::fromStdString(run.folder.string());
    }
  if (!now.isEmpty() && !folders.contains(now)) {
    const QString name = QString::fromStdString(workspace_.session->spec().name);
    texts.prepend(name.isEmpty() ? now.section(QLatin1Char('/'), -1) : workspace_.session->isActive() ? tr("%1 · live").arg(name) : name);
    folders.prepend(now);
  }
  bool same = runs_->count() == folders.size();
  for (int i = 0; same && i < runs_->count(); ++i) same = runs_->itemData(i).toString() == folders[i] && runs_->itemText(i) == texts[i];
  if (!same && !runs_->view()->isVisible()) {
    runs_->clear();
    for (int i = 0; i < folders.size(); ++i) runs_->addItem(texts[i], folders[i]);
    runs_->setPlaceholderText(folders.isEmpty() ? tr("no runs yet") : tr("choose a run"));
  }
  runs_->setCurrentIndex(static_cast<int>(folders.indexOf(now)));
}

void RoutingPage::buildColumns() {
  const RoutingContext context{history_.get(), workspace_.cursor, [this](const QString& text) {
                                 if (!workspace_.session->hasSession() || !workspace_.session->isActive()) return false;
                                 workspace_.session->post(Probe{text.toStdString()});
                                 return true;
                               }};
  for (const RoutingViewInfo& info : routingViews()) {
    RoutingView* view = info.make(context);
    auto* panel = new Panel(info.title);
    panel->setParent(columns_);
    panel->setToolTip(info.definition);
    panel->setMinimumHeight(info.height);
    panel->body()->addWidget(view, 1);
    captions_.push_back(new Caption);
    panel->body()->addWidget(captions_.back());
    for (QWidget* widget : view->headerWidgets()) panel->addHeaderWidget(widget);
    panel->addHeaderWidget(exportButton(info.title, workspace_.notices, [view](const QString& file, QString* error) {
      return file.endsWith(QStringLiteral(".csv"), Qt::CaseInsensitive) ? writeText(view->csv(), file, error) : view->exportPicture(file, error);
    }));
    views_.push_back(view);
    panels_.push_back(panel);
    for (QWidget* inner : view->findChildren<QWidget*>()) inner->installEventFilter(this);
  }
}

void RoutingPage::arrange() {
  const int wanted = width() >= kWide ? 3 : 2;
  if (wanted == arranged_) return;
  arranged_ = wanted;
  delete columns_->layout();
  auto* row = new QHBoxLayout(columns_);
  row->setContentsMargins(metric::kGrid, metric::kGrid, metric::kGrid, metric::kGrid);
  row->setSpacing(metric::kGrid);
  std::vector<QVBoxLayout*> list;
  const int shares[] = {528, 440, 420};
  for (int i = 0; i < wanted; ++i) {
    list.push_back(new QVBoxLayout);
    list.back()->setSpacing(metric::kGrid);
    row->addLayout(list.back(), wanted == 3 ? shares[i] : 1);
  }
  const auto& infos = routingViews();
  for (std::size_t i = 0; i < infos.size(); ++i) list[static_cast<std::size_t>(wanted == 3 ? infos[i].column : infos[i].narrow)]->addWidget(panels_[i], infos[i].stretch);
}

void RoutingPage::take() {
  stale_ = false;
  const SeriesStore& series = workspace_.session->series();
  if (history_->empty()) {
    QString text;
    const SessionController& session = *workspace_.session;
    const auto& blocks = session.spec().blocks;
    const bool any = !series.steps().empty() || session.isActive();
    const QString name = QString::fromStdString(session.spec().name);
    if (!any) text = tr("Nothing has been routed yet.\nTrain a design with expert layers, or choose a recorded run above.");
    else if (blocks.empty()) text = tr("No routing was logged in this run.\nChoose another run above.");
    else if (std::none_of(blocks.begin(), blocks.end(), hasExperts)) text = tr("%1 has no expert layers, so there is nothing to route.\nAdd a switch_moe or topk_moe block on the Design page, or choose another run above.").arg(name);
    else if (session.isActive() || session.isTrainedElsewhere()) text = tr("%1 has expert layers; the first window of routing statistics is not complete yet.\nIt comes with step %2 (train.route_every).").arg(name).arg(session.spec().train.integer("route_every"));
    else text = tr("%1 has expert layers, but no routing was logged: the run ended within its first window,\nor routing.bin is missing or damaged.").arg(name);
    empty_->setText(text);
    stack_->setCurrentIndex(1);
    seen_ = {};
    return;
  }
  stack_->setCurrentIndex(0);
  Cursor& cursor = *workspace_.cursor;
  if (cursor.followsLive() || cursor.step() < 0) cursor.setStep(history_->frames().back()->step);
  cursor.setLayer(std::clamp(cursor.layer(), 0, std::max(0, static_cast<int>(history_->layers()) - 1)));
  if (cursor.expert() >= history_->experts(cursor.layer())) cursor.setExpert(-1);
  const Seen now{series.generation(), history_->frames().size(), series.events().size(), history_->frames().back(), series.text(), Theme::instance().kind()};
  if (seen_ == now) return;                      // steps and states come far more often than windows; the cursor has a signal of its own
  seen_ = now;
  for (RoutingView* view : views_) view->refresh();
  moved_->stop();
  showCursor();
}

void RoutingPage::showCursor() {
  if (history_->empty()) return;
  const Cursor& cursor = *workspace_.cursor;
  const auto chip = [](QLabel* label, const QString& name, const QString& value) {
    label->setText(QStringLiteral("<span style='color:%1'>%2</span>&nbsp; <b>%3</b>").arg(Theme::instance().color(Tone::Muted).name(), name, value.toHtmlEscaped()));
  };
  const RoutingFrame* frame = history_->at(cursor.step());
  chip(stepChip_, tr("step"), frame ? groupedCount(frame->step) : QStringLiteral("–"));
  chip(layerChip_, tr("layer"), history_->layerName(cursor.layer()));
  chip(expertChip_, tr("expert"), cursor.expert() < 0 ? QStringLiteral("–") : QString::number(cursor.expert()));
  const RoutedText* text = history_->text();
  const bool token = text && cursor.token() >= 0 && static_cast<std::size_t>(cursor.token()) < text->pieces.size();
  chip(tokenChip_, tr("token"), token ? tr("“%1” at %2").arg(QString::fromStdString(text->pieces[static_cast<std::size_t>(cursor.token())]).simplified()).arg(cursor.token()) : QStringLiteral("–"));
  tokenChip_->setVisible(text && width() >= 1150);
  follow_->setChecked(cursor.followsLive());
  follow_->setText(tr("Follow live, %1").arg(groupedCount(history_->frames().back()->step)));
  for (std::size_t i = 0; i < views_.size(); ++i) {
    views_[i]->showCursor();
    auto* panel = static_cast<Panel*>(panels_[i]);
    panel->setSubtitle(views_[i]->subtitle());
    captions_[i]->say(views_[i]->caption());
  }
  Q_EMIT statusChanged();
}

QString RoutingPage::statusText() const { return tr("Every view exports picture and numbers      ← → step   ↑ ↓ expert   PgUp PgDn layer   Tab token"); }

void RoutingPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  arrange();
  fillRuns();
  if (workspace_.runs) workspace_.runs->refresh();
  if (stale_) take();
}

void RoutingPage::resizeEvent(QResizeEvent* event) {
  Page::resizeEvent(event);
  arrange();
}

}  // namespace serp::app
