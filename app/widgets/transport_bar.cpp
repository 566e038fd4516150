// SPDX-License-Identifier: GPL-3.0-or-later
// The transport: its buttons show what the runner acknowledged, never what was merely pressed.
#include "app/widgets/transport_bar.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QResizeEvent>
#include <QStyleOptionButton>
#include <QStylePainter>
#include <algorithm>

#include "app/models/figures.h"
#include "app/session/action_registry.h"
#include "app/session/session_controller.h"
#include "app/style/theme.h"
#include "app/widgets/progress_strip.h"

namespace serp::app {

ActionButton::ActionButton(QAction* action, const QString& icon, bool showKey, QWidget* parent) : QPushButton(parent), action_(action) {
  setIconName(icon);
  setIconSize({20, 16});
  setFocusPolicy(Qt::TabFocus);                      // a click leaves Space to the page
  if (showKey) {
    key_ = new QLabel(this);
    key_->setAttribute(Qt::WA_TransparentForMouseEvents);
    key_->setProperty("role", "key");
  }
  connect(this, &QPushButton::clicked, action, &QAction::trigger);
  connect(action, &QAction::changed, this, &ActionButton::follow);
  follow();
}

void ActionButton::setIconName(const QString& name) {
  if (name == iconName_) return;
  iconName_ = name;
  setIcon(name.isEmpty() ? QIcon() : Theme::instance().icon(property("role") == QLatin1String("primary") ? name + QStringLiteral("@onAccent") : name));
}

void ActionButton::setIconOnly(bool on) {
  if (on == iconOnly_) return;
  iconOnly_ = on;
  setIconSize(on ? QSize(16, 16) : QSize(20, 16));
  follow();
}

void ActionButton::setLabel(const QString& text) {
  label_ = text;
  follow();
}

void ActionButton::follow() {
  setText(iconOnly_ ? QString() : label_.isEmpty() ? action_->text() : label_);
  setAccessibleName(action_->text());
  setEnabled(action_->isEnabled());
  setToolTip(action_->toolTip());
  if (key_) {
    key_->setText(action_->shortcut().toString(QKeySequence::NativeText));
    key_->setVisible(!key_->text().isEmpty());
  }
  updateGeometry();
  placeKey();
}

QSize ActionButton::sizeHint() const {
  QSize size = QPushButton::sizeHint();
  if (key_) size.rwidth() += key_->sizeHint().width() + 8;
  return size.expandedTo({0, metric::kButton});
}

void ActionButton::paintEvent(QPaintEvent* event) {
  if (!key_) return QPushButton::paintEvent(event);
  // Icon, text and key stand in the middle together; the style draws them centred in whatever rectangle it is given.
  QStylePainter p(this);
  QStyleOptionButton option;
  initStyleOption(&option);
  p.drawControl(QStyle::CE_PushButtonBevel, option);
  option.rect = labelRect();
  p.drawControl(QStyle::CE_PushButtonLabel, option);
}

QRect ActionButton::labelRect() const {
  const int icon = iconName_.isEmpty() ? 0 : iconSize().width() + (text().isEmpty() ? 0 : 6);
  // The style sheet keeps its own padding inside the rectangle.
  const int wanted = icon + fontMetrics().horizontalAdvance(text()) + 28, all = wanted + key_->width();
  const int left = std::max(0, (width() - all - 4) / 2);
  return {left, 0, std::min(wanted, width() - key_->width() - 8), height()};
}

void ActionButton::resizeEvent(QResizeEvent* event) {
  QPushButton::resizeEvent(event);
  placeKey();
}

void ActionButton::placeKey() {
  if (!key_) return;
  key_->resize(key_->sizeHint().width(), property("big").toBool() ? 26 : 18);
  key_->move(labelRect().right() - 4, (height() - key_->height()) / 2);
}

TransportBar::TransportBar(SessionController& session, ActionRegistry& actions, QWidget* parent) : QWidget(parent), session_(session) {
  setProperty("role", "topbar");
  setAttribute(Qt::WA_StyledBackground);
  setFixedHeight(metric::kTopBar);
  toggle_ = new ActionButton(actions.find(QStringLiteral("train.toggle")), {}, true);
  toggle_->setProperty("role", "primary");
  toggle_->setIconName(QStringLiteral("play"));
  toggle_->setMinimumWidth(152);                     // the text changes, the button keeps its place
  step_ = new ActionButton(actions.find(QStringLiteral("train.step")), QStringLiteral("step"));
  stop_ = new ActionButton(actions.find(QStringLiteral("train.stop")), QStringLiteral("stop"));
  discard_ = new ActionButton(actions.find(QStringLiteral("train.discard")), {});
  branch_ = new ActionButton(actions.find(QStringLiteral("train.branch")), QStringLiteral("branch"));
  save_ = new ActionButton(actions.find(QStringLiteral("train.save")), QStringLiteral("save"));
  for (ActionButton* button : {discard_, branch_, save_}) button->setProperty("role", "ghost");
  auto* separator = new QFrame;
  separator->setProperty("role", "separator");
  separator->setFixedSize(1, 24);
  dot_ = new QLabel;
  dot_->setFixedSize(8, 8);
  state_ = new QLabel;
  state_->setProperty("role", "title");
  name_ = new QLabel;
  name_->setProperty("role", "muted");
  name_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  progress_ = new ProgressStrip;
  steps_ = new QLabel;
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 0, 8, 0);
  row->setSpacing(8);
  for (QWidget* w : std::initializer_list<QWidget*>{toggle_, step_, stop_, discard_, separator, dot_, state_}) row->addWidget(w);
  row->addWidget(name_, 3);
  row->addWidget(progress_, 2);
  row->addWidget(steps_);
  row->addStretch(1);
  for (QWidget* w : {branch_, save_}) row->addWidget(w);
  if (QAction* palette = actions.find(QStringLiteral("palette.open"))) {
    search_ = new ActionButton(palette, QStringLiteral("search"), true);
    search_->setIconOnly(true);
    row->addWidget(search_);
  }
  connect(&session, &SessionController::stateChanged, this, &TransportBar::showState);
  connect(&session, &SessionController::runChanged, this, &TransportBar::showState);
  connect(&session.series(), &SeriesStore::changed, this, &TransportBar::showSteps);
  connect(&Theme::instance(), &Theme::changed, this, &TransportBar::showState);
  showState();
}

