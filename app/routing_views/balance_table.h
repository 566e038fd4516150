// SPDX-License-Identifier: GPL-3.0-or-later
// The small table of balance numbers: quantities down, layers across, the current layer in a raised column.
#pragma once

#include <QStringList>
#include <QWidget>
#include <vector>

#include "app/routing_views/quantities.h"

namespace serp::app {

class BalanceTable final : public QWidget {
  Q_OBJECT
 public:
  explicit BalanceTable(QWidget* parent = nullptr);
  void setLayers(std::vector<Balance> layers, QStringList names, int current);
  QSize sizeHint() const override { return {206, 7 * 22 + 4}; }
  QSize minimumSizeHint() const override { return {204, 7 * 20}; }

 Q_SIGNALS:
  void clicked(int layer);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  bool event(QEvent* event) override;

 private:
  int firstShown() const;                        ///< of the layers that fit, kept around the current one
  int fitting() const;
  std::vector<Balance> layers_;
  QStringList names_;
  int current_ = 0;
};

}  // namespace serp::app
