// SPDX-License-Identifier: GPL-3.0-or-later
// One live value: name, tag, field, slider with a tick at the preset's value, and a remark.
#pragma once

#include <QSlider>
#include <QString>
#include <QTimer>
#include <QWidget>

class QDoubleSpinBox;
class QLabel;

namespace serp::app {

struct KnobSpec {
  QString path, name, help;          ///< path as in SetLive, or of the key for a structural value
  double minimum = 0, maximum = 1, preset = 0;
  bool integer = false;
  bool live = true;                  ///< "acts now", else "next run"
  bool factor = false;               ///< shown as × 1.40
};

/// A slider whose track shows the preset's value; a click goes where it points.
class KnobSlider final : public QSlider {
  Q_OBJECT
 public:
  explicit KnobSlider(QWidget* parent = nullptr);
  void setPresetShare(double share);               ///< 0..1 of the track
  void setLive(bool live);

 Q_SIGNALS:
  void presetWished();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;

 private:
  int positionAt(double x) const;
  double preset_ = -1;
  bool live_ = true;
};

/// 58 px high. A drag, a run of wheel or arrow steps, or a typed number gives one committed().
class Knob final : public QWidget {
  Q_OBJECT
 public:
  explicit Knob(KnobSpec spec, QWidget* parent = nullptr);
  const KnobSpec& spec() const { return spec_; }
  double value() const { return value_; }
  void setValue(double value);                     ///< from outside: does not commit, ignored while being dragged
  void setRemark(const QString& text);
  void resetToPreset();                            ///< commits the preset's exact value if it differs
  KnobSlider* slider() const { return slider_; }
  QDoubleSpinBox* field() const { return field_; }

 Q_SIGNALS:
  void committed(double value);

 private:
  void show(double value);
  void edit(double value);
  void commit();
  void tell();
  double sliderTop() const;
  KnobSpec spec_;
  double value_, told_;
  KnobSlider* slider_;
  QDoubleSpinBox* field_;
  QLabel* remark_;
  QTimer idle_;
  bool showing_ = false, touched_ = false;         ///< touched: edited since the last commit
};

}  // namespace serp::app
