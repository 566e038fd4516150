// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue of blocks as a tree: families at the top, their blocks below, with a filter on names and summaries.
#pragma once

#include <QAbstractItemModel>
#include <QSortFilterProxyModel>
#include <vector>

#include "engine/api/catalog.h"

namespace serp::app {

/// What a dragged block carries: its kind as UTF-8.
inline constexpr const char* kKindMime = "application/x-serpentarium-block";

/// Built once from blockCatalog(); two levels. Read-only.
class CatalogModel final : public QAbstractItemModel {
  Q_OBJECT
 public:
  enum Role { KindRole = Qt::UserRole, FamilyRole, LetterRole, SearchRole };
  explicit CatalogModel(QObject* parent = nullptr);
  explicit CatalogModel(const std::vector<BlockInfo>& blocks, QObject* parent = nullptr);

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  QStringList mimeTypes() const override { return {QLatin1String(kKindMime)}; }
  QMimeData* mimeData(const QModelIndexList& indexes) const override;

 private:
  struct Group {
    Family family;
    std::vector<BlockInfo> blocks;
  };
  std::vector<Group> groups_;
};

/// Keeps blocks whose name or summary holds every typed word, and the families that still have one.
class CatalogFilter final : public QSortFilterProxyModel {
  Q_OBJECT
 public:
  using QSortFilterProxyModel::QSortFilterProxyModel;
  void setWords(const QString& text);

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  QStringList words_;
};

/// "Mixers", "Experts", "Attention", "Dense", "Containers".
QString familyTitle(Family family);

}  // namespace serp::app
