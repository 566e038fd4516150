// SPDX-License-Identifier: GPL-3.0-or-later
// No lessons yet; the shipped designs as a list, each with a button that opens it.
#include "app/pages/learn_page.h"

#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "app/models/background.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"
#include "engine/api/spec.h"

namespace serp::app {

LearnPage::LearnPage(Workspace& workspace, QWidget* parent) : Page(tr("Learn"), workspace, parent) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->setSpacing(metric::kGrid);
  auto* about = new Panel(tr("Lessons"), tr("not written yet"));
  auto* text = new QLabel(tr("Guided lessons will stand here. Until then the shortest way to learn is to train one of the designs below, turn a live "
                             "knob while it runs, and look at the Routing page: each takes seconds to minutes on a CPU."));
  text->setWordWrap(true);
  about->body()->addWidget(text);
  column->addWidget(about);
  auto* panel = new Panel(tr("Designs to try"), tr("shipped with the program"));
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  auto* list = new QWidget;
  presets_ = new QVBoxLayout(list);
  presets_->setContentsMargins(12, 8, 12, 8);
  presets_->setSpacing(4);
  presets_->addStretch();
  scroll->setWidget(list);
  panel->setBody(scroll);
  column->addWidget(panel, 1);
}

QString LearnPage::statusText() const { return tr("Lessons come later"); }

void LearnPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  if (asked_) return;
  asked_ = true;
  inBackground(this, [] { return serp::listPresets(); }, [this](std::vector<PresetInfo> presets) {
    for (const PresetInfo& preset : presets) {
      const QString name = QString::fromStdString(preset.name);
      auto* row = new QWidget;
      auto* line = new QHBoxLayout(row);
      line->setContentsMargins(0, 0, 0, 0);
      auto* title = new QLabel(name);
      title->setProperty("role", "title");
      title->setMinimumWidth(240);
      auto* what = new QLabel(QString::fromStdString(preset.title));
      what->setProperty("role", "muted");
      what->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
      auto* open = new QPushButton(tr("Open"));
      open->setProperty("small", true);
      open->setAccessibleName(tr("Open %1").arg(name));
      connect(open, &QPushButton::clicked, this, [this, name] {
        if (workspace_.design->open(name)) workspace_.actions->trigger(QStringLiteral("page.design"));
        else workspace_.notices->error(workspace_.design->error());
      });
      line->addWidget(title);
      line->addWidget(what, 1);
      line->addWidget(open);
      presets_->insertWidget(presets_->count() - 1, row);
    }
    if (presets.empty()) {
      auto* none = new QLabel(tr("No presets were found beside the program."));
      none->setProperty("role", "muted");
      presets_->insertWidget(0, none);
    }
  });
}

}  // namespace serp::app
