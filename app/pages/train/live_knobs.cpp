// SPDX-License-Identifier: GPL-3.0-or-later
// Knobs that act now are sent at once; those that change shapes are gathered for a branch.
#include "app/pages/train/live_knobs.h"

#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "app/pages/train/knob_specs.h"
#include "app/session/design_document.h"
#include "app/session/run_commands.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/widgets/knob.h"

namespace serp::app {

LiveKnobs::LiveKnobs(Workspace& workspace, RunCommands& commands, QWidget* parent)
    : Panel(tr("Live knobs"), tr("each change is a marker"), parent), workspace_(workspace), commands_(commands) {
  reset_ = new QPushButton(tr("Reset"));
  reset_->setProperty("small", true);
  reset_->setToolTip(tr("Every live knob back to the preset's value"));
  addHeaderWidget(reset_);
  connect(reset_, &QPushButton::clicked, this, [this] {
    for (Knob* knob : knobs_) knob->resetToPreset();
  });
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_ = new QWidget;
  column_ = new QVBoxLayout(list_);
  column_->setContentsMargins(12, 4, 12, 4);
  column_->setSpacing(0);
  scroll->setWidget(list_);
  setBody(scroll);
  branch_ = new QPushButton;
  branch_->setProperty("small", true);
  branch_->hide();
  body()->addWidget(branch_);
  connect(branch_, &QPushButton::clicked, this, [this] {
    RunCommands::Overrides changes;
    for (const Knob* knob : knobs_)
      if (!knob->spec().live && knob->value() != knob->spec().preset)
        changes.emplace_back(knob->spec().path.toStdString(), std::to_string(static_cast<long long>(knob->value())));
    commands_.branch(changes);
  });
  SessionController& session = *workspace.session;
  connect(&session, &SessionController::runChanged, this, &LiveKnobs::rebuild);
  connect(&session, &SessionController::stateChanged, this, &LiveKnobs::rebuild);
  if (workspace.design) connect(workspace.design, &DesignDocument::planned, this, &LiveKnobs::rebuild);
  connect(&session, &SessionController::eventArrived, this, [this](const RunEvent& event) {
    if (event.kind != EventKind::LiveEdit) return;
    for (Knob* knob : knobs_)
      if (knob->spec().path.toStdString() == event.path) knob->setValue(event.after);
  });
  rebuild();
}

void LiveKnobs::rebuild() {
  const SessionController& session = *workspace_.session;
  const RunSpec* spec = !session.spec().text.empty() ? &session.spec()
                        : workspace_.design && workspace_.design->spec() ? &*workspace_.design->spec()
                                                                         : nullptr;
  const std::string key = spec ? session.runFolder().string() + spec->text : std::string();
  if (key != shownText_) {
    shownText_ = key;
    for (Knob* knob : knobs_) delete knob;
    knobs_.clear();
    while (QLayoutItem* item = column_->takeAt(0)) delete item;
    if (spec)
      for (KnobSpec& knobSpec : knobSpecs(*spec)) {
        auto* knob = new Knob(std::move(knobSpec));
        column_->addWidget(knob);
        knobs_.push_back(knob);
        connect(knob, &Knob::committed, this, [this, knob](double value) {
          if (knob->spec().live) commands_.setLive(knob->spec().path.toStdString(), value);
          else stage();
        });
      }
    column_->addStretch();
    follow();
    stage();
  }
  enable();
}

void LiveKnobs::follow() {
  generation_ = workspace_.session->series().generation();
  const RunCommands::Overrides edits = commands_.liveValues();
  for (Knob* knob : knobs_) {
    if (!knob->spec().live) continue;
    const auto edit = std::find_if(edits.begin(), edits.end(), [path = knob->spec().path.toStdString()](const auto& e) { return e.first == path; });
    knob->setValue(edit != edits.end() ? std::stod(edit->second) : knob->spec().preset);
  }
}

void LiveKnobs::enable() {
  const SessionController& session = *workspace_.session;
  const bool active = session.isActive() && session.state() != RunState::Building;
  for (Knob* knob : knobs_) knob->setEnabled(knob->spec().live ? active : !session.spec().text.empty());
  reset_->setEnabled(active);
  setSubtitle(active ? tr("each change is a marker") : tr("act while a run trains"));
}

void LiveKnobs::stage() {
  QStringList changes;
  for (const Knob* knob : knobs_)
    if (!knob->spec().live && knob->value() != knob->spec().preset)
      changes << QStringLiteral("%1 %2").arg(knob->spec().name).arg(knob->value());
  branch_->setVisible(!changes.isEmpty());
  branch_->setText(tr("Start a branch with %1").arg(changes.join(QStringLiteral(", "))));
}

void LiveKnobs::refresh() {
  if (generation_ != workspace_.session->series().generation()) follow();  // a continued run took edits back
  const auto& steps = workspace_.session->series().steps();
  if (steps.empty() || knobs_.empty() || !knobs_.front()->spec().factor) return;
  knobs_.front()->setRemark(tr("× schedule: %1").arg(QString::number(steps.back().learningRate, 'e', 2).replace(QStringLiteral("e-0"), QStringLiteral("e-"))));
}

}  // namespace serp::app
