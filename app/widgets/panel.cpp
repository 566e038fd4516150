// SPDX-License-Identifier: GPL-3.0-or-later
// A bordered frame with a header and a body.
#include "app/widgets/panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

#include "app/style/theme.h"
#include "app/widgets/elided_label.h"

namespace serp::app {

Panel::Panel(const QString& title, const QString& subtitle, QWidget* parent)
    : QFrame(parent), title_(new QLabel(title)), subtitle_(new ElidedLabel(subtitle)) {
  setProperty("role", "panel");
  setAccessibleName(title);
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(1, 1, 1, 1);  // the border
  outer->setSpacing(0);

  auto* bar = new QWidget;
  bar->setProperty("role", "panel-header");
  bar->setFixedHeight(metric::kPanelHeader);
  header_ = new QHBoxLayout(bar);
  header_->setContentsMargins(12, 0, 8, 0);
  header_->setSpacing(8);
  title_->setProperty("role", "title");
  subtitle_->setProperty("role", "caption");
  header_->addWidget(title_);
  header_->addWidget(subtitle_, 1);
  outer->addWidget(bar);

  body_ = new QVBoxLayout;
  body_->setContentsMargins(12, 8, 12, 8);
  body_->setSpacing(8);
  outer->addLayout(body_, 1);
}

void Panel::setTitle(const QString& title) {
  title_->setText(title);
  setAccessibleName(title);
}

void Panel::setSubtitle(const QString& subtitle) {
  if (subtitle_->text() == subtitle) return;
  subtitle_->setText(subtitle);
  subtitle_->setToolTip({});
}

void Panel::addHeaderWidget(QWidget* widget) { header_->addWidget(widget); }

void Panel::setBody(QWidget* widget) {
  body_->setContentsMargins(0, 0, 0, 0);
  body_->addWidget(widget, 1);
}

}  // namespace serp::app
