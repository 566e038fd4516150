// SPDX-License-Identifier: GPL-3.0-or-later
// The window: rail, top bar, pages, status bar, and the objects they share. Composition only.
#pragma once

#include <QMainWindow>
#include <memory>
#include <vector>

#include "app/session/session_controller.h"
#include "app/session/workspace.h"

class QLabel;
class QStackedWidget;

namespace serp::app {

class Closing;
class CommandPalette;
class OpenFiles;
class Page;
class Rail;
class RunCommands;

class MainWindow final : public QMainWindow {
  Q_OBJECT
 public:
  /// `preferences` outlives the window.
  MainWindow(SessionController::Opener opener, Preferences& preferences, QWidget* parent = nullptr);
  ~MainWindow() override;
  Workspace& workspace() { return workspace_; }
  RunCommands& commands() { return *commands_; }
  OpenFiles& files() { return *files_; }
  void showPage(int index);
  bool showPage(const QString& name);                ///< "train"; false if there is none
  Page* currentPage() const;
  void rememberWorkspace(bool on) { remember_ = on; }

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
  Workspace workspace_;
  std::unique_ptr<RunCommands> commands_;
  OpenFiles* files_;
  Closing* closing_;
  CommandPalette* palette_ = nullptr;
  Rail* rail_;
  QStackedWidget *bars_, *stack_;
  std::vector<Page*> pages_;
  QStringList ids_;
  QLabel *status_, *device_;
  bool remember_ = true;
};

}  // namespace serp::app
