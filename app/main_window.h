// SPDX-License-Identifier: GPL-3.0-or-later
// The window: rail, top bar, pages, status bar, and the objects they share. Composition only.
#pragma once

#include <QMainWindow>
#include <QTimer>
#include <memory>
#include <vector>

#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/shell/window_cost.h"

class QLabel;
class QStackedWidget;

namespace serp::app {

class Closing;
class CommandPalette;
class OpenFiles;
class OpenTabs;
class Page;
class Rail;
class RunCommands;
class TrainPage;

class MainWindow final : public QMainWindow {
  Q_OBJECT
 public:
  /// `preferences` outlives the window.
  MainWindow(SessionController::Opener opener, Preferences& preferences, QWidget* parent = nullptr);
  ~MainWindow() override;
  Workspace& workspace() { return workspace_; }
  RunCommands& commands() { return *commands_; }
  OpenFiles& files() { return *files_; }
  OpenTabs& tabs() { return *tabs_; }
  TrainPage* trainPage() const { return train_; }
  void showPage(int index);
  bool showPage(const QString& name);                ///< "train"; false if there is none
  Page* currentPage() const;
  void rememberWorkspace(bool on) { remember_ = on; }
  /// What was open at the last close: tabs with drafts, run, page. False: this is the first start.
  bool restoreWorkspace();

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void addPage(Page* page, const QString& id, const QString& icon, const QKeySequence& keys, bool atBottom = false);
  void registerActions();
  void buildPages();
  void showStatus();
  void keepWorkspace();
  Workspace workspace_;
  std::unique_ptr<RunCommands> commands_;
  OpenFiles* files_;
  Closing* closing_;
  OpenTabs* tabs_;
  TrainPage* train_ = nullptr;
  CommandPalette* palette_ = nullptr;
  Rail* rail_;
  QStackedWidget *bars_, *stack_;
  std::vector<Page*> pages_;
  QStringList ids_;
  QLabel *status_, *cost_, *device_;
  WindowCost windowCost_;
  QTimer costTimer_;
  bool remember_ = true;
};

}  // namespace serp::app
