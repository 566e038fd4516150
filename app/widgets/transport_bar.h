// SPDX-License-Identifier: GPL-3.0-or-later
// The bar above the Train page: train or pause, step, stop, progress, branch, save. Every button is a registered action.
#pragma once

#include <QPushButton>
#include <QWidget>

class QLabel;

namespace serp::app {

class ActionRegistry;
class ProgressStrip;
class SessionController;

/// A button that follows an action's text, state and tool tip, with an icon and, if wished, the shortcut in a box.
class ActionButton final : public QPushButton {
  Q_OBJECT
 public:
  ActionButton(QAction* action, const QString& icon, bool showKey = false, QWidget* parent = nullptr);
  void setIconName(const QString& name);
  void setIconOnly(bool on);
  void setLabel(const QString& text);              ///< instead of the action's own text
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  void follow();
  void placeKey();
  QRect labelRect() const;
  QAction* action_;
  QLabel* key_ = nullptr;
  QString iconName_, label_;
  bool iconOnly_ = false;
};

class TransportBar final : public QWidget {
  Q_OBJECT
 public:
  TransportBar(SessionController& session, ActionRegistry& actions, QWidget* parent = nullptr);
  ActionButton* toggleButton() const { return toggle_; }
  ActionButton* stepButton() const { return step_; }
  ActionButton* stopButton() const { return stop_; }
  ActionButton* discardButton() const { return discard_; }
  QLabel* stateLabel() const { return state_; }

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  void showState();
  void showSteps();
  SessionController& session_;
  ActionButton *toggle_, *step_, *stop_, *discard_, *branch_, *save_, *search_ = nullptr;
  QLabel *dot_, *state_, *name_, *steps_;
  ProgressStrip* progress_;
};

}  // namespace serp::app
