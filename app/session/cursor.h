// SPDX-License-Identifier: GPL-3.0-or-later
// The one cursor all views follow: step, layer, expert, token.
#pragma once

#include <QObject>

namespace serp::app {

/// GUI thread only. -1 means nothing chosen; followLive keeps `step` at the newest frame.
class Cursor final : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  qint64 step() const { return step_; }
  int layer() const { return layer_; }
  int expert() const { return expert_; }
  int token() const { return token_; }
  bool followsLive() const { return followLive_; }
  void setStep(qint64 step) { set(step_, step); }
  void setLayer(int layer) { set(layer_, layer); }
  void setExpert(int expert) { set(expert_, expert); }
  void setToken(int token) { set(token_, token); }
  void setFollowLive(bool follow) { set(followLive_, follow); }

 Q_SIGNALS:
  void changed();

 private:
  template <class T>
  void set(T& field, T value) {
    if (field == value) return;
    field = value;
    Q_EMIT changed();
  }
  qint64 step_ = -1;
  int layer_ = 0, expert_ = -1, token_ = -1;
  bool followLive_ = true;
};

}  // namespace serp::app
