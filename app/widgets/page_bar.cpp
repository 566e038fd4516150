// SPDX-License-Identifier: GPL-3.0-or-later
// The top bar of pages without tools of their own.
#include "app/widgets/page_bar.h"

#include <QHBoxLayout>
#include <QLabel>

#include "app/session/action_registry.h"
#include "app/style/theme.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {

PageBar::PageBar(const QString& title, const QString& remark, ActionRegistry& actions, QWidget* parent) : QWidget(parent) {
  setProperty("role", "topbar");
  setAttribute(Qt::WA_StyledBackground);
  setFixedHeight(metric::kTopBar);
  auto* name = new QLabel(title);
  name->setProperty("role", "title");
  auto* text = new QLabel(remark);
  text->setProperty("role", "muted");
  text->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(16, 0, 8, 0);
  row->setSpacing(12);
  row->addWidget(name);
  row->addWidget(text, 1);
  if (QAction* palette = actions.find(QStringLiteral("palette.open"))) {
    auto* search = new ActionButton(palette, QStringLiteral("search"), true);
    search->setLabel(tr("Actions, presets, runs"));
    row->addWidget(search);
  }
}

}  // namespace serp::app
