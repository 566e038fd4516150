// SPDX-License-Identifier: GPL-3.0-or-later
// Spelling and stepping of numbers.
#include "app/pages/design/number_field.h"

#include <QLineEdit>
#include <QWheelEvent>
#include <cmath>

#include "app/style/theme.h"

namespace serp::app {

NumberField::NumberField(bool integral, double minimum, double maximum, QWidget* parent) : QDoubleSpinBox(parent), integral_(integral) {
  setDecimals(integral ? 0 : 12);
  setRange(minimum, maximum);
  setKeyboardTracking(false);                     // a value acts when it is finished, not at every digit
  setAlignment(Qt::AlignRight);
  setButtonSymbols(QAbstractSpinBox::NoButtons);
  setFocusPolicy(Qt::StrongFocus);
  setLocale(QLocale::c());
  connect(&Theme::instance(), &Theme::changed, this, &NumberField::restyle);
}

QString NumberField::textFromValue(double value) const {
  return integral_ ? QString::number(value, 'f', 0) : QString::number(value, 'g', 8);
}

double NumberField::valueFromText(const QString& text) const { return text.trimmed().toDouble(); }

QValidator::State NumberField::validate(QString& text, int&) const {
  bool ok = false;
  const double value = text.trimmed().toDouble(&ok);
  if (!ok) return text.contains(QLatin1Char(' ')) ? QValidator::Invalid : QValidator::Intermediate;
  if (integral_ && value != std::floor(value)) return QValidator::Intermediate;
  return value < minimum() || value > maximum() ? QValidator::Intermediate : QValidator::Acceptable;
}

void NumberField::fixup(QString& text) const {
  Q_EMIT refused(text);
  QDoubleSpinBox::fixup(text);
}

void NumberField::stepBy(int steps) {
  const double now = value(), size = std::abs(now);
  double unit = 1;
  if (!integral_) unit = size > 0 ? std::pow(10.0, std::floor(std::log10(size) - 1e-9)) / (size < 1 ? 1.0 : 10.0) : 0.01;
  else if (size >= 1000) unit = 16;
  // Rounded to the unit, so that 0.1 + 0.01 ten times is 0.2 and not 0.19999999.
  setValue(std::round((now + steps * unit) / unit) * unit);
}

void NumberField::setDerived(bool derived) {
  if (derived == derived_) return;
  derived_ = derived;
  restyle();
}

void NumberField::restyle() {
  setStyleSheet(derived_ ? QStringLiteral("QDoubleSpinBox { border-style: dashed; color: %1; }").arg(Theme::instance().color(Tone::Muted).name()) : QString());
}

void NumberField::wheelEvent(QWheelEvent* event) {
  if (hasFocus()) QDoubleSpinBox::wheelEvent(event);
  else event->ignore();
}

}  // namespace serp::app
