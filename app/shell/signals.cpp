// SPDX-License-Identifier: GPL-3.0-or-later
// A pipe carries the signal from its handler, where almost nothing is allowed, to the event loop.
#include "app/shell/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <QSocketNotifier>
#include <csignal>

namespace serp::app {
namespace {

int pipeEnds[2] = {-1, -1};

void carry(int number) {
  std::signal(number, SIG_DFL);                      // the second one leaves at once
  const char byte = 1;
  [[maybe_unused]] const auto written = ::write(pipeEnds[1], &byte, 1);
}

}  // namespace

Signals::Signals(QObject* parent) : QObject(parent) {
  if (::pipe2(pipeEnds, O_CLOEXEC | O_NONBLOCK) != 0) return;
  auto* notifier = new QSocketNotifier(pipeEnds[0], QSocketNotifier::Read, this);
  connect(notifier, &QSocketNotifier::activated, this, [this] {
    char byte = 0;
    [[maybe_unused]] const auto got = ::read(pipeEnds[0], &byte, 1);
    Q_EMIT closeWished();
  });
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, carry);
}

}  // namespace serp::app
