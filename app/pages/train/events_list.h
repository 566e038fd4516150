// SPDX-License-Identifier: GPL-3.0-or-later
// What happened in a run, newest first: live edits numbered as on the curves, saves, warnings, milestones.
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "app/widgets/panel.h"

class QListView;
class QPushButton;

namespace serp::app {

struct Workspace;

class EventsModel final : public QAbstractListModel {
  Q_OBJECT
 public:
  enum Role { StepRole = Qt::UserRole, TimeRole, NumberRole, ToneRole };
  explicit EventsModel(Workspace& workspace, QObject* parent = nullptr);
  void refresh();
  void setEditsOnly(bool on);
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  void rebuild();
  struct Row { std::size_t event; int number; };     ///< number of a live edit, 0 for others
  Workspace& workspace_;
  std::vector<Row> rows_;                            ///< oldest first
  std::size_t read_ = 0;
  int edits_ = 0, generation_ = -1;
  bool editsOnly_ = false;
};

class EventsList final : public Panel {
  Q_OBJECT
 public:
  explicit EventsList(Workspace& workspace, QWidget* parent = nullptr);
  void refresh();
  EventsModel* model() const { return model_; }

 Q_SIGNALS:
  void stepChosen(qint64 step);

 private:
  EventsModel* model_;
  QListView* view_;
};

}  // namespace serp::app
