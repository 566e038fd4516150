// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page: transport, curves, live knobs, the architecture as a dashboard, samples, events, meters.
#pragma once

#include <QElapsedTimer>

#include "app/pages/page.h"

class QLabel;
class QPushButton;
class QStackedLayout;
class QStackedWidget;

namespace serp::app {

class ArchitectureStrip;
class CurvesPanel;
class EventsList;
class FirstMinute;
class LiveKnobs;
class Meters;
class Panel;
class RunCommands;
class SamplesPane;
class TransportBar;

class TrainPage final : public Page {
  Q_OBJECT
 public:
  TrainPage(Workspace& workspace, RunCommands& commands, QWidget* parent = nullptr);
  QWidget* topBar() override;
  QString statusText() const override;
  CurvesPanel* curves() const { return curves_; }
  LiveKnobs* knobs() const { return knobs_; }
  EventsList* events() const { return events_; }
  FirstMinute* firstMinute() const { return first_; }
  QPushButton* bigButton() const;
  bool showsEmptyState() const;                    ///< no run is shown
  bool showsFirstMinute() const;
  void showInstruments();                          ///< leaves the first minute for the full page

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  QWidget* buildFirstBar();
  QWidget* buildRun(RunCommands& commands);
  void refresh();
  void showMeters();
  void showStack();
  QStackedLayout* stack_;
  QStackedWidget* bar_;
  TransportBar* transport_;
  FirstMinute* first_;
  CurvesPanel* curves_;
  LiveKnobs* knobs_;
  ArchitectureStrip* strip_;
  Panel* stripPanel_;
  SamplesPane* samples_;
  EventsList* events_;
  Meters* meters_;
  QWidget* right_;
  QElapsedTimer memoryAge_;
  QLabel *design_, *recorded_, *what_;
  bool tour_ = false;                              ///< the run was started from the first minute and is watched there
};

}  // namespace serp::app
