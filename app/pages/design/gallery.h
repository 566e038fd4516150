// SPDX-License-Identifier: GPL-3.0-or-later
// The gallery: every shipped preset with its title, pattern and parameters, under a field that filters them.
#pragma once

#include <QFrame>

class QLineEdit;
class QListView;
class QSortFilterProxyModel;

namespace serp::app {

class PresetsModel;

/// A popup: arrows move, Enter opens, Esc closes. Emits, changes nothing itself.
class Gallery final : public QFrame {
  Q_OBJECT
 public:
  explicit Gallery(PresetsModel* presets, QWidget* parent = nullptr);
  /// Below `anchor`, with the row of `current` marked and the filter empty.
  void open(const QWidget* anchor, const QString& current);
  QLineEdit* field() const { return filter_; }
  QListView* list() const { return list_; }

 Q_SIGNALS:
  void chosen(const QString& name);

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  void choose(const QModelIndex& index);
  void mark(const QString& name);

  QLineEdit* filter_;
  QListView* list_;
  QSortFilterProxyModel* order_;
  QString current_;
};

}  // namespace serp::app
