// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page: transport, curves, live knobs, the architecture as a dashboard, samples, events, meters.
#pragma once

#include "app/pages/page.h"

class QLabel;
class QPushButton;
class QStackedLayout;

namespace serp::app {

class ArchitectureStrip;
class CurvesPanel;
class EventsList;
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
  QPushButton* bigButton() const { return big_; }
  bool showsEmptyState() const;

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  QWidget* buildEmpty();
  QWidget* buildRun(RunCommands& commands);
  void refresh();
  void showMeters();
  void showDesign();
  QStackedLayout* stack_;
  TransportBar* transport_;
  CurvesPanel* curves_;
  LiveKnobs* knobs_;
  ArchitectureStrip* strip_;
  Panel* stripPanel_;
  SamplesPane* samples_;
  EventsList* events_;
  Meters* meters_;
  QWidget* right_;
  QPushButton* big_;
  QLabel *emptyTitle_, *emptyText_;
};

}  // namespace serp::app
