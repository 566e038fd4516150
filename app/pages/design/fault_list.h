// SPDX-License-Identifier: GPL-3.0-or-later
// All faults and warnings of the text in one list; a click goes to the place.
#pragma once

#include <QListWidget>

#include "engine/api/diagnostic.h"

namespace serp::app {

class FaultList final : public QListWidget {
  Q_OBJECT
 public:
  explicit FaultList(QWidget* parent = nullptr);
  void setDiagnostics(const Diagnostics& diagnostics);   ///< hides itself when the text shows it all

 Q_SIGNALS:
  void chosen(int line, int column, const QString& path);

 private:
  Diagnostics diagnostics_;
};

}  // namespace serp::app
