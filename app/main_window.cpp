// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the window together. What things do is decided elsewhere.
#include "app/main_window.h"

#include <QAbstractButton>
#include <QApplication>
#include <QCloseEvent>
#include <QComboBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMimeData>
#include <QStackedWidget>
#include <QStatusBar>
#include <QVBoxLayout>

#include "app/models/figures.h"
#include "app/models/runs_model.h"
#include "app/pages/compare_page.h"
#include "app/pages/design_page.h"
#include "app/pages/learn_page.h"
#include "app/pages/routing_page.h"
#include "app/pages/settings_page.h"
#include "app/pages/train_page.h"
#include "app/session/action_registry.h"
#include "app/session/cursor.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/run_commands.h"
#include "app/shell/closing.h"
#include "app/shell/open_files.h"
#include "app/shell/open_tabs.h"
#include "app/shell/rail.h"
#include "app/style/theme.h"
#include "app/widgets/command_palette.h"
#include "app/widgets/toast.h"

namespace serp::app {

MainWindow::MainWindow(SessionController::Opener opener, Preferences& preferences, QWidget* parent) : QMainWindow(parent) {
  setWindowTitle(tr("Serpentarium"));
  setMinimumSize(1100, 700);
  setAcceptDrops(true);
  workspace_.preferences = &preferences;
  workspace_.session = new SessionController(std::move(opener), this);
  workspace_.design = new DesignDocument(this);
  workspace_.runs = new RunsModel(preferences.runsFolder(), this);
  workspace_.cursor = new Cursor(this);
  workspace_.actions = new ActionRegistry(this);
  workspace_.notices = new Notices(this);
  commands_ = std::make_unique<RunCommands>(workspace_);
  files_ = new OpenFiles(workspace_, this);
  closing_ = new Closing(workspace_, this);
  tabs_ = new OpenTabs(workspace_, *files_);
  tabs_->keepDrafts([this] { keepWorkspace(); });

  rail_ = new Rail;
  bars_ = new QStackedWidget;
  bars_->setFixedHeight(metric::kTopBar);
  stack_ = new QStackedWidget;
  auto* column = new QVBoxLayout;
  column->setSpacing(0);
  column->addWidget(tabs_);
  column->addWidget(bars_);
  column->addWidget(stack_, 1);
  auto* row = new QHBoxLayout;
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(0);
  row->addWidget(rail_);
  row->addLayout(column, 1);
  auto* central = new QWidget;
  central->setLayout(row);
  setCentralWidget(central);
  status_ = new QLabel;
  cost_ = new QLabel;
  cost_->setToolTip(tr("Time this window's own thread used lately, of one core; training has the rest"));
  device_ = new QLabel;
  statusBar()->setFixedHeight(metric::kStatusBar);
  statusBar()->setSizeGripEnabled(false);
  statusBar()->addWidget(status_, 1);
  statusBar()->addPermanentWidget(cost_);
  statusBar()->addPermanentWidget(device_);
  costTimer_.setInterval(2000);
  connect(&costTimer_, &QTimer::timeout, this, [this] {
    const double share = windowCost_.sample();
    cost_->setText(workspace_.session->isActive() ? tr("window %1 % of a core").arg(100 * share, 0, 'f', 1) : QString());
  });
  costTimer_.start();

  registerActions();
  buildPages();
  palette_ = new CommandPalette(*workspace_.actions, this);
  new ToastStack(*workspace_.notices, this);

  connect(rail_, &Rail::pageWished, this, qOverload<int>(&MainWindow::showPage));
  connect(commands_.get(), &RunCommands::startRequested, this, [this] { showPage(QStringLiteral("train")); });
  connect(closing_, &Closing::ready, this, &QWidget::close);
  connect(workspace_.session, &SessionController::failed, workspace_.notices, &Notices::error);
  connect(workspace_.session, &SessionController::stateChanged, this, &MainWindow::showStatus);
  connect(&workspace_.session->series(), &SeriesStore::changed, this, &MainWindow::showStatus);
  connect(workspace_.session, &SessionController::eventArrived, this, [this](const RunEvent& event) {
    if (event.kind == EventKind::Finished || event.kind == EventKind::Stopped) workspace_.runs->refresh();
    if (event.kind == EventKind::Warning) workspace_.notices->warning(QString::fromStdString(event.text));
  });
  qApp->installEventFilter(this);
  restoreGeometry(preferences.bytes(QStringLiteral("window/geometry")));
  showPage(1);
}

MainWindow::~MainWindow() { qApp->removeEventFilter(this); }

void MainWindow::registerActions() {
  ActionRegistry& actions = *workspace_.actions;
  addAction(actions.add(QStringLiteral("palette.open"), tr("Command palette"), QKeySequence(Qt::CTRL | Qt::Key_K), tr("Window"), this,
                        [this] { palette_->open(); }));
  addAction(actions.add(QStringLiteral("file.open"), tr("Open…"), QKeySequence::Open, tr("File"), this, [this] { files_->choose(this); }));
  addAction(actions.add(QStringLiteral("theme.toggle"), tr("Switch between dark and light"), {}, tr("Window"), this, [this] {
    const bool dark = Theme::instance().kind() != ThemeKind::Dark;
    workspace_.preferences->setDarkTheme(dark);
    Theme::instance().setKind(dark ? ThemeKind::Dark : ThemeKind::Light);
  }));
  addAction(actions.find(QStringLiteral("train.design")));
  actions.addProvider([this] {
    std::vector<PaletteEntry> out;
    for (const PresetInfo& preset : serp::listPresets()) {
      const QString name = QString::fromStdString(preset.name);
      out.push_back({name, tr("Preset"), QString::fromStdString(preset.title), [this, name] {
                       QString why;
                       if (!files_->open(name, &why)) workspace_.notices->error(why);
                     }});
    }
    for (const RunSummary& run : workspace_.runs->runs()) {
      const QString folder = QString::fromStdString(run.folder.string());
      out.push_back({QString::fromStdString(run.folder.filename().string()), tr("Run"), QString::fromStdString(run.status), [this, folder] {
                       QString why;
                       if (!files_->open(folder, &why)) workspace_.notices->error(why);
                     }});
    }
    return out;
  });
}

void MainWindow::addPage(Page* page, const QString& id, const QString& icon, const QKeySequence& keys, bool atBottom) {
  const int index = static_cast<int>(pages_.size());
  pages_.push_back(page);
  ids_ << id;
  stack_->addWidget(page);
  QWidget* bar = page->topBar();
  bars_->addWidget(bar ? bar : new QWidget);
  page->setFocusPolicy(Qt::StrongFocus);
  QAction* action = workspace_.actions->add(QStringLiteral("page.") + id, tr("Show %1").arg(page->name()), keys, tr("Page"), this,
                                            [this, index] { showPage(index); });
  addAction(action);
  rail_->add(index, page->name(), icon, action->toolTip(), atBottom);
  connect(page, &Page::statusChanged, this, &MainWindow::showStatus);
}

void MainWindow::buildPages() {
  const auto key = [](int n) { return QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + n)); };
  addPage(new DesignPage(workspace_), QStringLiteral("design"), QStringLiteral("design"), key(1));
  train_ = new TrainPage(workspace_, *commands_);
  addPage(train_, QStringLiteral("train"), QStringLiteral("train"), key(2));
  addPage(new RoutingPage(workspace_), QStringLiteral("routing"), QStringLiteral("routing"), key(3));
  addPage(new ComparePage(workspace_), QStringLiteral("compare"), QStringLiteral("compare"), key(4));
  addPage(new LearnPage(workspace_), QStringLiteral("learn"), QStringLiteral("learn"), key(5));
  addPage(new SettingsPage(workspace_), QStringLiteral("settings"), QStringLiteral("settings"), QKeySequence(Qt::CTRL | Qt::Key_Comma), true);
  // Space and S belong to the Train page alone.
  for (const char* id : {"train.toggle", "train.step", "train.stop", "train.discard", "train.save", "train.branch"}) {
    QAction* action = workspace_.actions->find(QString::fromLatin1(id));
    action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    train_->addAction(action);
    train_->topBar()->addAction(action);
  }
}

