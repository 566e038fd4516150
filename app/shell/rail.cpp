// SPDX-License-Identifier: GPL-3.0-or-later
// The left rail.
#include "app/shell/rail.h"

#include <QAbstractButton>
#include <QButtonGroup>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/style/theme.h"

namespace serp::app {

Rail::Rail(QWidget* parent) : QWidget(parent), group_(new QButtonGroup(this)), column_(new QVBoxLayout(this)) {
  setProperty("role", "rail");
  setAttribute(Qt::WA_StyledBackground);
  setFixedWidth(metric::kRail);
  setAccessibleName(tr("Pages"));
  column_->setContentsMargins(0, 0, 1, 0);
  column_->setSpacing(0);
  column_->addStretch();
  connect(group_, &QButtonGroup::idClicked, this, &Rail::pageWished);
}

void Rail::add(int page, const QString& text, const QString& icon, const QString& tip, bool atBottom) {
  auto* button = new QToolButton;
  button->setText(text);
  button->setIcon(Theme::instance().icon(icon));
  button->setIconSize({20, 20});
  button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
  button->setCheckable(true);
  button->setFixedSize(metric::kRail - 1, 56);
  button->setProperty("role", "rail-item");
  button->setToolTip(tip);
  button->setFocusPolicy(Qt::TabFocus);
  group_->addButton(button, page);
  if (atBottom) column_->addWidget(button);
  else column_->insertWidget(column_->count() - 1, button);
}

void Rail::setCurrent(int page) {
  if (QAbstractButton* button = group_->button(page)) button->setChecked(true);
}

}  // namespace serp::app
