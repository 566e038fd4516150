// SPDX-License-Identifier: GPL-3.0-or-later
// Waits, draws, quits.
#include "app/shell/screenshot.h"

#include <QApplication>
#include <QPixmap>
#include <QWidget>
#include <cstdio>

#include "app/session/session_controller.h"
#include "app/session/workspace.h"

namespace serp::app {
namespace {

constexpr int kLookMs = 100, kSettleLooks = 8;  // background readers and queued draws get 0.8 s

}  // namespace

Screenshot::Screenshot(Workspace& workspace, QWidget* window, QString file, qint64 afterSteps, QObject* parent)
    : QObject(parent), workspace_(workspace), window_(window), file_(std::move(file)), afterSteps_(afterSteps) {
  timer_.setInterval(kLookMs);
  connect(&timer_, &QTimer::timeout, this, &Screenshot::look);
  timer_.start();
}

void Screenshot::look() {
  SessionController& session = *workspace_.session;
  if (session.state() == RunState::Failed) {
    const auto& events = session.series().events();
    const bool told = !events.empty() && events.back().kind == EventKind::Failed;
    std::fprintf(stderr, "serpentarium: the run failed: %s\n", told ? events.back().text.c_str() : session.faults().text().c_str());
    const int code = told ? events.back().exitCode : static_cast<int>(session.faults().exit);
    timer_.stop();
    QApplication::exit(code ? code : 1);
    return;
  }
  if (session.isFollowing() && session.status().empty()) return;  // nothing of the opened run was read yet
  const auto& steps = session.series().steps();
  const bool ended = !session.runFolder().empty() && !session.isActive() && !session.isTrainedElsewhere();
  if (afterSteps_ > 0 && !ended && (steps.empty() || steps.back().step < afterSteps_)) return;
  if (++settled_ >= kSettleLooks) take();
}

void Screenshot::take() {
  timer_.stop();
  const bool written = window_->grab().save(file_, "PNG");
  if (!written) std::fprintf(stderr, "serpentarium: %s cannot be written\n", qUtf8Printable(file_));
  else std::printf("%s\n", qUtf8Printable(file_));
  workspace_.session->post(serp::Stop{false});
  QApplication::exit(written ? 0 : 6);
}

}  // namespace serp::app
