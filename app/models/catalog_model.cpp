// SPDX-License-Identifier: GPL-3.0-or-later
// Families and blocks; a block's index carries its family's number plus one, a family's carries zero.
#include "app/models/catalog_model.h"

#include <QMimeData>

#include "app/style/theme.h"

namespace serp::app {

QString familyTitle(Family family) {
  switch (family) {
    case Family::Mixer: return QObject::tr("Mixers");
    case Family::Experts: return QObject::tr("Experts");
    case Family::Attention: return QObject::tr("Attention");
    case Family::Dense: return QObject::tr("Dense");
    case Family::Container: return QObject::tr("Containers");
  }
  return {};
}

CatalogModel::CatalogModel(QObject* parent) : CatalogModel(blockCatalog(), parent) {}

CatalogModel::CatalogModel(const std::vector<BlockInfo>& blocks, QObject* parent) : QAbstractItemModel(parent) {
  for (const Family family : {Family::Mixer, Family::Experts, Family::Attention, Family::Dense, Family::Container}) {
    Group group{family, {}};
    for (const BlockInfo& block : blocks)
      if (block.family == family) group.blocks.push_back(block);
    if (!group.blocks.empty()) groups_.push_back(std::move(group));
  }
}

QModelIndex CatalogModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  return createIndex(row, column, parent.isValid() ? static_cast<quintptr>(parent.row() + 1) : quintptr{0});
}

QModelIndex CatalogModel::parent(const QModelIndex& child) const {
  if (!child.isValid() || child.internalId() == 0) return {};
  return createIndex(static_cast<int>(child.internalId()) - 1, 0, quintptr{0});
}

int CatalogModel::rowCount(const QModelIndex& parent) const {
  if (!parent.isValid()) return static_cast<int>(groups_.size());
  if (parent.internalId() != 0 || parent.column() != 0) return 0;
  return static_cast<int>(groups_[static_cast<std::size_t>(parent.row())].blocks.size());
}

int CatalogModel::columnCount(const QModelIndex&) const { return 1; }

QVariant CatalogModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  if (index.internalId() == 0) {
    const Group& group = groups_[static_cast<std::size_t>(index.row())];
    if (role == Qt::DisplayRole) return familyTitle(group.family);
    if (role == FamilyRole) return QString::fromLatin1(familyName(group.family));
    return {};
  }
  const Group& group = groups_[static_cast<std::size_t>(index.internalId() - 1)];
  const BlockInfo& block = group.blocks[static_cast<std::size_t>(index.row())];
  const QString kind = QString::fromStdString(block.kind), summary = QString::fromStdString(block.summary);
  switch (role) {
    case Qt::DisplayRole:
    case KindRole: return kind;
    case Qt::ToolTipRole: return summary;
    case Qt::DecorationRole: return Theme::instance().family(QString::fromLatin1(familyName(block.family)));
    case FamilyRole: return QString::fromLatin1(familyName(block.family));
    case LetterRole: return block.letter ? QString(QLatin1Char(block.letter)) : QString();
    case SearchRole: return QString(kind + QLatin1Char(' ') + summary + QLatin1Char(' ') + familyTitle(block.family));
    default: return {};
  }
}

Qt::ItemFlags CatalogModel::flags(const QModelIndex& index) const {
  return QAbstractItemModel::flags(index) | (index.parent().isValid() ? Qt::ItemIsDragEnabled : Qt::NoItemFlags);
}

QMimeData* CatalogModel::mimeData(const QModelIndexList& indexes) const {
  if (indexes.isEmpty()) return nullptr;
  auto* data = new QMimeData;
  data->setData(QLatin1String(kKindMime), indexes.front().data(KindRole).toString().toUtf8());
  return data;
}

void CatalogFilter::setWords(const QString& text) {
  words_ = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
  invalidateFilter();
}

bool CatalogFilter::filterAcceptsRow(int row, const QModelIndex& parent) const {
  const QModelIndex index = sourceModel()->index(row, 0, parent);
  if (!parent.isValid()) {
    for (int i = 0; i < sourceModel()->rowCount(index); ++i)
      if (filterAcceptsRow(i, index)) return true;
    return false;
  }
  const QString text = index.data(CatalogModel::SearchRole).toString();
  for (const QString& word : words_)
    if (!text.contains(word, Qt::CaseInsensitive)) return false;
  return true;
}

}  // namespace serp::app
