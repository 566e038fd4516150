// SPDX-License-Identifier: GPL-3.0-or-later
// One row of the form: label, field by type, range or formula, and when a change acts.
#pragma once

#include <QWidget>
#include <functional>

#include "engine/api/param.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;

namespace serp::app {

class NumberField;

class ParamRow final : public QWidget {
  Q_OBJECT
 public:
  explicit ParamRow(const Param& param, QWidget* parent = nullptr);
  /// Shows a value without emitting; not while somebody types in it. `derived`: nobody set it, the formula gave it.
  void show(const ParamValue& value, bool derived);
  const Param& param() const { return param_; }
  QWidget* field() const { return field_; }

 Q_SIGNALS:
  void edited(const QString& name, const QString& yaml);

 private:
  void send(const ParamValue& value);
  Param param_;
  QWidget* field_ = nullptr;
  NumberField* number_ = nullptr;
  QComboBox* choice_ = nullptr;
  QCheckBox* check_ = nullptr;
  QLineEdit* text_ = nullptr;
  QLabel* remark_;
};

}  // namespace serp::app
