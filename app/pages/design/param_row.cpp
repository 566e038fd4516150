// SPDX-License-Identifier: GPL-3.0-or-later
// Fields made from a declaration; the form has no knowledge of any particular block.
#include "app/pages/design/param_row.h"

#include <QContextMenuEvent>
#include <QMenu>
#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>

#include "app/pages/design/elided_label.h"
#include "app/pages/design/number_field.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

QString text(const std::string& s) { return QString::fromStdString(s); }

QString rangeOf(const Param& p) {
  if (p.type != ParamType::Integer && p.type != ParamType::Real) return text(p.unit);
  if (!p.formula.empty()) return QStringLiteral("= ") + text(p.formula).replace(QLatin1String(" * "), QStringLiteral(" × "));
  // A maximum beyond a million is no limit anybody plans for; the tool tip has it.
  const auto number = [](double v) { return QString::number(v, 'g', 6); };
  const bool open = p.maximum >= 1e6;
  const QString least = p.minimumOpen ? QStringLiteral("> ") : open ? QStringLiteral("≥ ") : QString();
  return least + number(p.minimum) + (open ? QString() : QStringLiteral(" … ") + number(p.maximum)) +
         (p.unit.empty() ? QString() : QLatin1Char(' ') + text(p.unit));
}

constexpr int kSliderSteps = 200;

/// Quadratic, so that the small values people use have room; two digits are what a hand can set.
double atPosition(const Param& p, int position) {
  const double t = static_cast<double>(position) / kSliderSteps, value = p.minimum + (p.maximum - p.minimum) * t * t;
  if (value == 0) return value;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - 1);
  return std::clamp(std::round(value / unit) * unit, p.minimum, p.maximum);
}

int positionOf(const Param& p, double value) {
  return static_cast<int>(std::lround(kSliderSteps * std::sqrt(std::clamp((value - p.minimum) / (p.maximum - p.minimum), 0.0, 1.0))));
}

}  // namespace

ParamRow::ParamRow(const Param& param, QWidget* parent) : QWidget(parent), param_(param), label_(new ElidedLabel(text(param.name))) {
  setFixedHeight(36);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(6);
  row->addWidget(label_);
  switch (param.type) {
    case ParamType::Integer:
    case ParamType::Real:
      number_ = new NumberField(param.type == ParamType::Integer, param.minimum, param.maximum);
      connect(number_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        if (param_.type == ParamType::Integer) send(static_cast<std::int64_t>(value));
        else send(value);
      });
      connect(number_, &NumberField::refused, this, [this](const QString& typed) {
        Q_EMIT refused(tr("%1: found %2, allowed is %3").arg(text(param_.name), typed.isEmpty() ? tr("nothing") : typed, text(param_.rangeText())));
      });
      field_ = number_;
      break;
    case ParamType::Boolean:
      check_ = new QCheckBox(tr("no"));
      connect(check_, &QCheckBox::toggled, this, [this](bool on) { send(on); });
      connect(check_, &QCheckBox::toggled, this, &ParamRow::showCheck);
      connect(&Theme::instance(), &Theme::changed, this, &ParamRow::showCheck);
      showCheck();
      field_ = check_;
      break;
    case ParamType::Choice:
      choice_ = new QComboBox;
      for (const std::string& c : param.choices) choice_->addItem(text(c));
      choice_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
      choice_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
      connect(choice_, &QComboBox::activated, this, [this] { send(choice_->currentText().toStdString()); });
      choice_->setFocusPolicy(Qt::StrongFocus);
      choice_->installEventFilter(this);
      field_ = choice_;
      break;
    default:
      text_ = new QLineEdit;
      connect(text_, &QLineEdit::editingFinished, this, [this] {
        if (!text_->isModified()) return;
        text_->setModified(false);
        if (param_.type != ParamType::TextList) return send(text_->text().toStdString());
        std::vector<std::string> list;
        for (const QString& part : text_->text().split(QLatin1Char(','), Qt::SkipEmptyParts)) list.push_back(part.trimmed().toStdString());
        send(list);
      });
      field_ = text_;
  }
  if (text_) field_->setMinimumWidth(76);
  else if (choice_) choice_->setMinimumWidth(88), choice_->setMaximumWidth(132);
  else field_->setFixedWidth(76);
  field_->setAccessibleName(text(param.name));
  const QString tip = text(param.help) + QStringLiteral("\n") + text(param.rangeText());
  field_->setAccessibleDescription(tip);
  setToolTip(tip);
  row->addWidget(field_, text_ ? 1 : 0);
  if (text_) {
    // The text itself takes all the room there is.
  } else if (param.acts && param.type == ParamType::Real && param.minimum < param.maximum) {
    slider_ = new QSlider(Qt::Horizontal);
    slider_->setRange(0, kSliderSteps);
    slider_->setFocusPolicy(Qt::StrongFocus);
    slider_->installEventFilter(this);
    slider_->setFixedHeight(20);
    slider_->setMinimumWidth(24);
    slider_->setAccessibleName(tr("%1, slider").arg(text(param.name)));
    connect(slider_, &QSlider::valueChanged, this, [this](int position) { send(atPosition(param_, position)); });
    row->addWidget(slider_, 1);
  } else {
    remark_ = new ElidedLabel(rangeOf(param), param.formula.empty());   // half a range says nothing; the tool tip has it
    remark_->setProperty("role", "caption");
    row->addWidget(remark_, 1);
  }
  auto* tag = new QLabel(param.acts ? tr("acts now") : tr("next run"));
  tag->setProperty("role", param.acts ? "tag-live" : "tag-next");
  tag->setToolTip(param.acts ? tr("A running model takes this over at its next step (Train page)") : tr("Takes effect when the design is trained anew"));
  tag->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
  row->addWidget(tag);
}

