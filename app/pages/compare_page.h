// SPDX-License-Identifier: GPL-3.0-or-later
// The Compare page: the run table, curves overlaid, shares of steps, and differences of two runs' settings.
#pragma once

#include <memory>
#include <vector>

#include "app/pages/compare/shown_run.h"
#include "app/pages/page.h"

class QComboBox;
class QLineEdit;
class QPushButton;
class QStackedWidget;
class QTimer;

namespace serp {
struct RunSummary;
}

namespace serp::app {

class DifferencesPanel;
class LossPanel;
class Panel;
class RunFilter;
class RunTable;
class SharePanel;

/// Shows workspace.runs. Curves are read in the pool, when their run is shown for the first time.
class ComparePage final : public Page {
  Q_OBJECT
 public:
  explicit ComparePage(Workspace& workspace, QWidget* parent = nullptr);
  ~ComparePage() override;
  QWidget* topBar() override { return topBar_; }
  QString statusText() const override;
  RunTable* table() const { return table_; }
  LossPanel* loss() const { return loss_; }
  SharePanel* shares() const { return shares_; }
  DifferencesPanel* settings() const { return differences_; }
  CompareCurves& curves() { return *curves_; }
  bool showsEmptyState() const;
  void setTogether(bool on);                       ///< seeds of one design as one curve with a band
  /// Pictures (PNG, SVG, PDF) and numbers (CSV) of everything into a folder. Empty: done, else what went wrong.
  QString exportAll(const QString& folder);

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  void buildTopBar();
  void buildPanels();
  QWidget* buildBlank();
  void runsLoaded();
  void chooseShown();
  void chooseBaseline();
  void wantCurves();
  void draw();                                     ///< everything below the table, if anything changed
  void compareSelected();
  void describeRuns();
  void registerActions();
  void addExportButtons();
  void askExport();
  void open(const QString& id);
  ShownRun shownRun(const RunSummary& run) const;
  QString tableCsv() const;

  std::unique_ptr<CompareCurves> curves_;
  QWidget* topBar_ = nullptr;
  QLineEdit* filter_ = nullptr;
  QComboBox* baseline_ = nullptr;
  QPushButton *apart_ = nullptr, *together_ = nullptr;
  QStackedWidget* stack_ = nullptr;
  Panel* runs_ = nullptr;
  QPushButton* restore_ = nullptr;
  RunTable* table_ = nullptr;
  RunFilter* order_ = nullptr;
  LossPanel* loss_ = nullptr;
  SharePanel* shares_ = nullptr;
  DifferencesPanel* differences_ = nullptr;
  QTimer* soon_ = nullptr;
  std::vector<ShownRun> drawn_;                    ///< as they were drawn last, seeds apart
  std::filesystem::path chosenFor_;                ///< folder whose first runs were chosen
  QStringList baselineIds_, baselineNames_;        ///< what the list of baselines holds
  bool baselineChosen_ = false, drawnTogether_ = true, everDrawn_ = false;
};

}  // namespace serp::app
