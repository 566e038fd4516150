// SPDX-License-Identifier: GPL-3.0-or-later
// Two designs side by side: matched blocks on one line, added, removed and changed ones coloured and named, changed keys listed.
#pragma once

#include <QDialog>

#include "engine/api/design_diff.h"

class QComboBox;
class QLabel;
class QTableWidget;

namespace serp::app {

/// The open design on the right, the one it is compared with on the left.
class DesignDifferences final : public QDialog {
  Q_OBJECT
 public:
  explicit DesignDifferences(const RunSpec& open, QWidget* parent = nullptr);
  /// A preset or a file; false: it cannot be read, and the line above the table says why.
  bool compareWith(const QString& presetOrFile);
  QTableWidget* table() const { return table_; }

 Q_SIGNALS:
  void chosen(const QString& path);           ///< a line of the open design was activated

 private:
  void show(const RunSpec& other);
  RunSpec open_;
  QComboBox* other_;
  QTableWidget* table_;
  QLabel* summary_;
};

}  // namespace serp::app
