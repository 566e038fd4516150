// SPDX-License-Identifier: GPL-3.0-or-later
// Table over plots; curves of shown runs are fetched as they are needed, and drawn again only when something changed.
#include "app/pages/compare_page.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/models/runs_model.h"
#include "app/pages/compare/differences_panel.h"
#include "app/pages/compare/loss_panel.h"
#include "app/pages/compare/run_table.h"
#include "app/pages/compare/share_panel.h"
#include "app/pages/picture.h"
#include "app/session/action_registry.h"
#include "app/session/notices.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {
namespace {

constexpr int kShownAtFirst = 8;                 // newest runs drawn before anybody chooses
constexpr int kSettleMs = 60;                    // curves arrive one by one; they are drawn together

QString runName(const RunSummary& run) { return QString::fromStdString(run.name) + (run.seed ? QObject::tr(", seed %1").arg(run.seed) : QString()); }

bool hasEnded(const RunSummary& run) { return run.status != "running"; }

bool sameRun(const ShownRun& a, const ShownRun& b) {
  return a.id == b.id && a.name == b.name && a.colour == b.colour && a.curves == b.curves && a.baseline == b.baseline;
}

}  // namespace

ComparePage::ComparePage(Workspace& workspace, QWidget* parent) : Page(tr("Compare"), workspace, parent), curves_(std::make_unique<CompareCurves>()) {
  stack_ = new QStackedWidget(this);
  auto* page = new QVBoxLayout(this);
  page->setContentsMargins(metric::kGrid, metric::kGrid, metric::kGrid, metric::kGrid);
  page->addWidget(stack_);
  loss_ = new LossPanel;
  shares_ = new SharePanel;
  differences_ = new DifferencesPanel;
  soon_ = new QTimer(this);
  soon_->setSingleShot(true);
  soon_->setInterval(kSettleMs);
  connect(soon_, &QTimer::timeout, this, &ComparePage::draw);
  buildTopBar();
  buildPanels();
  registerActions();
  const auto later = [this] {
    if (isVisible() && !soon_->isActive()) soon_->start();
  };
  RunsModel& model = *workspace_.runs;
  connect(curves_.get(), &CompareCurves::loaded, this, later);
  connect(&model, &RunsModel::loaded, this, &ComparePage::runsLoaded);
  connect(&model, &RunsModel::shownChanged, this, [this, later] {
    wantCurves();
    later();
  });
  connect(&model, &RunsModel::problem, this, [this](const QString& sentence) {
    if (workspace_.notices) workspace_.notices->error(sentence);
  });
  connect(&model, &RunsModel::trashed, this, [this](int count) {
    describeRuns();
    if (!workspace_.notices) return;
    const QString text = count == 1 ? tr("1 run was moved to the trash.") : tr("%1 runs were moved to the trash.").arg(count);
    workspace_.notices->post(NoticeLevel::Info, text, tr("Undo"), [runs = QPointer<RunsModel>(workspace_.runs), count] {
      if (runs) runs->restore(count);
    });
  });
  connect(&Theme::instance(), &Theme::changed, this, [this, later] {
    everDrawn_ = false;
    later();
  });
}

ComparePage::~ComparePage() = default;

