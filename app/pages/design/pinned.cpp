// SPDX-License-Identifier: GPL-3.0-or-later
// Solved anew only when text, pin, key or budget changed.
#include "app/pages/design/pinned.h"

#include <QActionGroup>
#include <QMenu>
#include <algorithm>

#include "app/session/design_document.h"

namespace serp::app {

Pinned::Pinned(DesignDocument& design, QObject* parent) : QObject(parent), design_(design) {}

void Pinned::pinDesign() {
  if (!design_.plan() || design_.faultCount() > 0) return;
  plan_ = design_.plan();
  title_ = design_.title();
  solvedText_.clear();
  Q_EMIT changed();
}

bool Pinned::pinPreset(const QString& name) {
  const auto spec = loadRunSpec(name.toStdString());
  if (!spec) return false;
  auto plan = planRun(*spec);
  if (!plan) return false;
  plan_ = std::move(*plan);
  title_ = QString::fromStdString(spec->name);
  solvedText_.clear();
  Q_EMIT changed();
  return true;
}

void Pinned::release() {
  plan_.reset();
  title_.clear();
  Q_EMIT changed();
}

void Pinned::choose(const QString& key, Budget budget) {
  key_ = key;
  budget_ = budget;
  solvedText_.clear();
  Q_EMIT changed();
}

const std::optional<Equalised>& Pinned::offer() {
  const bool able = plan_ && design_.plan() && design_.faultCount() == 0;
  if (able && solvedText_ == design_.text()) return offer_;
  offer_.reset();
  fault_.clear();
  if (!able) return offer_;
  solvedText_ = design_.text();
  const RunSpec& spec = *design_.spec();
  const auto keys = equalisableKeys(spec);
  if (keys.empty()) return fault_ = tr("no width of this design can be solved"), offer_;
  std::string key = key_.toStdString();
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) key = keys.front();
  auto solved = equalise(spec, key, budgetOf(*plan_, budget_), budget_);
  if (!solved) fault_ = QString::fromStdString(solved.faults().items.front().message);
  else if (!solved->changes.empty()) offer_ = std::move(*solved);
  else fault_ = tr("%1 are as near as whole numbers allow").arg(QString::fromLatin1(budgetName(budget_)));
  return offer_;
}

void Pinned::fill(QMenu* menu) {
  menu->clear();
  menu->addAction(tr("Pin this design to compare with"), this, &Pinned::pinDesign)->setEnabled(design_.plan() && design_.faultCount() == 0);
  QMenu* presets = menu->addMenu(tr("Pin a preset"));
  for (const PresetInfo& preset : listPresets()) {
    if (!preset.name.starts_with("start/")) continue;
    const QString name = QString::fromStdString(preset.name);
    presets->addAction(name, this, [this, name] { pinPreset(name); });
  }
  if (!plan_) return;
  menu->addAction(tr("Unpin %1").arg(title_), this, &Pinned::release);
  menu->addSection(tr("Make equal"));
  auto* budgets = new QActionGroup(menu);
  for (const Budget budget : {Budget::Active, Budget::Flops, Budget::Weights, Budget::ExpertWeights}) {
    QAction* action = menu->addAction(QString::fromLatin1(budgetName(budget)), this, [this, budget] { choose(key_, budget); });
    action->setActionGroup(budgets);
    action->setCheckable(true);
    action->setChecked(budget == budget_);
    if (budget == Budget::Weights) action->setToolTip(tr("Matrices of projections and visited experts alone, as the paper counts: gives d_expert = 3 · d_model"));
  }
  menu->setToolTipsVisible(true);
  menu->addSection(tr("By changing"));
  auto* keys = new QActionGroup(menu);
  const auto all = design_.spec() && design_.faultCount() == 0 ? equalisableKeys(*design_.spec()) : std::vector<std::string>{};
  for (const std::string& key : all) {
    const QString name = QString::fromStdString(key);
    QAction* action = menu->addAction(name == QLatin1String("repeat") ? tr("repeats") : name, this, [this, name] { choose(name, budget_); });
    action->setActionGroup(keys);
    action->setCheckable(true);
    action->setChecked(name == key_ || (key_.isEmpty() && &key == &all.front()));
  }
}

}  // namespace serp::app
