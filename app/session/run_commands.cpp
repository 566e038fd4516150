// SPDX-License-Identifier: GPL-3.0-or-later
// The verbs of training. A button never shows what was wished for, only what the runner answered.
#include "app/session/run_commands.h"

#include <map>

#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"

namespace serp::app {

RunCommands::RunCommands(Workspace& workspace, QObject* parent) : QObject(parent), workspace_(workspace) {
  ActionRegistry& actions = *workspace.actions;
  SessionController& session = *workspace.session;
  const QString group = tr("Train");
  toggle_ = actions.add(QStringLiteral("train.toggle"), tr("Train it here"), QKeySequence(Qt::Key_Space), group, this, [this] { toggle(); });
  step_ = actions.add(QStringLiteral("train.step"), tr("Step"), QKeySequence(Qt::Key_S), group, this,
                      [&session] { session.post(StepOnce{1}); });
  stop_ = actions.add(QStringLiteral("train.stop"), tr("Stop"), QKeySequence(Qt::CTRL | Qt::Key_Period), group, this,
                      [&session] { session.post(Stop{true}); });
  discard_ = actions.add(QStringLiteral("train.discard"), tr("Stop without saving"), {}, group, this,
                         [&session] { session.post(Stop{false}); });
  save_ = actions.add(QStringLiteral("train.save"), tr("Save"), {}, group, this, [&session] { session.post(Save{}); });
  branch_ = actions.add(QStringLiteral("train.branch"), tr("Branch"), {}, group, this, [this] { branch(); });
  branch_->setToolTip(tr("A new run of this design with the knobs as they are now; weights start anew"));
  save_->setToolTip(tr("Writes a checkpoint now"));
  discard_->setToolTip(tr("Ends the run; nothing since the last checkpoint is kept"));
  step_->setToolTip(tr("One step, then pause (S)"));
  design_ = actions.add(QStringLiteral("train.design"), tr("Train the open design"), QKeySequence(Qt::CTRL | Qt::Key_Return), group, this,
                        [this] { trainDesign(); });
  connect(&session, &SessionController::stateChanged, this, &RunCommands::update);
  connect(&session, &SessionController::runChanged, this, &RunCommands::update);
  if (workspace.design) connect(workspace.design, &DesignDocument::planned, this, &RunCommands::update);
  update();
}

bool RunCommands::canContinue() const {
  SessionController& session = *workspace_.session;
  if (session.isActive() || session.runFolder().empty() || session.state() == RunState::Failed) return false;
  if (session.isTrainedElsewhere()) return false;
  const auto& series = session.series();
  const auto done = series.steps().empty() ? 0 : series.steps().back().step;
  return done > 0 && series.info().budgetSteps > done;
}

void RunCommands::update() {
  const SessionController& session = *workspace_.session;
  const RunState state = session.state();
  const bool active = session.isActive();
  const Wish wish = session.wish();
  const bool free = wish == Wish::None || wish == Wish::Save;
  const bool settled = state == RunState::Running || state == RunState::Paused;
  QString text = tr("Train it here");
  if (active) {
    switch (state) {
      case RunState::Building: text = tr("Building…"); break;
      case RunState::Paused: text = wish == Wish::Resume ? tr("Resuming…") : wish == Wish::Step ? tr("Stepping…") : tr("Resume"); break;
      case RunState::Stopping: text = tr("Saving…"); break;
      default: text = wish == Wish::Pause || state == RunState::Pausing ? tr("Pausing…") : wish == Wish::Step ? tr("Stepping…") : tr("Pause");
    }
    if (wish == Wish::Stop || wish == Wish::Discard) text = tr("Stopping…");
  } else if (canContinue()) {
    text = tr("Continue");
  } else if (!session.runFolder().empty()) {
    text = tr("Train again");
  }
  const bool design = !workspace_.design || (workspace_.design->spec() && workspace_.design->faultCount() == 0);
  toggle_->setText(text);
  toggle_->setEnabled(active ? free && settled : design || canContinue());
  step_->setEnabled(active && free && settled);
  stop_->setEnabled(active && wish != Wish::Stop && wish != Wish::Discard && state != RunState::Stopping);
  discard_->setEnabled(stop_->isEnabled());
  stop_->setText(wish == Wish::Stop ? tr("Stopping…") : tr("Stop"));
  save_->setEnabled(active && free && settled && wish != Wish::Save);
  save_->setText(wish == Wish::Save ? tr("Saving…") : tr("Save"));
  branch_->setEnabled(!session.spec().text.empty());
  design_->setEnabled(design);
}

void RunCommands::toggle() {
  SessionController& session = *workspace_.session;
  if (session.isActive()) {
    if (session.wish() != Wish::None && session.wish() != Wish::Save) return;
    if (session.state() == RunState::Running) session.post(Pause{});
    else if (session.state() == RunState::Paused) session.post(Resume{});
  } else if (canContinue()) {
    if (!session.resume(std::filesystem::path(session.runFolder())))
      workspace_.notices->error(QString::fromStdString(session.faults().text()));
  } else {
    trainDesign();
  }
}

bool RunCommands::trainDesign() {
  if (!workspace_.design) return false;
  if (!workspace_.design->isSettled()) workspace_.design->parseNow();
  const auto& spec = workspace_.design->spec();
  if (!spec || workspace_.design->faultCount() > 0) {
    workspace_.notices->error(tr("The design has faults; the Design page shows where."));
    return false;
  }
  return train(*spec);
}

bool RunCommands::train(const RunSpec& spec) {
  SessionController& session = *workspace_.session;
  const bool wasActive = session.hasSession() && session.isActive();
  const QString old = QString::fromStdString(session.spec().name);
  if (!session.start(spec, workspace_.preferences->runsFolder())) {
    workspace_.notices->error(QString::fromStdString(session.faults().text()));
    return false;
  }
  if (wasActive) workspace_.notices->info(tr("%1 was stopped and is being saved.").arg(old));
  Q_EMIT startRequested();
  return true;
}

RunCommands::Overrides RunCommands::liveValues() const {
  std::map<std::string, std::string> newest;
  for (const RunEvent& event : workspace_.session->series().events())
    if (event.kind == EventKind::LiveEdit) newest[event.path] = valueText(ParamValue(event.after));
  return {newest.begin(), newest.end()};
}

bool RunCommands::branch(const Overrides& changes) {
  SessionController& session = *workspace_.session;
  const RunSpec& old = session.spec();
  Overrides overrides = old.overrides;
  for (const auto& o : liveValues()) overrides.push_back(o);
  for (const auto& o : changes) overrides.push_back(o);
  auto spec = serp::parseRunSpec(old.text, old.file, overrides);
  if (!spec) {
    workspace_.notices->error(QString::fromStdString(spec.faults().text()));
    return false;
  }
  OpenOptions options;
  options.parentRun = session.runFolder().filename().string();
  options.parentStep = session.series().steps().empty() ? 0 : session.series().steps().back().step;
  if (!session.start(*spec, workspace_.preferences->runsFolder(), options)) {
    workspace_.notices->error(QString::fromStdString(session.faults().text()));
    return false;
  }
  workspace_.notices->info(tr("Branched from %1 at step %2.").arg(QString::fromStdString(options.parentRun)).arg(options.parentStep));
  Q_EMIT startRequested();
  return true;
}

void RunCommands::setLive(const std::string& path, double value) { workspace_.session->post(SetLive{path, value}); }

}  // namespace serp::app
