// SPDX-License-Identifier: GPL-3.0-or-later
// The first minute: a finished picture from the recorded run, one big button, and three experiments. Once a run is started from
// here the same panes show it live, with what was there before as the faint curve behind.
#pragma once

#include <QWidget>
#include <array>
#include <vector>

#include "app/session/series_store.h"

class QAction;
class QLabel;
class QPushButton;

namespace serp::app {

class ActionButton;
class ExperimentCard;
class HeatmapView;
class Panel;
class PlotView;
class RunCommands;
class StackSketch;
class TextCanvas;
struct RunBatch;
struct Workspace;

/// GUI thread only; draws while visible only. The recorded run is read in the background when the page is first shown.
class FirstMinute final : public QWidget {
  Q_OBJECT
 public:
  FirstMinute(Workspace& workspace, RunCommands& commands, QWidget* parent = nullptr);
  void refresh();                                  ///< once a tick
  QPushButton* bigButton() const;
  const std::vector<QAction*>& experimentActions() const { return experimentActions_; }  ///< keys 1, 2, 3 on the page that adds them
  PlotView* loss() const { return loss_; }
  bool isLive() const { return live_; }            ///< a run of one's own has given its first point
  bool hasRecording() const { return !recorded_.steps().empty(); }

 Q_SIGNALS:
  void instrumentsWished();
  void liveChanged();                              ///< isLive() or hasRecording()

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  enum LossCurve { kNow, kBehind };
  struct Pane {
    Panel* panel = nullptr;
    QLabel* tag = nullptr;                         ///< "recorded"
    QLabel* caption = nullptr;
  };
  Pane makePane(const QString& title, const QString& subtitle, QWidget* content, int margin);
  QWidget* buildAction();
  void buildPanes();
  void adopt(const RunBatch& run);
  void showDesign();
  void showExperiments();
  void showLoss();
  void showNotes();
  void showLoad();
  void showText();
  void showSamples();
  void showAction();
  void setRecordedTag(const Pane& pane, bool on);
  bool running() const;                            ///< a run is shown, with or without points
  const SeriesStore& shown(bool liveHas) const;
  void pushBehind();
  static QString seconds(double s);                ///< "48 s", "2 min 5 s"

  Workspace& workspace_;
  RunCommands& commands_;
  SeriesStore recorded_;
  bool asked_ = false, live_ = false;
  Pane sketchPane_, lossPane_, textPane_, loadPane_, samplesPane_;
  StackSketch* sketch_;
  PlotView* loss_;
  TextCanvas* text_;
  QLabel* legend_;
  HeatmapView* load_;
  std::array<QLabel*, 4> when_{}, wrote_{};
  QWidget* band_;
  ActionButton* big_;
  QPushButton* instruments_;
  QLabel *promise_, *safety_, *facts_;
  std::vector<QAction*> experimentActions_;
  std::array<ExperimentCard*, 3> cards_{};
  const SeriesStore* drawn_ = nullptr;             ///< whose points curve 0 holds
  std::size_t taken_ = 0, framesDrawn_ = 0, samplesDrawn_ = 0;
  int generation_ = -1;
  const RoutedText* textDrawn_ = nullptr;
  QString behindName_;
};

}  // namespace serp::app
