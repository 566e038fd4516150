// SPDX-License-Identifier: GPL-3.0-or-later
// Work off the GUI thread: run a function in the pool, hand its value to a receiver that may be gone by then.
#pragma once

#include <QCoreApplication>
#include <QMetaObject>
#include <QPointer>
#include <QThreadPool>
#include <memory>
#include <utility>

namespace serp::app {

/// Runs `work` in the global pool and `done(value)` on the GUI thread, unless `receiver` was deleted meanwhile. Returns at once.
/// `work` must hold values only: it may outlive the receiver.
template <class Work, class Then>
void inBackground(QObject* receiver, Work work, Then done) {
  QPointer<QObject> alive(receiver);
  QThreadPool::globalInstance()->start([alive, work = std::move(work), done = std::move(done)]() mutable {
    auto value = std::make_shared<decltype(work())>(work());
    // The application object outlives the pool's threads, so it is a safe address for the answer.
    QMetaObject::invokeMethod(
        qApp,
        [alive, value, done = std::move(done)]() mutable {
          if (alive) done(std::move(*value));
        },
        Qt::QueuedConnection);
  });
}

}  // namespace serp::app
