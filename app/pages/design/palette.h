// SPDX-License-Identifier: GPL-3.0-or-later
// The palette: a filter field over the tree of blocks, and a sentence about the one under the cursor.
#pragma once

#include <QWidget>

class QLabel;
class QLineEdit;
class QTreeView;

namespace serp::app {

class CatalogFilter;
class CatalogModel;

class Palette final : public QWidget {
  Q_OBJECT
 public:
  explicit Palette(QWidget* parent = nullptr);
  void focusFilter();
  QTreeView* tree() const { return tree_; }
  QLineEdit* field() const { return filter_; }

 Q_SIGNALS:
  void blockChosen(const QString& kind);       ///< Enter or double click; a drag carries the kind as kKindMime

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  QModelIndex bestMatch(const QString& text) const;
  QLineEdit* filter_;
  QTreeView* tree_;
  QLabel* help_;
  CatalogModel* catalog_;
  CatalogFilter* order_;
};

}  // namespace serp::app
