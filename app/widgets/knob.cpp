// SPDX-License-Identifier: GPL-3.0-or-later
// One live value, merged into one change per gesture.
#include "app/widgets/knob.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QMouseEvent>
#include <QPainter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <utility>

#include "app/style/theme.h"
#include "app/widgets/elided_label.h"

namespace serp::app {
namespace {

constexpr int kTicks = 1000;      // slider positions of a real value
constexpr int kIdleMs = 300;      // keys and wheel: committed when they rest
constexpr int kThumb = 11;

int decimalsFor(const KnobSpec& spec) {
  if (spec.integer) return 0;
  if (spec.factor || spec.preset >= 1) return 2;
  if (spec.preset <= 0) return 4;
  return std::clamp(static_cast<int>(std::ceil(-std::log10(spec.preset))) + 1, 2, 8);
}

}  // namespace

KnobSlider::KnobSlider(QWidget* parent) : QSlider(Qt::Horizontal, parent) {
  setFixedHeight(20);
  setFocusPolicy(Qt::StrongFocus);
  connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void KnobSlider::setPresetShare(double share) {
  preset_ = share;
  update();
}

void KnobSlider::setLive(bool live) {
  live_ = live;
  update();
}

int KnobSlider::positionAt(double x) const {
  const double share = std::clamp((x - kThumb / 2.0) / std::max(1, width() - kThumb), 0.0, 1.0);
  return minimum() + static_cast<int>(std::lround(share * (maximum() - minimum())));
}

void KnobSlider::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return;
  setSliderDown(true);
  setValue(positionAt(event->position().x()));
}

void KnobSlider::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() & Qt::LeftButton) setValue(positionAt(event->position().x()));
}

void KnobSlider::mouseReleaseEvent(QMouseEvent*) { setSliderDown(false); }

void KnobSlider::mouseDoubleClickEvent(QMouseEvent*) { Q_EMIT presetWished(); }

void KnobSlider::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  const QColor hue = !isEnabled() ? theme.color(Tone::Muted) : theme.color(live_ ? Tone::Accent : Tone::Attention);
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  const double run = width() - kThumb, y = height() / 2.0;
  const double share = maximum() > minimum() ? static_cast<double>(value() - minimum()) / (maximum() - minimum()) : 0;
  const double x = kThumb / 2.0 + run * share;
  p.setPen(Qt::NoPen);
  p.setBrush(theme.color(Tone::Border));
  p.drawRoundedRect(QRectF(0, y - 2, width(), 4), 2, 2);
  p.setBrush(hue);
  p.drawRoundedRect(QRectF(0, y - 2, x, 4), 2, 2);
  if (preset_ >= 0)
    p.fillRect(QRectF(std::round(kThumb / 2.0 + run * std::min(preset_, 1.0)), y - 6, 1, 12), theme.color(Tone::Muted));
  p.setBrush(live_ ? theme.color(isEnabled() ? Tone::Text : Tone::Muted) : theme.color(Tone::Surface));
  p.setPen(live_ ? QPen(Qt::NoPen) : QPen(hue, 1.5));
  p.drawEllipse(QPointF(x, y), kThumb / 2.0, kThumb / 2.0);
  if (hasFocus()) {
    p.setBrush(Qt::NoBrush);
    p.setPen(QPen(theme.color(Tone::Attention), 1));
    p.drawEllipse(QPointF(x, y), kThumb / 2.0 + 2, kThumb / 2.0 + 2);
  }
}

