// SPDX-License-Identifier: GPL-3.0-or-later
// The shipped presets as a list for the gallery: name, title, group ("start", "paper/v2", …), pattern, parameters.
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "engine/api/spec.h"

namespace serp::app {

/// A preset and what it costs, counted when the list is read.
struct PresetEntry {
  PresetInfo info;
  QString pattern;                               ///< "(ME)8"; empty: the preset has faults
  double total = 0, active = 0;                  ///< parameters without embedding and head
};

/// Read and counted once, in the background; loaded() when there.
class PresetsModel final : public QAbstractListModel {
  Q_OBJECT
 public:
  enum Role { NameRole = Qt::UserRole, GroupRole, TitleRole, PatternRole, TotalRole, ActiveRole, SearchRole };
  explicit PresetsModel(QObject* parent = nullptr);
  void load();                                   ///< in the pool; returns at once
  void setPresets(std::vector<PresetEntry> presets);
  int rowOf(const QString& name) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 Q_SIGNALS:
  void loaded();

 private:
  std::vector<PresetEntry> presets_;
};

/// Plans every preset: a millisecond each. Any thread.
std::vector<PresetEntry> countPresets(std::vector<PresetInfo> presets);
/// "Start", "Paper · v2": how a folder of presets is headed.
QString groupTitle(const QString& group);

}  // namespace serp::app
