// SPDX-License-Identifier: GPL-3.0-or-later
// Fields made from a declaration; the form has no knowledge of any particular block.
#include "app/pages/design/param_row.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSignalBlocker>

#include "app/pages/design/number_field.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

QString text(const std::string& s) { return QString::fromStdString(s); }

QString rangeOf(const Param& p) {
  if (p.type != ParamType::Integer && p.type != ParamType::Real) return text(p.unit);
  if (!p.formula.empty()) return QStringLiteral("= ") + text(p.formula);
  const auto number = [](double v) { return QString::number(v, 'g', 6); };
  QString out = number(p.minimum) + QStringLiteral(" … ") + number(p.maximum);
  if (p.minimumOpen) out = QStringLiteral("> ") + out;
  return out + (p.unit.empty() ? QString() : QLatin1Char(' ') + text(p.unit));
}

}  // namespace

ParamRow::ParamRow(const Param& param, QWidget* parent) : QWidget(parent), param_(param), remark_(new QLabel(rangeOf(param))) {
  setFixedHeight(36);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  auto* label = new QLabel(text(param.name));
  label->setFixedWidth(112);
  row->addWidget(label);
  switch (param.type) {
    case ParamType::Integer:
    case ParamType::Real:
      number_ = new NumberField(param.type == ParamType::Integer, param.minimum, param.maximum);
      connect(number_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        if (param_.type == ParamType::Integer) send(static_cast<std::int64_t>(value));
        else send(value);
      });
      field_ = number_;
      break;
    case ParamType::Boolean:
      check_ = new QCheckBox;
      connect(check_, &QCheckBox::toggled, this, [this](bool on) { send(on); });
      field_ = check_;
      break;
    case ParamType::Choice:
      choice_ = new QComboBox;
      for (const std::string& c : param.choices) choice_->addItem(text(c));
      connect(choice_, &QComboBox::activated, this, [this] { send(choice_->currentText().toStdString()); });
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
  field_->setFixedWidth(text_ ? 148 : 96);
  field_->setAccessibleName(text(param.name));
  const QString tip = text(param.help) + QStringLiteral("\n") + text(param.rangeText());
  for (QWidget* w : {static_cast<QWidget*>(label), field_, static_cast<QWidget*>(remark_)}) w->setToolTip(tip);
  row->addWidget(field_);
  remark_->setProperty("role", "caption");
  remark_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  row->addWidget(remark_, 1);
  auto* tag = new QLabel(param.acts ? tr("acts now") : tr("next run"));
  tag->setProperty("role", param.acts ? "tag-live" : "tag-next");
  tag->setToolTip(param.acts ? tr("A running model takes this over at its next step (Train page)") : tr("Takes effect when the design is trained anew"));
  tag->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
  row->addWidget(tag);
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
  } else if (check_) {
    const QSignalBlocker quiet(check_);
    check_->setChecked(std::holds_alternative<bool>(value) && std::get<bool>(value));
  } else if (choice_) {
    choice_->setCurrentText(text(std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string()));
  } else if (text_ && !(text_->hasFocus() && text_->isModified())) {
    if (std::holds_alternative<std::string>(value)) {
      text_->setText(text(std::get<std::string>(value)));
    } else if (std::holds_alternative<std::vector<std::string>>(value)) {
      QStringList parts;
      for (const std::string& s : std::get<std::vector<std::string>>(value)) parts << text(s);
      text_->setText(parts.join(QStringLiteral(", ")));
    }
  }
}

void ParamRow::send(const ParamValue& value) { Q_EMIT edited(text(param_.name), text(valueText(value))); }

}  // namespace serp::app
