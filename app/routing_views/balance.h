// SPDX-License-Identifier: GPL-3.0-or-later
// Balance: six numbers per layer at the cursor, three of them as curves over steps, and alarms for idle experts and crowded ones.
#pragma once

#include <QHash>
#include <QSet>
#include <vector>

#include "app/routing_views/quantities.h"
#include "app/routing_views/routing_view.h"

class QLabel;
class QPushButton;

namespace serp::app {

class BalanceTable;
class PlotView;

class BalanceView final : public RoutingView {
  Q_OBJECT
 public:
  /// What is wrong at the cursor: an expert without tokens for long (expert >= 0), or a layer whose busiest expert has too many.
  struct Alarm { int layer = -1, expert = -1; std::int64_t idle = 0; double maxViolation = 0; };

  explicit BalanceView(const RoutingContext& context);
  void refresh() override;
  void showCursor() override;
  QString caption() const override;
  QString subtitle() const override { return tr("numbers at the cursor; strong line and column: %1").arg(history().layerName(cursor().layer())); }
  QString csv() const override;
  std::vector<QWidget*> headerWidgets() override;
  const std::vector<Alarm>& alarms() const { return alarms_; }
  QPushButton* showButton() const { return show_; }
  QPushButton* muteButton() const { return mute_; }

 private:
  void follow();
  void fillCurves();
  void findAlarms();
  void showAlarm();
  std::vector<int> curveLayers() const;

  BalanceTable* table_;
  PlotView* plots_[3];
  QWidget* alarmRow_;
  QLabel *alarmText_, *alarmCount_;
  QPushButton *show_, *mute_;
  std::vector<Alarm> alarms_;
  std::size_t shownAlarm_ = 0;
  QSet<QString> muted_;
  QString mutedFor_;
  std::vector<std::vector<Balance>> balances_;   ///< [frame][layer], computed once
  const RoutingFrame* followedTo_ = nullptr;
  QHash<int, int> curves_;                       ///< layer → curve, the same in all three plots
  std::size_t drawnFrames_ = 0;
  int drawnLayer_ = -1;
};

}  // namespace serp::app
