// SPDX-License-Identifier: GPL-3.0-or-later
// One row of the form: label, field by type, range, formula or slider, and when a change acts.
#pragma once

#include <QWidget>
#include <functional>

#include "engine/api/param.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QSlider;

namespace serp::app {

class NumberField;

class ParamRow final : public QWidget {
  Q_OBJECT
 public:
  explicit ParamRow(const Param& param, QWidget* parent = nullptr);
  /// Shows a value without emitting; not while somebody types in it. `derived`: nobody set it, the formula gave it.
  void show(const ParamValue& value, bool derived);
  /// Several blocks are selected and their values differ: the one shown is the last block's.
  void setMixed(bool mixed);
  const Param& param() const { return param_; }
  QWidget* field() const { return field_; }
  QSlider* slider() const { return slider_; }        ///< of a live number, else null
  int labelWidth() const;                            ///< what the label would like
  void setLabelWidth(int pixels);

 Q_SIGNALS:
  void edited(const QString& name, const QString& yaml);
  void resetWanted(const QString& name);
  void refused(const QString& sentence);             ///< a number that is out of range, and what is allowed

 protected:
  bool eventFilter(QObject* object, QEvent* event) override;   ///< the wheel scrolls the form, unless the field has the focus

 private:
  void contextMenuEvent(QContextMenuEvent* event) override;
  void send(const ParamValue& value);
  void showCheck();
  void showSlider(double value);

  Param param_;
  QWidget* field_ = nullptr;
  NumberField* number_ = nullptr;
  QComboBox* choice_ = nullptr;
  QCheckBox* check_ = nullptr;
  QLineEdit* text_ = nullptr;
  QSlider* slider_ = nullptr;
  QLabel *label_, *remark_ = nullptr;
};

}  // namespace serp::app