void ComparePage::buildPanels() {
  runs_ = new Panel(tr("Runs"));
  runs_->setToolTip(tr("Every run of the folder. Loss in nats per token: held-out text where there is any, else the mean of the last training losses."));
  table_ = new RunTable;
  order_ = new RunFilter(this);
  order_->setSourceModel(workspace_.runs);
  table_->setModel(order_);
  table_->sortByColumn(RunsModel::Equal, Qt::AscendingOrder);
  runs_->setBody(table_);
  connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &ComparePage::compareSelected);
  connect(order_, &QAbstractItemModel::rowsInserted, this, &ComparePage::describeRuns);
  connect(order_, &QAbstractItemModel::rowsRemoved, this, &ComparePage::describeRuns);
  connect(table_, &RunTable::trashWanted, this, [this] {
    QStringList ids;
    for (const QModelIndex& index : table_->selectionModel()->selectedRows()) ids << index.data(RunsModel::IdRole).toString();
    workspace_.runs->trash(ids);
  });
  connect(table_, &RunTable::openWanted, this, &ComparePage::open);
  connect(table_, &RunTable::baselineWanted, this, [this](const QString& id) {
    baselineChosen_ = true;
    workspace_.runs->setBaseline(id);
    chooseBaseline();
    draw();
  });
  const auto small = [this](const QString& text, const QString& tip) {
    auto* button = new QPushButton(text);
    button->setProperty("role", "ghost");
    button->setProperty("small", true);
    button->setToolTip(tip);
    runs_->addHeaderWidget(button);
    return button;
  };
  restore_ = small({}, tr("Brings the runs back that were moved to the trash"));
  restore_->hide();
  connect(restore_, &QPushButton::clicked, this, [this] { workspace_.runs->restore(workspace_.runs->restorable()); });
  auto* columns = small(tr("Columns"), tr("Chooses the columns of the table"));
  connect(columns, &QPushButton::clicked, this, [this, columns] { table_->chooseColumns(columns->mapToGlobal(QPoint(0, columns->height()))); });
  addExportButtons();

  const auto split = [](Qt::Orientation orientation, const QList<QWidget*>& widgets, const QList<int>& sizes) {
    auto* splitter = new QSplitter(orientation);
    for (QWidget* widget : widgets) splitter->addWidget(widget);
    splitter->setHandleWidth(metric::kGrid);
    splitter->setChildrenCollapsible(false);
    splitter->setSizes(sizes);
    return splitter;
  };
  auto* side = split(Qt::Vertical, {shares_, differences_}, {244, 278});
  auto* below = split(Qt::Horizontal, {loss_, side}, {832, 520});
  below->setStretchFactor(0, 8);
  below->setStretchFactor(1, 5);
  auto* all = split(Qt::Vertical, {runs_, below}, {282, 520});
  all->setStretchFactor(0, 2);
  all->setStretchFactor(1, 3);
  stack_->addWidget(all);
  stack_->addWidget(buildBlank());
}

QWidget* ComparePage::buildBlank() {
  auto* blank = new QWidget;
  auto* column = new QVBoxLayout(blank);
  auto* text = new QLabel(tr("There are no runs in this folder yet.\nTrain a design, or open a folder of runs above."));
  text->setAlignment(Qt::AlignCenter);
  text->setProperty("role", "muted");
  column->addStretch();
  column->addWidget(text);
  auto* row = new QHBoxLayout;
  row->addStretch();
  auto* train = new QPushButton(tr("Open Train"));
  connect(train, &QPushButton::clicked, this, [this] {
    if (workspace_.actions) workspace_.actions->trigger(QStringLiteral("page.train"));
  });
  row->addWidget(train);
  row->addStretch();
  column->addLayout(row);
  column->addStretch();
  return blank;
}

void ComparePage::buildTopBar() {
  topBar_ = new QWidget;
  topBar_->setProperty("role", "topbar");
  topBar_->setFixedHeight(metric::kTopBar);
  auto* row = new QHBoxLayout(topBar_);
  row->setContentsMargins(8, 8, 8, 8);
  row->setSpacing(8);
  auto* pair = new QWidget;
  auto* segments = new QHBoxLayout(pair);
  segments->setContentsMargins(0, 0, 0, 0);
  segments->setSpacing(0);
  auto* group = new QButtonGroup(this);
  const auto segment = [&](const QString& text, const QString& tip, bool first) {
    auto* button = new QPushButton(text);
    button->setProperty("role", "segment");
    button->setProperty("first", first);
    button->setProperty("last", !first);
    button->setCheckable(true);
    button->setToolTip(tip);
    button->setMinimumHeight(metric::kField);
    QFont bold = button->font();
    bold.setPixelSize(12);
    bold.setWeight(QFont::DemiBold);
    button->setMinimumWidth(QFontMetrics(bold).horizontalAdvance(text) + 18);   // the chosen one is set in bold
    group->addButton(button);
    segments->addWidget(button);
    return button;
  };
  apart_ = segment(tr("Each run"), tr("One curve for every run"), true);
  together_ = segment(tr("Seeds together"), tr("Runs that differ in nothing but the seed become one curve, their mean, with a band from the lowest to the highest"), false);
  together_->setChecked(true);
  connect(together_, &QPushButton::toggled, this, &ComparePage::setTogether);
  row->addWidget(pair);
  filter_ = new QLineEdit;
  filter_->setPlaceholderText(tr("Filter runs"));
  filter_->setToolTip(tr("Words that must occur in name, pattern or status; steps, tokens, active, total, best and last compare with <, > and ="));
  filter_->setClearButtonEnabled(true);
  filter_->setMinimumWidth(180);
  filter_->setMaximumWidth(280);
  filter_->setAccessibleName(tr("Filter runs"));
  row->addWidget(filter_, 1);
  connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
    order_->setWords(text);
    describeRuns();
  });
  auto* label = new QLabel(tr("Baseline"));
  label->setProperty("role", "muted");
  row->addWidget(label);
  baseline_ = new QComboBox;
  baseline_->setMinimumWidth(150);
  baseline_->setMaximumWidth(260);
  baseline_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  baseline_->setAccessibleName(tr("Baseline run"));
  baseline_->setToolTip(tr("The run that the others are held against"));
  row->addWidget(baseline_, 1);
  connect(baseline_, &QComboBox::activated, this, [this](int index) {
    baselineChosen_ = true;
    workspace_.runs->setBaseline(baselineIds_.value(index));
    draw();
  });
  row->addStretch(1);
  const auto button = [&](const QString& text, const QString& tip, auto act) {
    auto* b = new QPushButton(text);
    b->setToolTip(tip);
    connect(b, &QPushButton::clicked, this, act);
    row->addWidget(b);
    return b;
  };
  button(tr("Open folder…"), tr("The runs of another folder"), [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of runs"), QString::fromStdString(workspace_.runs->folder().string()));
    if (!folder.isEmpty()) workspace_.runs->setFolder(folder.toStdString());
  })->setProperty("role", "ghost");
  button(tr("Export"), tr("All pictures (PNG, SVG, PDF) and all numbers (CSV) into a folder"), [this] { askExport(); })->setIcon(Theme::instance().icon(QStringLiteral("export")));
  if (QAction* palette = workspace_.actions ? workspace_.actions->find(QStringLiteral("palette.open")) : nullptr) {
    auto* search = new ActionButton(palette, QStringLiteral("search"), true);
    search->setLabel(tr("Actions"));
    row->addWidget(search);
  }
}

