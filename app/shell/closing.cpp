// SPDX-License-Identifier: GPL-3.0-or-later
// Saves before the window goes.
#include "app/shell/closing.h"

#include "app/session/notices.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"

namespace serp::app {
namespace {

constexpr int kBoundMs = 30000;

}  // namespace

Closing::Closing(Workspace& workspace, QObject* parent) : QObject(parent), workspace_(workspace) {
  bound_.setSingleShot(true);
  bound_.setInterval(kBoundMs);
  connect(&bound_, &QTimer::timeout, this, [this] {
    workspace_.notices->post(NoticeLevel::Warning, tr("The checkpoint is not written after 30 s."), tr("Close anyway"), [this] {
      done_ = true;
      Q_EMIT ready();
    });
  });
  connect(workspace.session, &SessionController::stateChanged, this, [this] {
    if (!asked_ || done_ || workspace_.session->isActive()) return;
    done_ = true;
    bound_.stop();
    Q_EMIT ready();
  });
}

bool Closing::mayClose() {
  if (done_ || asked_ || !workspace_.session->isActive() || !workspace_.session->hasSession()) return true;
  asked_ = true;
  bound_.start();
  workspace_.notices->info(tr("Saving a checkpoint before closing. Close again to leave at once."));
  workspace_.session->post(serp::Stop{true});
  return false;
}

}  // namespace serp::app
