// SPDX-License-Identifier: GPL-3.0-or-later
// A field for one number as it stands in YAML: 0.01, 1e-3, 4096; steps by its own size.
#pragma once

#include <QDoubleSpinBox>

namespace serp::app {

/// `integral` numbers may exceed 32 bits (seeds), which QSpinBox cannot hold.
class NumberField final : public QDoubleSpinBox {
  Q_OBJECT
 public:
  NumberField(bool integral, double minimum, double maximum, QWidget* parent = nullptr);
  QString textFromValue(double value) const override;
  double valueFromText(const QString& text) const override;
  QValidator::State validate(QString& text, int& position) const override;
  void fixup(QString& text) const override;
  void stepBy(int steps) override;
  /// Dashed and muted: the value follows from others until somebody sets it.
  void setDerived(bool derived);
  bool isDerived() const { return derived_; }

 Q_SIGNALS:
  void refused(const QString& text) const;        ///< what was typed is no such number; the former value is back

 protected:
  void wheelEvent(QWheelEvent* event) override;   ///< only with focus: scrolling the form must not change it

 private:
  void restyle();
  bool integral_, derived_ = false;
};

}  // namespace serp::app
