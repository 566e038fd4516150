// SPDX-License-Identifier: GPL-3.0-or-later
// Things to try now, and the shipped designs as a list, each with a button that opens it.
#include "app/pages/learn_page.h"

#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "app/models/background.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/elided_label.h"
#include "app/widgets/page_bar.h"
#include "app/widgets/panel.h"
#include "engine/api/spec.h"

namespace serp::app {
namespace {

QLabel* text(const QString& words, const char* role, bool wraps = false) {
  auto* label = new QLabel(words);
  label->setProperty("role", role);
  label->setWordWrap(wraps);
  return label;
}

/// "start/moe_mamba" belongs to "start", "paper/v2/moe_mamba_25m" to "paper/v2".
QString groupOf(const QString& name) { return name.section(QLatin1Char('/'), 0, -2); }

QString groupTitle(const QString& group) {
  if (group == QLatin1String("start")) return QObject::tr("Small, for a CPU: seconds to minutes");
  if (group.startsWith(QLatin1String("paper"))) return QObject::tr("From the MoE-Mamba paper: %1 (needs a GPU and patience)").arg(group);
  return group;
}

}  // namespace

LearnPage::LearnPage(Workspace& workspace, QWidget* parent)
    : Page(tr("Learn"), workspace, parent),
      bar_(new PageBar(tr("Learn"), tr("guided lessons are not written yet; this is what can be tried now"), *workspace.actions)) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 8, 8, 8);
  row->setSpacing(metric::kGrid);
  row->addWidget(buildSteps(), 2);
  row->addWidget(buildDesigns(), 3);
}

QString LearnPage::statusText() const { return tr("Opening a design changes nothing that trains"); }

QWidget* LearnPage::buildSteps() {
  struct Step { QString title, words, button, action; };
  const std::vector<Step> steps = {
      {tr("Watch a loss curve fall"),
       tr("Train the open design. The dashed lines say what the numbers mean: guessing every byte alike, knowing only how often each "
          "letter occurs, and the true entropy of the text, which is known because the text is generated here."),
       tr("Go to Train"), QStringLiteral("page.train")},
      {tr("Turn a knob while it runs"),
       tr("Set balance to 0 under Live knobs. The change acts at the next step, is numbered on every curve, and a double click takes it back."),
       tr("Go to Train"), QStringLiteral("page.train")},
      {tr("See which expert takes which token"),
       tr("Routing colours a text by expert and draws the load of every expert over time: even, collapsed, or specialised."), tr("Go to Routing"),
       QStringLiteral("page.routing")},
      {tr("Compare two designs"),
       tr("Train start/mamba and start/moe_mamba, select both runs, and read them at equal steps, tokens or seconds."), tr("Go to Compare"),
       QStringLiteral("page.compare")},
  };
  auto* panel = new Panel(tr("Four things to try"), tr("each takes a minute or two"));
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto* list = new QWidget;
  auto* column = new QVBoxLayout(list);
  column->setContentsMargins(16, 12, 16, 12);
  column->setSpacing(6);
  int number = 0;
  for (const Step& step : steps) {
    column->addWidget(text(tr("%1. %2").arg(++number).arg(step.title), "title"));
    column->addWidget(text(step.words, "muted", true));
    auto* go = new QPushButton(step.button);
    go->setProperty("small", true);
    connect(go, &QPushButton::clicked, this, [this, action = step.action] { workspace_.actions->trigger(action); });
    column->addWidget(go, 0, Qt::AlignLeft);
    column->addSpacing(14);
  }
  column->addStretch();
  scroll->setWidget(list);
  panel->setBody(scroll);
  return panel;
}

QWidget* LearnPage::buildDesigns() {
  auto* panel = new Panel(tr("Designs to try"), tr("shipped with the program"));
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto* list = new QWidget;
  presets_ = new QVBoxLayout(list);
  presets_->setContentsMargins(16, 12, 16, 12);
  presets_->setSpacing(4);
  presets_->addStretch();
  scroll->setWidget(list);
  panel->setBody(scroll);
  return panel;
}

void LearnPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  if (asked_) return;
  asked_ = true;
  inBackground(this, [] { return serp::listPresets(); }, [this](std::vector<PresetInfo> presets) {
    // The small ones first: they are the ones to try.
    std::stable_sort(presets.begin(), presets.end(),
                     [](const PresetInfo& a, const PresetInfo& b) { return a.name.starts_with("start/") > b.name.starts_with("start/"); });
    QString group;
    for (const PresetInfo& preset : presets) {
      const QString name = QString::fromStdString(preset.name);
      if (groupOf(name) != group) {
        group = groupOf(name);
        auto* title = text(groupTitle(group), "caption");
        title->setContentsMargins(0, presets_->count() > 1 ? 10 : 0, 0, 2);
        presets_->insertWidget(presets_->count() - 1, title);
      }
      auto* row = new QWidget;
      auto* line = new QHBoxLayout(row);
      line->setContentsMargins(0, 0, 0, 0);
      line->setSpacing(12);
      auto* title = text(name.section(QLatin1Char('/'), -1), "title");
      title->setMinimumWidth(190);
      auto* what = new ElidedLabel(QString::fromStdString(preset.title));
      what->setProperty("role", "muted");
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
    if (presets.empty()) presets_->insertWidget(0, text(tr("No presets were found beside the program."), "muted"));
  });
}

}  // namespace serp::app