bool ComparePage::showsEmptyState() const { return stack_->currentIndex() == 1; }

void ComparePage::setTogether(bool on) {
  (on ? together_ : apart_)->setChecked(true);
  if (isVisible()) draw();
}

void ComparePage::runsLoaded() {
  RunsModel& model = *workspace_.runs;
  stack_->setCurrentIndex(model.rowCount() == 0 ? 1 : 0);
  if (!isVisible()) return;
  chooseShown();
  chooseBaseline();
  wantCurves();
  describeRuns();
  if (!soon_->isActive()) soon_->start();
}

void ComparePage::chooseShown() {
  RunsModel& model = *workspace_.runs;
  if (model.rowCount() == 0 || chosenFor_ == model.folder()) return;
  chosenFor_ = model.folder();
  if (model.rowCount() <= kShownAtFirst) return;
  QSet<QString> first;
  for (int row = 0; row < kShownAtFirst; ++row) first.insert(RunsModel::idOf(*model.run(row)));
  model.showOnly(first);
}

void ComparePage::wantCurves() {
  if (!isVisible()) return;
  RunsModel& model = *workspace_.runs;
  for (const RunSummary& run : model.runs())
    if (const QString id = RunsModel::idOf(run); model.isShown(id) && run.status != "unreadable") curves_->want(id, run.folder, hasEnded(run), run.steps);
}

void ComparePage::chooseBaseline() {
  RunsModel& model = *workspace_.runs;
  QStringList ids, names;
  for (const RunSummary& run : model.runs()) {
    ids << RunsModel::idOf(run);
    names << runName(run);
  }
  if (ids != baselineIds_ || names != baselineNames_) {
    baselineIds_ = ids;
    baselineNames_ = names;
    baseline_->clear();
    baseline_->addItems(names);
  }
  if (!baselineChosen_ || !ids.contains(model.baseline())) {
    // The oldest shown run without experts is what a mixture is usually held against.
    QString best = ids.isEmpty() ? QString() : ids.last();
    for (const RunSummary& run : model.runs())
      if (model.isShown(RunsModel::idOf(run)) && run.pattern.find('E') == std::string::npos && !run.pattern.empty()) best = RunsModel::idOf(run);
    model.setBaseline(best);
  }
  baseline_->setCurrentIndex(static_cast<int>(ids.indexOf(model.baseline())));
}

ShownRun ComparePage::shownRun(const RunSummary& run) const {
  const QString id = RunsModel::idOf(run);
  return {id, runName(run), workspace_.runs->colour(id), curves_->find(id), id == workspace_.runs->baseline(), workspace_.runs->isSecondUse(id), QString::fromStdString(run.name), run.parameters, run.activeParameters, {}};
}