void MainWindow::showPage(int index) {
  if (index < 0 || index >= static_cast<int>(pages_.size())) return;
  stack_->setCurrentIndex(index);
  bars_->setCurrentIndex(index);
  bars_->setVisible(pages_[static_cast<std::size_t>(index)]->topBar() != nullptr);
  rail_->setCurrent(index);
  const QString& id = ids_[index];
  if (id == QLatin1String("design")) tabs_->showDesignTab();
  if (id == QLatin1String("train") || id == QLatin1String("routing")) tabs_->showRunTab();
  pages_[static_cast<std::size_t>(index)]->setFocus(Qt::OtherFocusReason);
  showStatus();
}

bool MainWindow::showPage(const QString& name) {
  const int index = static_cast<int>(ids_.indexOf(name));
  if (index >= 0) showPage(index);
  return index >= 0;
}

Page* MainWindow::currentPage() const { return pages_[static_cast<std::size_t>(stack_->currentIndex())]; }

void MainWindow::showStatus() {
  const QString text = currentPage()->statusText();
  if (status_->text() != text) status_->setText(text);
  const SessionController& session = *workspace_.session;
  const RunInfo& info = const_cast<SessionController&>(session).series().info();
  QString right = tr("no run");
  if (!session.runFolder().empty()) {
    // A followed run has no state here, only what its folder says.
    const bool followed = session.isFollowing() && !session.isActive() && session.state() != RunState::Failed;
    right = !followed                  ? QString::fromUtf8(stateName(session.state()))
            : session.status().empty() ? tr("reading")
                                       : QString::fromStdString(session.status());
    if (!info.device.empty()) right += tr(" · %1").arg(QString::fromStdString(info.device));
    if (!info.kernels.empty()) right += tr(" · %1 threads").arg(info.threads);
  }
  if (device_->text() != right) device_->setText(right);
}

