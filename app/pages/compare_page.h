// SPDX-License-Identifier: GPL-3.0-or-later
// The Compare page: the run table, curves overlaid, shares of steps, and differences of two runs' settings.
#pragma once

#include <memory>

#include "app/pages/page.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QStackedWidget;
class QTableView;

namespace serp::app {

class CompareCurves;
class DifferencesPanel;
class LossPanel;
class RunFilter;
class SharePanel;

/// Shows workspace.runs. Curves are read in the pool, when their run is shown for the first time.
class ComparePage final : public Page {
  Q_OBJECT
 public:
  explicit ComparePage(Workspace& workspace, QWidget* parent = nullptr);
  ~ComparePage() override;
  QWidget* topBar() override { return topBar_; }
  QString statusText() const override;
  QTableView* table() const { return table_; }
  CompareCurves& curves() { return *curves_; }
  /// Loss picture, table and curves as files in a folder. Empty: done, else what went wrong.
  QString exportAll(const QString& folder);

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void buildTopBar();
  void buildTable();
  void runsLoaded();
  void curvesLoaded();
  void selectionChanged();
  void trashSelected();
  void chooseBaseline();

  std::unique_ptr<CompareCurves> curves_;
  QWidget* topBar_ = nullptr;
  QLineEdit* filter_ = nullptr;
  QComboBox* baseline_ = nullptr;
  QStackedWidget* stack_ = nullptr;
  QTableView* table_ = nullptr;
  RunFilter* order_ = nullptr;
  LossPanel* loss_ = nullptr;
  SharePanel* shares_ = nullptr;
  DifferencesPanel* differences_ = nullptr;
  bool baselineChosen_ = false;
};

}  // namespace serp::app