bool ParamRow::eventFilter(QObject* object, QEvent* event) {
  if (event->type() == QEvent::Wheel && !static_cast<QWidget*>(object)->hasFocus()) {
    event->ignore();
    return true;
  }
  return QWidget::eventFilter(object, event);
}

void ParamRow::show(const ParamValue& value, bool derived) {
  if (number_) {
    if (number_->hasFocus() && number_->text() != number_->textFromValue(number_->value())) return;
    const QSignalBlocker quiet(number_);
    const double shown = std::holds_alternative<std::int64_t>(value) ? static_cast<double>(std::get<std::int64_t>(value))
                         : std::holds_alternative<double>(value)     ? std::get<double>(value)
                                                                     : 0.0;
    number_->setValue(shown);
    number_->setDerived(derived && !param_.formula.empty());
    if (slider_) showSlider(shown);
  } else if (check_) {
    const QSignalBlocker quiet(check_);
    check_->setChecked(std::holds_alternative<bool>(value) && std::get<bool>(value));
    showCheck();
  } else if (choice_) {
    choice_->setCurrentText(text(std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string()));
  } else if (text_ && !(text_->hasFocus() && text_->isModified())) {
    if (std::holds_alternative<std::string>(value)) {
      text_->setText(text(std::get<std::string>(value)));
      text_->setCursorPosition(0);
    } else if (std::holds_alternative<std::vector<std::string>>(value)) {
      QStringList parts;
      for (const std::string& s : std::get<std::vector<std::string>>(value)) parts << text(s);
      text_->setText(parts.join(QStringLiteral(", ")));
      text_->setCursorPosition(0);
    }
  }
}

void ParamRow::showCheck() {
  const Theme& theme = Theme::instance();
  check_->setText(check_->isChecked() ? tr("yes") : tr("no"));   // readable without colour
  check_->setStyleSheet(QStringLiteral("QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid %1; border-radius: 4px; background: %2; }"
                                       "QCheckBox::indicator:checked { background: %3; border-color: %3; }"
                                       "QCheckBox::indicator:focus { border-color: %4; }")
                            .arg(theme.color(Tone::Muted).name(), theme.color(Tone::Background).name(), theme.color(Tone::Accent).name(), theme.color(Tone::Attention).name()));
}

void ParamRow::showSlider(double value) {
  if (slider_->isSliderDown()) return;
  const QSignalBlocker quiet(slider_);
  slider_->setValue(positionOf(param_, value));
}

int ParamRow::labelWidth() const { return label_->fontMetrics().horizontalAdvance(label_->text()) + 2; }

void ParamRow::setLabelWidth(int pixels) {
  label_->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Preferred);
  label_->setFixedWidth(pixels);
}

void ParamRow::setMixed(bool mixed) {
  label_->setText(text(param_.name) + (mixed ? QStringLiteral(" ≠") : QString()));
  label_->setToolTip(mixed ? tr("The selected blocks have different values; a change here sets all of them.") : toolTip());
}

void ParamRow::contextMenuEvent(QContextMenuEvent* event) {
  QMenu menu(this);
  menu.addAction(tr("Back to the default (%1)").arg(text(param_.formula.empty() ? valueText(param_.fallback) : "= " + param_.formula)), this,
                 [this] { Q_EMIT resetWanted(text(param_.name)); });
  menu.exec(event->globalPos());
}

void ParamRow::send(const ParamValue& value) { Q_EMIT edited(text(param_.name), text(valueText(value))); }

}  // namespace serp::app