Knob::Knob(KnobSpec spec, QWidget* parent)
    : QWidget(parent), spec_(std::move(spec)), value_(spec_.preset), told_(spec_.preset), slider_(new KnobSlider), field_(new QDoubleSpinBox),
      remark_(new ElidedLabel(spec_.help)) {
  setFixedHeight(58);
  setToolTip(spec_.help + QStringLiteral("\n") + tr("Double click on the slider: back to %1").arg(spec_.preset));
  auto* name = new QLabel(spec_.name);
  auto* tag = new QLabel(spec_.live ? tr("acts now") : tr("next run"));
  tag->setProperty("role", spec_.live ? "tag-live" : "tag-next");
  field_->setRange(spec_.minimum, spec_.maximum);
  field_->setDecimals(decimalsFor(spec_));
  field_->setSingleStep(spec_.integer ? 1 : std::max(std::pow(10.0, -decimalsFor(spec_)), spec_.preset / 10));
  field_->setButtonSymbols(QAbstractSpinBox::NoButtons);
  field_->setAlignment(Qt::AlignRight);
  field_->setKeyboardTracking(false);
  field_->setFixedWidth(72);
  field_->setProperty("small", true);
  field_->setLocale(QLocale::c());
  if (spec_.factor) field_->setPrefix(QStringLiteral("× "));
  field_->setAccessibleName(spec_.name);
  slider_->setAccessibleName(spec_.name);
  slider_->setLive(spec_.live);
  slider_->setFixedWidth(112);
  if (spec_.integer) slider_->setRange(static_cast<int>(spec_.minimum), static_cast<int>(sliderTop()));
  else slider_->setRange(0, kTicks);
  slider_->setPresetShare(std::clamp((spec_.preset - spec_.minimum) / (sliderTop() - spec_.minimum), 0.0, 1.0));
  remark_->setProperty("role", "caption");

  auto* top = new QHBoxLayout;
  top->setSpacing(8);
  top->addWidget(name);
  top->addWidget(tag, 0, Qt::AlignVCenter);
  top->addStretch();
  top->addWidget(field_);
  auto* bottom = new QHBoxLayout;
  bottom->setSpacing(10);
  bottom->addWidget(slider_);
  bottom->addWidget(remark_, 1);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 4, 0, 4);
  column->setSpacing(2);
  column->addLayout(top);
  column->addLayout(bottom);

  idle_.setSingleShot(true);
  idle_.setInterval(kIdleMs);
  connect(&idle_, &QTimer::timeout, this, &Knob::commit);
  connect(slider_, &QSlider::valueChanged, this, [this](int position) {
    if (showing_) return;
    edit(spec_.integer ? position : spec_.minimum + (sliderTop() - spec_.minimum) * position / kTicks);
  });
  connect(slider_, &QSlider::sliderReleased, this, &Knob::commit);
  connect(slider_, &KnobSlider::presetWished, this, &Knob::resetToPreset);
  connect(field_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
    if (!showing_) edit(value);
  });
  connect(field_, &QDoubleSpinBox::editingFinished, this, &Knob::commit);
  show(value_);
}

double Knob::sliderTop() const {
  // The declared range is often far wider than what one tries: the track covers four times the preset, the field everything.
  const double wanted = spec_.preset > spec_.minimum ? spec_.preset * 4 : std::max(spec_.minimum + 1, 1.0);
  return std::max(spec_.minimum + (spec_.integer ? 1 : 1e-9), std::min(spec_.maximum, wanted));
}

void Knob::show(double value) {
  showing_ = true;
  field_->setValue(value);
  const double share = (value - spec_.minimum) / (sliderTop() - spec_.minimum);
  slider_->setValue(spec_.integer ? static_cast<int>(value) : static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kTicks)));
  showing_ = false;
}

void Knob::edit(double value) {
  touched_ = true;
  value_ = spec_.integer ? std::round(value) : value;
  show(value_);
  if (!slider_->isSliderDown()) idle_.start();
}

void Knob::commit() {
  idle_.stop();
  if (!std::exchange(touched_, false)) return;  // losing the focus is no edit, and the value may be finer than the field shows
  value_ = field_->value();  // what is shown is what is sent, rounding included
  tell();
}

void Knob::tell() {
  if (value_ == told_) return;
  told_ = value_;
  Q_EMIT committed(value_);
}

void Knob::setValue(double value) {
  if (slider_->isSliderDown() || idle_.isActive()) return;
  value_ = told_ = value;
  show(value);
}

void Knob::setRemark(const QString& text) {
  if (remark_->text() != text) remark_->setText(text);
}

void Knob::resetToPreset() {
  touched_ = false;
  slider_->setSliderDown(false);  // the second press of a double click
  idle_.stop();
  value_ = spec_.preset;
  show(value_);
  tell();
}

}  // namespace serp::app
