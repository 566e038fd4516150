// SPDX-License-Identifier: GPL-3.0-or-later
// The run table: filter and sorting, and how its cells are drawn.
#pragma once

#include <QHash>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QTableView>

namespace serp::app {

/// Sorts by the model's sort keys; keeps rows in which every typed word occurs (name, pattern, status; "steps>500" compares).
class RunFilter final : public QSortFilterProxyModel {
  Q_OBJECT
 public:
  explicit RunFilter(QObject* parent = nullptr);
  void setWords(const QString& text);
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;  ///< with an arrow at the sorted column

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  QStringList words_;
};

/// Eye icons, colour chips, row lines, an accent bar at selected rows; F2 edits the name.
class RunCells final : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  bool editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option, const QModelIndex& index) override;
};

/// Columns give way in a narrow window, least needed first; a right click on the header chooses columns oneself.
class RunTable final : public QTableView {
  Q_OBJECT
 public:
  explicit RunTable(QWidget* parent = nullptr);
  void chooseColumns(QPoint at);                   ///< a menu of the columns, at a place on the screen
  void setColumnWanted(int column, bool wanted);   ///< as by the header's menu; outlives every change of width

 Q_SIGNALS:
  void trashWanted();
  void baselineWanted(const QString& id);
  void openWanted(const QString& id);              ///< Enter or a double click: show this run on the Train page

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;

 private:
  void fitColumns();
  QHash<int, bool> wanted_;
};

}  // namespace serp::app
