// SPDX-License-Identifier: GPL-3.0-or-later
// A grid of figures: caption, value, remark.
#pragma once

#include <QFrame>
#include <vector>

class QLabel;

namespace serp::app {

class Meters final : public QFrame {
  Q_OBJECT
 public:
  /// One caption per meter, in rows of `columns`.
  Meters(const QStringList& captions, int columns, QWidget* parent = nullptr);
  void set(int meter, const QString& value, const QString& remark = {});
  QString value(int meter) const;

 private:
  struct Cell { QLabel *value, *remark; };
  std::vector<Cell> cells_;
};

}  // namespace serp::app
