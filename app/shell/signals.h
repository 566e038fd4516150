// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl-C and a polite kill close the window as its button does: the run is saved first. A second one leaves at once.
#pragma once

#include <QObject>

namespace serp::app {

class Signals final : public QObject {
  Q_OBJECT
 public:
  explicit Signals(QObject* parent = nullptr);

 Q_SIGNALS:
  void closeWished();
};

}  // namespace serp::app
