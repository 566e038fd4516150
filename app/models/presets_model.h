// SPDX-License-Identifier: GPL-3.0-or-later
// The shipped presets as a list for the gallery: name, title, group ("start", "paper/v2", …).
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "engine/api/spec.h"

namespace serp::app {

/// Read once, in the background; loaded() when there.
class PresetsModel final : public QAbstractListModel {
  Q_OBJECT
 public:
  enum Role { NameRole = Qt::UserRole, GroupRole, TextRole };
  explicit PresetsModel(QObject* parent = nullptr);
  void load();                                   ///< in the pool; returns at once
  void setPresets(std::vector<PresetInfo> presets);
  int rowOf(const QString& name) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 Q_SIGNALS:
  void loaded();

 private:
  std::vector<PresetInfo> presets_;
};

}  // namespace serp::app