void ComparePage::draw() {
  soon_->stop();
  if (!isVisible()) return;
  RunsModel& model = *workspace_.runs;
  std::vector<ShownRun> shown;
  for (const RunSummary& run : model.runs())
    if (model.isShown(RunsModel::idOf(run))) shown.push_back(shownRun(run));
  const bool together = together_->isChecked();
  if (everDrawn_ && together == drawnTogether_ && shown.size() == drawn_.size() && std::equal(shown.begin(), shown.end(), drawn_.begin(), sameRun)) {
    Q_EMIT statusChanged();
    return;
  }
  everDrawn_ = true;
  drawnTogether_ = together;
  drawn_ = shown;
  QHash<QString, std::vector<LossPoint>> points;
  double equal = std::numeric_limits<double>::infinity();
  std::vector<const RunCurves*> all;
  for (const ShownRun& run : shown)
    if (run.curves && !run.curves->steps.empty()) all.push_back(run.curves.get());
  const Measure by = commonMeasure(all);   // all by the same measure
  for (const ShownRun& run : shown) {
    auto own = run.curves ? lossPoints(*run.curves, by) : std::vector<LossPoint>{};
    if (own.empty()) continue;
    equal = std::min(equal, own.back().tokens);
    points.insert(run.id, std::move(own));
  }
  QHash<QString, double> losses;
  for (auto it = points.cbegin(); it != points.cend(); ++it) losses.insert(it.key(), lossAtTokens(it.value(), equal));
  model.setEqualTokens(std::isfinite(equal) ? equal : 0, losses);
  if (together) shown = seedsTogether(shown);
  shares_->setRuns(shown);
  loss_->setRuns(std::move(shown), by);
  compareSelected();
  Q_EMIT statusChanged();
}

void ComparePage::compareSelected() {
  RunsModel& model = *workspace_.runs;
  std::vector<ShownRun> chosen;
  const auto add = [&](const RunSummary& run) {
    if (chosen.size() == 2 || (!chosen.empty() && chosen.front().id == RunsModel::idOf(run))) return;
    curves_->want(RunsModel::idOf(run), run.folder, hasEnded(run), run.steps);
    chosen.push_back(shownRun(run));
  };
  for (const QModelIndex& index : table_->selectionModel()->selectedRows())
    if (const RunSummary* run = model.run(order_->mapToSource(index).row())) add(*run);
  // Fewer than two: the baseline, then the best of the table.
  if (chosen.size() < 2)
    if (const RunSummary* base = model.run(model.rowOf(model.baseline()))) add(*base);
  for (const bool anotherSeedWillDo : {false, true})   // two seeds differ in little: another design first
    for (int row = 0; chosen.size() < 2 && row < order_->rowCount(); ++row) {
      const RunSummary* run = model.run(order_->mapToSource(order_->index(row, 0)).row());
      if (!run || !model.isShown(RunsModel::idOf(*run))) continue;
      if (anotherSeedWillDo || chosen.empty() || chosen.front().design != QString::fromStdString(run->name)) add(*run);
    }
  if (chosen.size() == 2 && chosen[1].baseline) std::swap(chosen[0], chosen[1]);  // from the baseline to the other
  differences_->setRuns(chosen.size() == 2 ? &chosen[0] : nullptr, chosen.size() == 2 ? &chosen[1] : nullptr);
}

void ComparePage::describeRuns() {
  const int all = workspace_.runs->rowCount(), listed = order_->rowCount();
  int shown = 0;
  for (const RunSummary& run : workspace_.runs->runs()) shown += workspace_.runs->isShown(RunsModel::idOf(run));
  QString text = listed == all ? tr("%1 runs, %2 drawn").arg(all).arg(shown) : tr("%1 of %2 runs, %3 drawn").arg(listed).arg(all).arg(shown);
  text += tr("      Space draws or hides   F2 renames   Del to the trash   Ctrl+click selects two for Differences");
  runs_->setSubtitle(text);
  const int gone = workspace_.runs->restorable();
  restore_->setVisible(gone > 0);
  restore_->setText(tr("Restore %1").arg(gone));
}

QString ComparePage::statusText() const {
  const int runs = workspace_.runs->rowCount();
  if (curves_->reading() > 0) return tr("Reading %1 of %2 runs…").arg(curves_->reading()).arg(runs);
  return tr("%1 runs in %2      published losses are on the paper's data: compare shares and ratios, not losses").arg(runs).arg(QString::fromStdString(workspace_.runs->folder().string()));
}

void ComparePage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  workspace_.runs->setWatching(true);
  runsLoaded();
}

void ComparePage::hideEvent(QHideEvent* event) {
  workspace_.runs->setWatching(false);
  Page::hideEvent(event);
}

}  // namespace serp::app
