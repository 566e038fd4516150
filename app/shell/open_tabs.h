// SPDX-License-Identifier: GPL-3.0-or-later
// Tabs of the open designs and runs, above the pages. Designs keep their unsaved text; the set is kept between starts.
#pragma once

#include <QTabBar>
#include <QTimer>
#include <functional>
#include <vector>

#include "app/session/design_document.h"

class QAction;

namespace serp::app {

class OpenFiles;
struct Workspace;

/// Hidden while there is only one. GUI thread only. One design and one run are shown at a time: they have a mark of their own.
class OpenTabs final : public QTabBar {
  Q_OBJECT
 public:
  OpenTabs(Workspace& workspace, OpenFiles& files, QWidget* parent = nullptr);
  /// Opens what was open at the last close, drafts included. False: there was nothing.
  bool restoreFrom(const QByteArray& json);
  QByteArray toJson() const;
  void keepDrafts(std::function<void()> save) { save_ = std::move(save); }  ///< called some time after each change
  void showDesignTab();                            ///< the page that shows designs came to the front
  void showRunTab();
  void closeTab(int index);
  void reopen();                                   ///< the design closed last of those with changes that are in no file

 private:
  struct Tab {
    bool run = false;
    DesignDocument::Draft draft;                   ///< of a design that is not shown now
    QString name;                                  ///< its title
    QString folder;                                ///< of a run
  };
  int appendTab(const QString& icon, const QString& text);
  void activate(int index);
  void adoptDesign();
  void adoptRun();
  void park();
  void makeRoom();
  void reopenDraft(DesignDocument::Draft draft);
  void enableReopen() const;
  void label(int index);
  void changedSoon();
  Workspace& workspace_;
  OpenFiles& files_;
  std::vector<Tab> tabs_;
  std::vector<DesignDocument::Draft> closed_;      ///< their texts are nowhere else; the newest last
  QAction* reopen_ = nullptr;
  int design_ = -1, run_ = -1;                     ///< tabs of the shown design and run
  bool switching_ = false, opening_ = false;
  QTimer later_;
  std::function<void()> save_;
};

}  // namespace serp::app
