// SPDX-License-Identifier: GPL-3.0-or-later
// The gallery's list, with the presets for the first minute on top.
#include "app/models/presets_model.h"

#include <algorithm>

#include "app/models/background.h"
#include "app/models/figures.h"
#include "engine/api/plan.h"

namespace serp::app {

PresetsModel::PresetsModel(QObject* parent) : QAbstractListModel(parent) {}

void PresetsModel::load() {
  inBackground(this, [] { return countPresets(listPresets()); }, [this](std::vector<PresetEntry> presets) { setPresets(std::move(presets)); });
}

void PresetsModel::setPresets(std::vector<PresetEntry> presets) {
  std::stable_partition(presets.begin(), presets.end(), [](const PresetEntry& p) { return p.info.name.starts_with("start/"); });
  beginResetModel();
  presets_ = std::move(presets);
  endResetModel();
  Q_EMIT loaded();
}

int PresetsModel::rowOf(const QString& name) const {
  for (std::size_t i = 0; i < presets_.size(); ++i)
    if (QString::fromStdString(presets_[i].info.name) == name) return static_cast<int>(i);
  return -1;
}

int PresetsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(presets_.size()); }

QVariant PresetsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const PresetEntry& preset = presets_[static_cast<std::size_t>(index.row())];
  const QString name = QString::fromStdString(preset.info.name), title = QString::fromStdString(preset.info.title);
  switch (role) {
    case Qt::DisplayRole:
    case NameRole: return name;
    case Qt::ToolTipRole:
    case TitleRole: return title;
    case GroupRole: return name.section(QLatin1Char('/'), 0, -2);
    case PatternRole: return preset.pattern;
    case TotalRole: return preset.total;
    case ActiveRole: return preset.active;
    case SearchRole: return QString(name + QLatin1Char(' ') + title + QLatin1Char(' ') + preset.pattern);
    case Qt::AccessibleTextRole:
      return QObject::tr("%1: %2, %3 parameters, %4 active").arg(name, title, shortCount(preset.total), shortCount(preset.active));
    default: return {};
  }
}

std::vector<PresetEntry> countPresets(std::vector<PresetInfo> presets) {
  std::vector<PresetEntry> out;
  out.reserve(presets.size());
  for (PresetInfo& info : presets) {
    PresetEntry entry;
    if (const auto spec = parseRunSpec(info.text, info.name))
      if (const auto plan = planRun(*spec)) {
        entry.pattern = QString::fromStdString(plan->pattern);
        entry.total = static_cast<double>(plan->nonEmbeddingTotal);
        entry.active = static_cast<double>(plan->nonEmbeddingActive);
      }
    entry.info = std::move(info);
    out.push_back(std::move(entry));
  }
  return out;
}

QString groupTitle(const QString& group) {
  QStringList parts = group.split(QLatin1Char('/'), Qt::SkipEmptyParts);
  for (qsizetype i = 0; i < parts.size(); ++i)
    if (i == 0) parts[i][0] = parts[i][0].toUpper();
  return parts.isEmpty() ? QObject::tr("Other") : parts.join(QStringLiteral(" · "));
}

}  // namespace serp::app
