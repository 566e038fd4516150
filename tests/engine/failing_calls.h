// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the Nth write, fsync, close, rename or truncate of this thread fail, for real: the test program replaces the C calls.
#pragma once

#include <QString>

namespace serp::test {

/// From now on the nth such call of this thread (from 1) fails with `error`; with `andAllLater` every one after it too.
void failCall(int nth, int error, bool andAllLater = false);
/// Back to normal; gives the number of calls seen since failCall().
int stopFailing();

/// Names of files under `folder` that end like a temporary of ours.
QString leftoversUnder(const QString& folder);

}  // namespace serp::test
