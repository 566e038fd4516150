// SPDX-License-Identifier: GPL-3.0-or-later
// The gallery's list, with the presets for the first minute on top.
#include "app/models/presets_model.h"

#include <algorithm>

#include "app/models/background.h"

namespace serp::app {

PresetsModel::PresetsModel(QObject* parent) : QAbstractListModel(parent) {}

void PresetsModel::load() {
  inBackground(this, [] { return listPresets(); }, [this](std::vector<PresetInfo> presets) { setPresets(std::move(presets)); });
}

void PresetsModel::setPresets(std::vector<PresetInfo> presets) {
  std::stable_partition(presets.begin(), presets.end(), [](const PresetInfo& p) { return p.name.starts_with("start/"); });
  beginResetModel();
  presets_ = std::move(presets);
  endResetModel();
  Q_EMIT loaded();
}

int PresetsModel::rowOf(const QString& name) const {
  for (std::size_t i = 0; i < presets_.size(); ++i)
    if (QString::fromStdString(presets_[i].name) == name) return static_cast<int>(i);
  return -1;
}

int PresetsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(presets_.size()); }

QVariant PresetsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const PresetInfo& preset = presets_[static_cast<std::size_t>(index.row())];
  const QString name = QString::fromStdString(preset.name);
  switch (role) {
    case Qt::DisplayRole:
    case NameRole: return name;
    case Qt::ToolTipRole: return QString::fromStdString(preset.title);
    case GroupRole: return name.section(QLatin1Char('/'), 0, -2);
    case TextRole: return QString::fromStdString(preset.text);
    default: return {};
  }
}

}  // namespace serp::app
