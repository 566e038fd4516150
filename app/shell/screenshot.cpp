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
    std::fprintf(stderr, "serpentarium: the run failed: %s\n",
                 session.series().events().empty() ? session.faults().text().c_str() : session.series().events().back().text.c_str());
    const int code = session.series().events().empty() ? 1 : session.series().events().back().exitCode;
    timer_.stop();
    QApplication::exit(code ? code : 1);
    return;
  }
  const auto& steps = session.series().steps();
  const bool there = afterSteps_ <= 0 || (!steps.empty() && steps.back().step >= afterSteps_) || (session.hasSession() && !session.isActive());
  if (!there) return;
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