void TransportBar::showState() {
  const RunState state = session_.state();
  const bool any = !session_.runFolder().empty();
  Tone tone = Tone::Muted;
  QString text = tr("Not started");
  if (session_.hasSession() || state == RunState::Building || state == RunState::Failed) {
    switch (state) {
      case RunState::Building: text = tr("Building"), tone = Tone::Attention; break;
      case RunState::Ready: text = tr("Ready"), tone = Tone::Attention; break;
      case RunState::Running: text = tr("Running"), tone = Tone::Accent; break;
      case RunState::Pausing: text = tr("Pausing"), tone = Tone::Experts; break;
      case RunState::Paused: text = tr("Paused"), tone = Tone::Experts; break;
      case RunState::Stopping: text = tr("Saving"), tone = Tone::Experts; break;
      case RunState::Finished: text = tr("Finished"), tone = Tone::Muted; break;
      case RunState::Failed: text = tr("Failed"), tone = Tone::Danger; break;
    }
    const auto& events = session_.series().events();
    if (state == RunState::Finished && !events.empty() && events.back().kind == EventKind::Stopped) text = tr("Stopped");
  } else if (any) {
    text = session_.status() == "running" ? tr("Running elsewhere") : session_.status().empty() ? tr("Reading…")
                                                                     : QString::fromStdString(session_.status());
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    if (session_.status() == "running") tone = Tone::Accent;
  }
  state_->setText(text);
  dot_->setStyleSheet(QStringLiteral("background: %1; border-radius: 4px;").arg(Theme::instance().color(tone).name()));
  toggle_->setIconName(session_.isActive() && state != RunState::Paused ? QStringLiteral("pause") : QStringLiteral("play"));
  showSteps();
}

void TransportBar::showSteps() {
  if (!isVisible()) return;
  const SeriesStore& series = session_.series();
  const qint64 done = series.steps().empty() ? 0 : series.steps().back().step;
  qint64 budget = series.info().budgetSteps;
  if (budget <= 0 && session_.spec().train.has("steps")) budget = session_.spec().train.integer("steps");
  const QString run = QString::fromStdString(session_.spec().name);
  name_->setText(run.isEmpty() ? QString() : tr("%1, seed %2").arg(run).arg(session_.spec().train.has("seed") ? session_.spec().train.integer("seed") : 1));
  name_->setToolTip(name_->text());
  steps_->setText(budget > 0 ? tr("<b>%1</b> of %2 steps").arg(groupedCount(done), groupedCount(budget)) : QString());
  progress_->setVisible(budget > 0);
  progress_->setProgress(done, budget);
  std::vector<qint64> edits, saves;
  for (const RunEvent& event : series.events()) {
    if (event.kind == EventKind::LiveEdit) edits.push_back(event.step);
    if (event.kind == EventKind::Saved) saves.push_back(event.step);
  }
  progress_->setMarks(std::move(edits), std::move(saves));
}

void TransportBar::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  showState();
}

void TransportBar::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  const int w = event->size().width();
  discard_->setVisible(w >= 1240);                   // stays in the palette
  branch_->setIconOnly(w < 1180);
  save_->setIconOnly(w < 1180);
}

}  // namespace serp::app