void MainWindow::keepWorkspace() {
  if (!remember_) return;
  workspace_.preferences->setBytes(QStringLiteral("window/geometry"), saveGeometry());
  workspace_.preferences->setText(QStringLiteral("last/page"), ids_[stack_->currentIndex()]);
  workspace_.preferences->setBytes(QStringLiteral("last/tabs"), tabs_->toJson());
  workspace_.preferences->setText(QStringLiteral("last/ended"), QStringLiteral("no"));   // closeEvent() knows better
}

bool MainWindow::restoreWorkspace() {
  if (!tabs_->restoreFrom(workspace_.preferences->bytes(QStringLiteral("last/tabs")))) return false;
  showPage(workspace_.preferences->text(QStringLiteral("last/page")));
  if (workspace_.preferences->text(QStringLiteral("last/ended")) == QLatin1String("no"))
    workspace_.notices->info(tr("The program did not end in order last time. What was open then is here again, up to the last two seconds."));
  return true;
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (!closing_->mayClose()) {
    event->ignore();
    return;
  }
  keepWorkspace();
  if (remember_) workspace_.preferences->setText(QStringLiteral("last/ended"), QStringLiteral("yes"));
  event->accept();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls() && event->mimeData()->urls().front().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  for (const QUrl& url : event->mimeData()->urls()) {
    QString why;
    if (url.isLocalFile() && !files_->open(url.toLocalFile(), &why)) workspace_.notices->error(why);
  }
  event->acceptProposedAction();
}

bool MainWindow::eventFilter(QObject* object, QEvent* event) {
  // Space presses the button that has the focus; only elsewhere does it train or pause.
  if (event->type() == QEvent::ShortcutOverride && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Space &&
      (qobject_cast<QAbstractButton*>(object) || qobject_cast<QComboBox*>(object)))
    event->accept();
  return QMainWindow::eventFilter(object, event);
}

}  // namespace serp::app
